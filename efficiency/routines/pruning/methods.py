"""Two pruning methods of our own, made the way PyTorch wants them: EveryNth and Threshold.

A method says which numbers stay, in `compute_mask`; parameters, buffers and hooks are PyTorch's
business. It is handed only what earlier methods have left, so both can be applied repeatedly. Pages
and exported programs show the text of this file.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils import prune


class EveryNth(prune.BasePruningMethod):
    """Prunes every n-th number, whatever it is."""

    PRUNING_TYPE: ClassVar[str] = "unstructured"

    def __init__(self, every: int) -> None:
        self.every = every

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask so far, without every n-th of its entries."""
        places = torch.arange(1, t.numel() + 1, device=t.device)
        keeps = (places % self.every != 0).view_as(t)
        return default_mask * keeps.to(default_mask.dtype)


def every_nth(module: nn.Module, name: str, every: int) -> nn.Module:
    """Prune every n-th number of a parameter; the module itself is changed and returned."""
    EveryNth.apply(module, name, every=every)
    return module


class Threshold(prune.BasePruningMethod):
    """Prunes the numbers of smaller magnitude than a threshold, however many there are."""

    PRUNING_TYPE: ClassVar[str] = "unstructured"

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask so far, without the entries of small numbers."""
        return default_mask * (t.abs() >= self.threshold).to(default_mask.dtype)


def threshold(module: nn.Module, name: str, threshold: float) -> nn.Module:
    """Prune the small numbers of a parameter; the module itself is changed and returned."""
    Threshold.apply(module, name, threshold=threshold)
    return module
