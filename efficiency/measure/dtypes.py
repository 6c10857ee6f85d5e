"""Which dtype every operator of a training step really ran in.

Two watches at two heights: the functions that the forward pass calls are seen above autocast, the
operators that run are seen below it, after it has converted what they are given.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_leaves

from efficiency.core.anatomy import Stage
from efficiency.core.mixed import OperatorDtype
from efficiency.measure.autocast_lists import listed
from efficiency.measure.operators import OperatorWatch

CONVERSION = "_to_copy"  # what autocast itself runs, to convert what an operator is given
Seen = tuple[str, str | None, str]  # operator, function, dtype


def operator_dtypes(step: Callable[[], object], device: str) -> tuple[OperatorDtype, ...]:
    """Run one training step and say how often each operator ran in which dtype, in order.

    Views are left out, as they compute nothing, and what handles no floating-point numbers.
    """
    functions = _Functions()
    watch = _Dtypes(functions)
    with functions, watch:
        step()
    return tuple(
        OperatorDtype(
            operator=operator,
            function=function,
            dtype=dtype,
            forward=counts[Stage.FORWARD],
            backward=counts[Stage.BACKWARD],
            update=counts[Stage.UPDATE],
            listed=None
            if not counts[Stage.FORWARD] or operator == CONVERSION
            else listed(device, function, operator),
        )
        for (operator, function, dtype), counts in watch.seen.items()
    )


class _Functions(TorchFunctionMode):
    """Knows the function of PyTorch that was called last from outside of PyTorch."""

    def __init__(self) -> None:
        super().__init__()
        self.current: str | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        before, self.current = self.current, _name(func)
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self.current = before


class _Dtypes(OperatorWatch):
    def __init__(self, functions: _Functions) -> None:
        super().__init__()
        self._functions = functions
        self._stage = Stage.FORWARD
        self.seen: dict[Seen, Counter[Stage]] = {}

    def saw(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Count the operator under its name, the function that it ran for, and its dtype."""
        # A private question, but PyTorch has no public one: is this thread in a backward pass?
        # Its first operator, which makes the gradient of the loss itself, runs just before it.
        if torch._C._current_graph_task_id() != -1 or self._functions.current == "backward":
            self._stage = Stage.BACKWARD
        elif self._stage is Stage.BACKWARD:
            self._stage = Stage.UPDATE
        dtype = _dtype((args, kwargs), result)
        if func.is_view or dtype is None:
            return
        function = self._functions.current if self._stage is Stage.FORWARD else None
        name = func.overloadpacket.__name__
        self.seen.setdefault((name, function, dtype), Counter())[self._stage] += 1


def _name(func: Any) -> str:
    """The function's own name, without the class or module it belongs to."""
    full = resolve_name(func) or getattr(func, "__name__", str(func))
    return str(full).rpartition(".")[2]


def _dtype(arguments: Any, result: Any) -> str | None:
    """One dtype where all floating-point tensors agree; None where there are none."""
    given, made = _dtypes(arguments), _dtypes(result)
    if not given or not made or given == made:
        return given or made or None
    return f"{given} → {made}"


def _dtypes(tree: Any) -> str:
    return " + ".join(sorted({str(each.dtype).removeprefix("torch.") for each in _floats(tree)}))


def _floats(tree: Any) -> Iterator[Tensor]:
    for leaf in tree_leaves(tree):
        if isinstance(leaf, Tensor) and leaf.is_floating_point():
            yield leaf
