"""Weights set to zero with `torch.nn.utils.prune`: a mask in front of every forward pass."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import prune

SEED = 0
PARAMETERS: tuple[str, ...] = ()  # like "conv1.weight"; () for the weights of all layers
FUNCTION: Callable[..., nn.Module] = prune.l1_unstructured
METHOD: Any = prune.L1Unstructured  # the same, where weights of all layers are compared
TOGETHER = False  # compare the weights of all layers with each other
SETTINGS: dict[str, Any] = {"amount": 0.5}
ITERATIONS = 1


def places(model: nn.Module) -> list[tuple[nn.Module, str]]:
    """The modules, and the names in them, of what is pruned."""
    if PARAMETERS:
        parts = [each.rpartition(".") for each in PARAMETERS]
        return [(model.get_submodule(path), name) for path, _, name in parts]
    found: list[tuple[nn.Module, str]] = []
    for layer in model.modules():
        if isinstance(layer, nn.RNNBase):
            names = [name for name, _ in layer.named_parameters(recurse=False)]
            found += [(layer, name) for name in names if name.startswith("weight_")]
        elif isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            found.append((layer, "weight"))
    return found


def shrink(model: nn.Module, example: Tensor) -> nn.Module:
    """Prune the model; weights are computed from `weight_orig` and `weight_mask` from now on."""
    torch.manual_seed(SEED)
    for _ in range(ITERATIONS):
        if TOGETHER:
            prune.global_unstructured(places(model), METHOD, **SETTINGS)
            continue
        for module, name in places(model):
            FUNCTION(module, name, **SETTINGS)
    return model


def finish(model: nn.Module) -> nn.Module:
    """Make it permanent: the zeros stay in the weights, masks and hooks go."""
    for module, name in places(model):
        prune.remove(module, name)
    return model
