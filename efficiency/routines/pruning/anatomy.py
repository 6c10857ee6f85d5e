"""What PyTorch does to a module that is pruned, line by line.

Two sequences, each on a copy: the tutorial's, and that of a request.
"""

import copy
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from efficiency.core.pruning import ModuleAnatomy
from efficiency.core.requests import PruneRequest
from efficiency.routines.pruning.code_lines import (
    module_line,
    parameters_lines,
    pruning_lines,
    remove_lines,
)
from efficiency.routines.pruning.module_states import Step, pruning_hooks, steps_taken
from efficiency.routines.pruning.selection import WEIGHTED, asked, place
from efficiency.routines.pruning.unstructured import check, is_global, masks_of, prune_once

BIAS_AMOUNT = 3


def tutorial_anatomy(model: nn.Module, seed: int) -> ModuleAnatomy | None:
    """The tutorial's sequence on the first convolution or linear layer whose bias is long enough.

    Weights at random, the smallest of the bias, both once more, and `remove`. None where the model
    has no such layer.
    """
    path = next((path for path, layer in model.named_modules() if _fits(layer)), None)
    if path is None:
        return None
    module = copy.deepcopy(model.get_submodule(path))
    smallest = f'prune.l1_unstructured(module, name="bias", amount={BIAS_AMOUNT})'
    steps = (
        Step(
            "before",
            module_line(path),
            lambda: module,
            lambda: "weight and bias are parameters: the numbers that training changes.",
        ),
        Step(
            "weights at random",
            'prune.random_unstructured(module, name="weight", amount=0.3)',
            lambda: prune.random_unstructured(module, name="weight", amount=0.3),
            lambda: _said_pruned(module, "weight"),
        ),
        Step(
            "the smallest of the bias",
            smallest,
            lambda: prune.l1_unstructured(module, name="bias", amount=BIAS_AMOUNT),
            lambda: _said_pruned(module, "bias"),
        ),
        Step(
            "the same line again",
            smallest,
            lambda: prune.l1_unstructured(module, name="bias", amount=BIAS_AMOUNT),
            lambda: _said_pruned(module, "bias"),
        ),
        Step(
            "whole channels on top",
            'prune.ln_structured(module, name="weight", amount=0.5, n=2, dim=0)',
            lambda: prune.ln_structured(module, name="weight", amount=0.5, n=2, dim=0),
            lambda: _said_pruned(module, "weight"),
        ),
        *(
            Step(
                f"{name} for good",
                remove_lines([name]),
                partial(prune.remove, module, name),
                partial(_said_removed, (name,)),
            )
            for name in ("weight", "bias")
        ),
    )
    return ModuleAnatomy(
        title="The tutorial's sequence",
        module=path,
        module_type=type(module).__name__,
        steps=steps_taken(module, steps, seed),
    )


@torch.no_grad()  # so that the module can be copied while its hooks are on
def pruned_with_anatomy(
    model: nn.Module, request: PruneRequest
) -> tuple[nn.Module, dict[str, Tensor], ModuleAnatomy]:
    """A copy that is pruned as the request asks, its masks by name, and how it came about.

    PyTorch's hooks are still on; the steps are those of the module that holds the first parameter.
    Raises BadInput for what the model cannot be asked for, Unavailable if it has nothing to prune.
    """
    model = copy.deepcopy(model)
    names = asked(model, request.parameters)
    check(model, names, request)
    places = [place(model, name) for name in names]
    module, first = places[0]
    path = names[0].rpartition(".")[0]
    own = tuple(name for holder, name in places if holder is module)
    listed = f"\n{parameters_lines(names)}" if is_global(request) else ""
    many = request.iterations > 1

    def pruned() -> nn.Module:
        prune_once(places, request)
        return module

    def removed() -> nn.Module:
        copied = copy.deepcopy(module)
        for name in own:
            prune.remove(copied, name)
        return copied

    steps = (
        Step(
            "before",
            module_line(path) + listed,
            lambda: module,
            lambda: f"Nothing is pruned yet: training changes all numbers of {own[0]}.",
        ),
        *(
            Step(
                f"iteration {iteration}" if many else request.technique,
                pruning_lines(request, own),
                pruned,
                lambda: _said_pruned(module, first),
            )
            for iteration in range(1, request.iterations + 1)
        ),
        Step(
            "for good",
            remove_lines(own),
            removed,
            partial(_said_removed, own),
        ),
    )
    anatomy = ModuleAnatomy(
        title="What you asked for",
        module=path,
        module_type=type(module).__name__,
        steps=steps_taken(module, steps, request.seed),
    )
    return model, masks_of(model), anatomy


def _fits(layer: nn.Module) -> bool:
    bias = getattr(layer, "bias", None)
    return isinstance(layer, WEIGHTED) and bias is not None and bias.numel() >= 2 * BIAS_AMOUNT


def _said_pruned(module: nn.Module, name: str) -> str:
    """What the last pruning of this tensor has left behind."""
    (hook,) = (each for each in pruning_hooks(module).values() if each.tensor == name)
    mask = module.get_buffer(f"{name}_mask")
    zeros = f"{mask.numel() - int(mask.sum())} of {mask.numel()}"
    if hook.inside:
        return (
            f"A PruningContainer takes the place of the hook on {name}: the new method looks only "
            f"at what was left, and {zeros} are masked now."
        )
    if hook.hook == prune.CustomFromMask.__name__:
        return (
            f"The mask of {name} was cut out of one for all parameters together, hence "
            f"CustomFromMask; it hides {zeros} here, and {name}_orig keeps all of them."
        )
    return (
        f"{name} is no parameter any more but an attribute, {name}_orig times {name}_mask, which "
        f"a hook computes before every forward pass; {zeros} are masked."
    )


def _said_removed(names: tuple[str, ...]) -> str:
    listed = " and ".join(names)
    return (
        f"{listed}: a parameter again, the zeros written into it; the mask, the hook and the "
        "numbers that were masked are gone, so this cannot be undone."
    )
