"""Fused recurrent layers against closed forms, and against the same layers operator by operator."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

from efficiency.core.anatomy import Stage
from efficiency.measure.formulas import operator
from tests.measure.counted import arithmetic, count, in_all, work

TIME, BATCH, INPUTS, HIDDEN = 5, 3, 8, 16
STEPS = TIME * BATCH
DATA = torch.randn(TIME, BATCH, INPUTS)


@contextmanager
def operator_by_operator() -> Iterator[None]:
    """Without oneDNN an LSTM on the CPU is run like the other recurrent layers."""
    enabled, *_ = torch.backends.mkldnn.set_flags(False)
    try:
        yield
    finally:
        torch.backends.mkldnn.set_flags(enabled)


def test_lstm() -> None:
    operations = count(nn.LSTM(INPUTS, HIDDEN), DATA)
    products = STEPS * 4 * HIDDEN * (INPUTS + HIDDEN)
    # A gate is W x + b + V h + c; c' = f c + i g; h' = o tanh(c').
    gates = STEPS * 4 * HIDDEN * (INPUTS - 1 + 1 + 1 + HIDDEN - 1 + 1)
    assert arithmetic(work(operations)) == (
        products,
        products + STEPS * HIDDEN * 3,
        gates + STEPS * HIDDEN,
    )
    assert operations.uncounted == ("activations in mkldnn_rnn_layer",)


def test_gru_and_plain_rnn() -> None:
    products = STEPS * HIDDEN * (INPUTS + HIDDEN)
    gate = INPUTS + HIDDEN  # additions of W x + b and V h + c
    gru = count(nn.GRU(INPUTS, HIDDEN), DATA)
    # r, z and n = tanh(x + r h) add their two parts; h' = (h - n) z + n.
    assert arithmetic(work(gru)) == (
        3 * products,
        3 * products + STEPS * HIDDEN * 2,
        STEPS * HIDDEN * (3 * gate + 3 + 2),
    )
    assert gru.uncounted == ("sigmoid", "tanh")
    rnn = count(nn.RNN(INPUTS, HIDDEN), DATA)
    assert arithmetic(work(rnn)) == (products, products, STEPS * HIDDEN * (gate + 1))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bias", [False, True])
def test_fused_lstm_is_the_sum_of_its_operators(
    layers: int, bidirectional: bool, bias: bool
) -> None:
    model = nn.LSTM(INPUTS, HIDDEN, layers, bidirectional=bidirectional, bias=bias)
    directions = 1 + bidirectional
    rows = 4 * HIDDEN * directions
    fused = work(count(model, DATA))
    assert fused.macs == STEPS * rows * (
        INPUTS + HIDDEN + (layers - 1) * (directions * HIDDEN + HIDDEN)
    )
    with operator_by_operator():
        assert arithmetic(fused) == arithmetic(work(count(model, DATA)))


class Everything(nn.Module):
    """All outputs and last states, so that all have gradients, and states that have them too."""

    def __init__(self, layer: nn.RNNBase, states: int) -> None:
        super().__init__()
        self.layer, self.states = layer, states

    def forward(self, data: Tensor, *states: Tensor) -> Tensor:
        outputs, last = self.layer(data, states if self.states > 1 else states[0])
        return torch.cat([outputs, *([last] if self.states == 1 else last)])


def with_states(states: int) -> list[Tensor]:
    return [
        each.clone().requires_grad_() for each in (DATA, *[torch.zeros(1, BATCH, HIDDEN)] * states)
    ]


def test_gradients_of_a_fused_lstm_are_the_sum_of_its_operators() -> None:
    model = Everything(nn.LSTM(INPUTS, HIDDEN), states=2)
    fused = work(count(model, *with_states(2), training=True), Stage.BACKWARD, "layer")
    with operator_by_operator():
        apart = work(count(model, *with_states(2), training=True), Stage.BACKWARD, "layer")
    # Both biases have the same gradient; the fused layer adds it up once.
    twice = (STEPS - 1) * 4 * HIDDEN
    assert (fused.macs, fused.multiplications) == (apart.macs, apart.multiplications)
    assert fused.additions == apart.additions - twice


@pytest.mark.parametrize(
    ("layer", "mode", "states"),
    [
        (nn.RNN(INPUTS, HIDDEN, nonlinearity="relu"), 0, 1),
        (nn.RNN(INPUTS, HIDDEN), 1, 1),
        (nn.LSTM(INPUTS, HIDDEN), 2, 2),
        (nn.GRU(INPUTS, HIDDEN), 3, 1),
    ],
)
def test_cudnn_layers_are_the_sum_of_their_operators(
    layer: nn.RNNBase, mode: int, states: int
) -> None:
    """The formulas for CUDA, given what PyTorch passes there."""
    model = Everything(layer, states)
    with operator_by_operator():
        apart = count(model, *with_states(states), training=True)
    weights = list(layer.parameters())
    shape = (mode, HIDDEN, 0, 1, False, 0.0, True, False, [], None)
    aten = torch.ops.aten
    fused = operator(aten._cudnn_rnn.default).work(
        (DATA, weights, 4, None, DATA, None, *shape), {}, None
    )
    assert fused is not None
    assert (fused.macs, fused.multiplications, fused.additions) == arithmetic(
        work(apart, layer="layer")
    )
    fused = operator(aten._cudnn_rnn_backward.default).work(
        (DATA, weights, 4, None, DATA, None, *[None] * 4, *shape, None, [True] * 4), {}, None
    )
    found = work(apart, Stage.BACKWARD, "layer")
    twice = (STEPS - 1) * len(weights[0])
    assert fused is not None
    assert (fused.macs, fused.multiplications, fused.additions) == (
        found.macs,
        found.multiplications,
        found.additions - twice,
    )


def test_cells() -> None:
    data, products = torch.randn(BATCH, INPUTS), BATCH * 4 * HIDDEN * (INPUTS + HIDDEN)
    macs, multiplications, _ = in_all(count(nn.LSTMCell(INPUTS, HIDDEN), data))
    assert (macs, multiplications) == (products, products + 3 * BATCH * HIDDEN)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_cuda_computes_the_same(kind: type[nn.RNNBase]) -> None:
    here = kind(INPUTS, HIDDEN, 2)
    on_cuda = kind(INPUTS, HIDDEN, 2).cuda()
    weights = sum(each.numel() for each in here.parameters())
    found = work(count(on_cuda, DATA.cuda()))
    assert arithmetic(found) == arithmetic(work(count(here, DATA)))
    assert found.weights == weights
