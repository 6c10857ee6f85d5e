"""Masks of every technique by `torch.nn.utils.prune`, as a request asks for them.

The masks keep the shape of every tensor, also where whole channels are zero. What is asked is
checked against the model first, so that a wrong amount is told in a sentence.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from efficiency.core.errors import BadInput
from efficiency.core.requests import STRUCTURED, PruneRequest, pruning_amount
from efficiency.routines.pruning import methods
from efficiency.routines.pruning.selection import place

Places = Sequence[tuple[nn.Module, str]]

LAYER_BY_LAYER: dict[str, Callable[..., nn.Module]] = {
    "l1_unstructured": prune.l1_unstructured,
    "random_unstructured": prune.random_unstructured,
    "ln_structured": prune.ln_structured,
    "random_structured": prune.random_structured,
    "identity": prune.identity,
    "every_nth": methods.every_nth,
    "threshold": methods.threshold,
}
ALL_TOGETHER = {
    "l1_unstructured": prune.L1Unstructured,
    "random_unstructured": prune.RandomUnstructured,
    "global_unstructured": prune.L1Unstructured,
    "identity": prune.Identity,
    "every_nth": methods.EveryNth,
    "threshold": methods.Threshold,
}
NORMS: dict[str, int | float] = {"1": 1, "2": 2, "inf": float("inf")}


def prune_once(places: Places, request: PruneRequest) -> None:
    """One iteration of what the request asks, on top of what was pruned before."""
    settings = arguments(request)
    if is_global(request):
        prune.global_unstructured(places, ALL_TOGETHER[request.technique], **settings)
        return
    for module, name in places:
        LAYER_BY_LAYER[request.technique](module, name, **settings)


def is_global(request: PruneRequest) -> bool:
    """Whether the weights of all parameters are compared with each other."""
    return request.scope == "global" or request.technique == "global_unstructured"


def arguments(request: PruneRequest) -> dict[str, Any]:
    """What the technique's function takes beside the module and the name."""
    amount = pruning_amount(request.amount)
    settings: dict[str, dict[str, Any]] = {
        "ln_structured": {"amount": amount, "n": NORMS[request.norm], "dim": request.dim},
        "random_structured": {"amount": amount, "dim": request.dim},
        "identity": {},
        "every_nth": {"every": request.every},
        "threshold": {"threshold": request.threshold},
    }
    return settings.get(request.technique, {"amount": amount})


def masks_of(model: nn.Module) -> dict[str, Tensor]:
    """The masks of a model whose hooks are still on, by the name of the parameter."""
    return {
        f"{path}.{name}" if path else name: module.get_buffer(f"{name}_mask")
        for path, module in model.named_modules()
        for name in pruned_names(module)
    }


def make_permanent(model: nn.Module) -> None:
    """Take all hooks and masks off this model; the zeros stay in its parameters.

    PyTorch leaves the sign of each zero. As numbers those are the same, as bytes they are not, and
    the file of a model of zeros zips to a fraction without them.
    """
    for module in model.modules():
        for name in pruned_names(module):
            prune.remove(module, name)
            module.get_parameter(name).data.add_(0.0)  # -0.0 + 0.0 is 0.0


def pruned_names(module: nn.Module) -> tuple[str, ...]:
    """The names of the tensors that pruning hooks of this module compute."""
    return tuple(
        hook._tensor_name
        for hook in module._forward_pre_hooks.values()
        if isinstance(hook, prune.BasePruningMethod)
    )


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random numbers from this seed, and those of the caller as if nothing had been drawn."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def check(model: nn.Module, names: tuple[str, ...], request: PruneRequest) -> None:
    """Raise BadInput if that cannot be pruned, or if nothing would be left."""
    weights = {name: getattr(*place(model, name)) for name in names}
    if request.technique in STRUCTURED:
        flat = [name for name, weight in weights.items() if weight.ndim < 2]
        if flat:
            raise BadInput(
                f"{flat[0]} has one dimension and so no channels; prune it by l1_unstructured or "
                "random_unstructured."
            )
        of = "output channels" if request.dim == 0 else "input channels"
        sizes = {name: weight.shape[request.dim] for name, weight in weights.items()}
    else:
        of = "weights"
        sizes = {name: weight.numel() for name, weight in weights.items()}
    if request.technique == "threshold":
        largest = max(float(weight.detach().abs().max()) for weight in weights.values())
        if largest < request.threshold:
            raise BadInput(
                f"All weights are smaller than the threshold {request.threshold:g}; choose one of "
                f"{largest:.3g}, the largest magnitude, or less."
            )
    elif "amount" in arguments(request):
        together = {"All parameters together have": sum(sizes.values())}
        each = {f"{name} has": size for name, size in sizes.items()}
        for has, size in (together if is_global(request) else each).items():
            _check_amount(request, has, size, of)


def _check_amount(request: PruneRequest, has: str, size: int, of: str) -> None:
    """Go through the iterations by counting, as PyTorch counts: a share is rounded."""
    amount, left = pruning_amount(request.amount), size
    for iteration in range(1, request.iterations + 1):
        taken = amount if isinstance(amount, int) else round(amount * left)
        if taken < left or taken == 0:
            left -= taken
            continue
        found = f"{has} {left} {of if left != 1 else of.removesuffix('s')}"
        if iteration > 1:
            found += f" left in iteration {iteration}"
        if taken > left:
            raise BadInput(f"{found}, so {taken} cannot be pruned; ask for less.")
        raise BadInput(f"{found}, and an amount of {request.amount} prunes all; leave some.")
