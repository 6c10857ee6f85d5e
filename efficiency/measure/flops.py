"""Arithmetic of one forward pass, counted on a real one, layer by layer.

Only operators with a formula are counted: matrix products, convolutions, attention, recurrent
layers. The formulas are PyTorch's own (`torch.utils.flop_counter`), completed for the CPU. What
else did work (activations, pooling, normalisation, copies) is named, never silently zero.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import flop_registry, sdpa_flop_count

from efficiency.core.errors import BadInput
from efficiency.core.values import Flops, LayerFlops
from efficiency.measure.layers import evaluating, watched
from efficiency.measure.operators import OperatorWatch

aten = torch.ops.aten

# Making a tensor is not arithmetic, and neither is a view, which an operator knows of itself.
_MAKING = {
    *("empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"),
    *("zeros", "zeros_like", "new_zeros", "zero_", "ones", "ones_like", "new_ones"),
    *("full", "full_like", "new_full", "fill_", "arange", "scalar_tensor", "lift_fresh"),
    "_unsafe_view",
}


def _mv(matrix: Tensor, vector: Tensor) -> int:
    return 2 * matrix.numel()


def _dot(left: Tensor, right: Tensor) -> int:
    return 2 * left.numel()


def _addmv(bias: Tensor, matrix: Tensor, vector: Tensor) -> int:
    return 2 * matrix.numel()


def _attention(query: Tensor, key: Tensor, value: Tensor) -> int:
    return int(sdpa_flop_count(query.shape, key.shape, value.shape))


def _recurrent(steps: Tensor, from_input: Tensor, from_state: Tensor) -> int:
    """Every step of every sequence goes through both matrices. steps: (time, batch, features)."""
    return 2 * prod(steps.shape[:2]) * (from_input.numel() + from_state.numel())


# operator -> (formula, number of leading arguments it looks at)
_MORE: dict[Any, tuple[Callable[..., int], int]] = {
    aten.mv: (_mv, 2),
    aten.dot: (_dot, 2),
    aten.addmv: (_addmv, 3),
    aten._scaled_dot_product_flash_attention_for_cpu: (_attention, 3),
    aten.mkldnn_rnn_layer: (_recurrent, 3),
}


def count_flops(model: nn.Module, inputs: tuple[Tensor, ...]) -> Flops:
    """Count one forward pass of `model(*inputs)` in evaluation mode, for the whole batch.

    `by_layer` has the multiply-accumulates of each innermost module, by its path, in the order of
    first use; `total` is twice their sum. Additions of biases and multiplications with padding
    follow PyTorch's convention: the former are not counted, the latter are. The model is left as
    it was. Raises BadInput, naming the layer, if it does not run on these inputs.
    """
    fast_attention = torch.backends.mha.get_fastpath_enabled()
    # The fused encoder layer is one operator without a formula; its parts have one.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with watched(model) as inside, evaluating(model), torch.no_grad():
            counter = _Counter(inside)
            try:
                with counter:
                    model(*inputs)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                raise BadInput(_failure(inside, inputs, error)) from error
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_attention)
    macs = {layer: flops // 2 for layer, flops in counter.flops.items()}
    return Flops(
        total=2 * sum(macs.values()),
        by_layer=tuple(LayerFlops(layer=layer, macs=count) for layer, count in macs.items()),
        uncounted=tuple(sorted(counter.uncounted)),
    )


class _Counter(OperatorWatch):
    def __init__(self, inside: list[str]) -> None:
        super().__init__()
        self._inside = inside
        self.flops: dict[str, int] = {}
        self.uncounted: set[str] = set()

    def saw(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Count the operator, or keep its name."""
        packet = func.overloadpacket
        if packet in _MORE:
            formula, count = _MORE[packet]
            self._add(formula(*args[:count]))
        elif packet in flop_registry:
            self._add(int(flop_registry[packet](*args, **kwargs, out_val=result)))
        elif not func.is_view and packet.__name__ not in _MAKING:
            self.uncounted.add(str(packet).removeprefix("aten."))

    def _add(self, flops: int) -> None:
        layer = self._inside[-1] if self._inside else ""
        self.flops[layer] = self.flops.get(layer, 0) + flops


def _failure(inside: list[str], inputs: tuple[Tensor, ...], error: RuntimeError) -> str:
    shapes = ", ".join(str(tuple(each.shape)) for each in inputs)
    layer = inside[-1] if inside else ""
    where = f"layer {layer}" if layer else "the model itself"
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
    return (
        f"The model does not run on an input of shape {shapes}: {where} stopped with {reason!r}; "
        "give the input shape it was made for."
    )
