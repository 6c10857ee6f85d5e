"""Weights in the precision of the architecture: the baseline, and pruned weights stored densely."""

from torch import Tensor, nn


def restore(model: nn.Module, tensors: dict[str, Tensor], example: Tensor) -> nn.Module:
    """The float model with these weights. `example` is not needed here."""
    model.load_state_dict(tensors)
    return model.eval()
