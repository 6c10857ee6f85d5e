"""Formulas of fused recurrent layers: LSTM on the CPU; LSTM, GRU and plain RNN on CUDA.

Where PyTorch runs a recurrent layer operator by operator, its parts are counted by themselves; the
formulas come to the same. In every step the input and the state are multiplied by the rows of all
gates, and each hidden unit does some arithmetic of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from efficiency.measure.formulas.work import (
    NOTHING,
    Call,
    Work,
    contraction,
    elementwise,
    summation,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """(multiplications, additions) of a hidden unit in one step, besides its biases."""

    gates: int
    forward: tuple[int, int]
    backward: tuple[int, int]


# By PyTorch's number of the mode. Forward begins with one addition a gate, of input and state;
# backward ends with one addition, of the gradient that comes from the next step. The derivatives
# of sigmoid and tanh, s (1 - s) and 1 - t t, take 2 multiplications and 1 addition with the
# gradient they are multiplied by.
_CELLS = {
    0: _Cell(gates=1, forward=(0, 1), backward=(0, 1)),  # h' = relu(gate)
    1: _Cell(gates=1, forward=(0, 1), backward=(2, 2)),  # h' = tanh(gate)
    # LSTM: c' = f c + i g, h' = o tanh(c'). Backward: 2 products for h', 4 for c', whose gradient
    # has two parts, three sigmoids and two tanhs.
    2: _Cell(gates=4, forward=(3, 5), backward=(16, 7)),
    # GRU: n = tanh(x + r h), h' = (h - n) z + n. Backward: 2 products for h', 2 for n, two sigmoids
    # and a tanh; the gradients of n and of h have two parts.
    3: _Cell(gates=3, forward=(2, 5), backward=(10, 6)),
}


def mkldnn(call: Call) -> Work:
    """One layer in one direction; `input` is (time, batch, features)."""
    steps = call.input.shape[:-1].numel()
    return _forward(steps, _CELLS[call.mode], call.weight0, call.weight1, call.has_biases)


def mkldnn_backward(call: Call) -> Work:
    """The gradients of input, state, weights and biases, whether they are wanted or not."""
    steps = call.input.shape[:-1].numel()
    return _backward(steps, _CELLS[call.mode], call.weight1, call.weight2, call.has_biases)


def cudnn(call: Call) -> Work | None:
    """All layers in all directions."""
    return _all_layers(call, _forward)


def cudnn_backward(call: Call) -> Work | None:
    """The gradients of all layers in all directions."""
    return _all_layers(call, _backward)


def _all_layers(
    call: Call, formula: Callable[[int, _Cell, Tensor, Tensor, bool], Work]
) -> Work | None:
    if call.proj_size:
        return None
    steps, each = call.input.shape[:-1].numel(), call.weight_stride0
    work = NOTHING
    for first in range(0, len(call.weight), each):
        from_input, from_state, *biases = call.weight[first : first + each]
        work += formula(steps, _CELLS[call.mode], from_input, from_state, bool(biases))
    return work


def _forward(steps: int, cell: _Cell, from_input: Tensor, from_state: Tensor, biases: bool) -> Work:
    gates, (multiplications, additions) = steps * len(from_input), cell.forward
    return (
        contraction(steps * from_input.numel(), gates)
        + contraction(steps * from_state.numel(), gates)
        + elementwise(gates, additions=2 * biases)
        + elementwise(gates // cell.gates, multiplications=multiplications, additions=additions)
        + Work(left_out=("activations",))
    )


def _backward(
    steps: int, cell: _Cell, from_input: Tensor, from_state: Tensor, biases: bool
) -> Work:
    rows, (multiplications, additions) = len(from_input), cell.backward
    work = elementwise(
        steps * rows // cell.gates, multiplications=multiplications, additions=additions
    )
    for weight in (from_input, from_state):
        products = steps * weight.numel()
        work += contraction(products, steps * weight.shape[1])  # what came in
        work += contraction(products, weight.numel())
    # Both biases of a gate have the same gradient.
    return work + (summation(steps * rows, rows) if biases else NOTHING)


RECURRENT: dict[str, Callable[[Call], Work | None]] = {
    "mkldnn_rnn_layer": mkldnn,
    "mkldnn_rnn_layer_backward": mkldnn_backward,
    "_cudnn_rnn": cudnn,
    "_cudnn_rnn_backward": cudnn_backward,
}
