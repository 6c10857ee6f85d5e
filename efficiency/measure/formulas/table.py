"""Operator -> formula: what every operator of PyTorch computes, and which compute nothing.

An operator without a formula is not skipped but named, and so is what a formula leaves out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from torch.utils.flop_counter import flop_registry

from efficiency.measure.formulas.contractions import CONTRACTIONS
from efficiency.measure.formulas.elementwise import ELEMENTWISE
from efficiency.measure.formulas.normalisations import NORMALISATIONS
from efficiency.measure.formulas.recurrence import RECURRENT
from efficiency.measure.formulas.work import NOTHING, Call, Work

Formula = Callable[[Call], Work | None]

# These make a tensor, or look at one in another way where PyTorch does not say so by itself.
_FREE = {
    *("empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"),
    *("zeros", "zeros_like", "new_zeros", "zero", "ones", "ones_like", "new_ones"),
    *("full", "full_like", "new_full", "fill", "arange", "scalar_tensor", "lift_fresh"),
    *("_unsafe_view", "unsafe_split", "unsafe_split_with_sizes"),
}
# These only put numbers elsewhere.
_COPYING = {
    *("clone", "copy", "_to_copy", "cat", "stack", "repeat", "flip", "roll", "tril", "triu"),
    *("index", "index_select", "gather", "embedding", "where", "masked_fill"),
    *("slice_backward", "select_backward", "slice_scatter", "select_scatter"),
    *("constant_pad_nd", "reflection_pad2d", "upsample_nearest2d", "im2col", "pixel_shuffle"),
}
_FORMULAS: dict[str, Formula] = {
    **dict.fromkeys(_COPYING, lambda _: NOTHING),
    **CONTRACTIONS,
    **RECURRENT,
    **NORMALISATIONS,
    **ELEMENTWISE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """What is known of one operator (`torch._ops.OpOverload`).

    `name` is the same for the operator that changes its operand in place. `free` ones neither
    compute nor move numbers.
    """

    name: str
    free: bool
    formula: Formula | None
    parameters: tuple[tuple[str, Any], ...]

    def work(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Work | None:
        """What one call computes; None if there is no formula for it."""
        if self.formula is None:
            return None
        given = dict(zip((name for name, _ in self.parameters), args, strict=False)) | kwargs
        named = {name: given.get(name, default) for name, default in self.parameters}
        return self.formula(Call(result=result, operands=tuple(named.values()), **named))


@cache
def operator(func: Any) -> Operator:
    """What is known of an operator."""
    packet = func.overloadpacket
    name = str(packet).removeprefix("aten.")
    if name.endswith("_") and not name.endswith("__"):
        name = name[:-1]
    formula = _FORMULAS.get(name)
    if formula is None and packet in flop_registry:
        formula = _by_pytorch(flop_registry[packet])
    return Operator(
        name=name,
        free=func.is_view or name in _FREE,
        formula=formula,
        parameters=tuple((each.name, each.default_value) for each in func._schema.arguments),
    )


def _by_pytorch(flops: Callable[..., int]) -> Formula:
    """PyTorch's own formula, which takes a sum of n products for n additions."""

    def formula(call: Call) -> Work:
        macs = flops(*call.operands, out_val=call.result) // 2
        return Work(macs=macs, multiplications=macs, additions=macs)

    return formula
