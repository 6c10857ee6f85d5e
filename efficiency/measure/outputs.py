"""The tensor that a model is judged by, whatever its forward pass returns."""

from typing import Any

from torch import Tensor


def output_tensor(output: Any) -> Tensor:
    """The tensor a model is judged by: its output, the logits, or the first of several."""
    if isinstance(output, Tensor):
        return output.float().cpu()
    if hasattr(output, "logits"):
        return output_tensor(output.logits)
    return output_tensor(next(iter(output.values() if isinstance(output, dict) else output)))
