"""Seeing every operator that PyTorch runs, with its arguments and results."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class OperatorWatch(TorchDispatchMode):
    """Base of what counts something per operator: say in `saw` what to do with each one."""

    def before(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Called with the arguments just before an operator runs."""

    def saw(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Called after an operator (`torch._ops.OpOverload`) has run."""
        raise NotImplementedError

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if torch.is_inference_mode_enabled():
            # Autograd, which takes composite operators apart, is skipped: do it here.
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        self.before(args, kwargs)
        result = func(*args, **kwargs)
        self.saw(func, args, kwargs, result)
        return result
