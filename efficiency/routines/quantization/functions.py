"""The functions of PyTorch that a model calls: what goes in, what comes out, how long it takes.

Seen from outside, one call after another; what a function calls in turn is part of it. So a
recurrent layer is a single function. A compiled model calls none.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_leaves

INTEGERS = (torch.qint8, torch.quint8, torch.int8, torch.uint8)
INT8, FLOAT32 = "int8", "float32"
# They make a tensor, copy it, look at it in another way, or do nothing in evaluation.
NO_ARITHMETIC = {
    "arange", "cat", "chunk", "clone", "contiguous", "detach", "dropout", "empty", "expand",
    "expand_as", "flatten", "float", "full", "getitem", "movedim", "ones", "permute", "reshape",
    "select", "split", "squeeze", "stack", "to", "transpose", "type_as", "unbind", "unflatten",
    "unsqueeze", "view", "view_as", "zeros",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One function call. `given` and `made` are the number formats of tensors in and out: int8,
    float32 and so on, each once; int8 alone where biases in float32 come with it.

    `quantized` if it is one of PyTorch's int8 operators, whose weights are no tensors.
    """

    name: str
    given: tuple[str, ...]
    made: tuple[str, ...]
    quantized: bool
    seconds: float

    @property
    def computes(self) -> bool:
        """Whether it does arithmetic on numbers (not on positions or masks)."""
        return bool(self.made) and self.name not in NO_ARITHMETIC and not self.name.startswith("__")


class Functions(TorchFunctionMode):
    """Tells `saw` of every function that is called inside the block."""

    def __init__(self, saw: Callable[[Called], None]) -> None:
        super().__init__()
        self._saw = saw

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        began = time.perf_counter()
        result = func(*args, **kwargs)
        seconds = time.perf_counter() - began
        name, quantized = _name(func)
        self._saw(
            Called(
                name=name,
                given=_formats((args, kwargs)),
                made=_formats(result),
                quantized=quantized,
                seconds=seconds,
            )
        )
        return result


def _name(func: Any) -> tuple[str, bool]:
    """The function's own name (linear, conv2d_relu, add), and whether it is an int8 operator."""
    full = str(resolve_name(func) or getattr(func, "__qualname__", None) or func)
    own = full.removesuffix(".default").rpartition(".")[2]
    namespace = str(getattr(func, "__module__", ""))
    name = own if own.startswith("__") else own.strip("_")
    return name, "quantized" in namespace or "quantized" in full


def _formats(tree: Any) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(format_ for leaf in tree_leaves(tree) for format_ in _format(leaf)))
    return (INT8,) if INT8 in found else found


def _format(leaf: Any) -> Iterator[str]:
    if isinstance(leaf, Tensor):
        if leaf.dtype in INTEGERS:
            yield INT8
        elif leaf.is_floating_point():
            yield str(leaf.dtype).removeprefix("torch.")
