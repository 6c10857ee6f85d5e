"""Steps that change a module, and what there is to see of it after each: tensors and hooks.

All is read off the module itself, in the order in which PyTorch lists it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from efficiency.core.pruning import AnatomyStep, HookState, Role, TensorState
from efficiency.routines.pruning.unstructured import seeded

MOST_VALUES = 512  # of a tensor, to be shown one by one


class Step(NamedTuple):
    """A line of code, what it does, and what there is to say about the module afterwards.

    `act` returns the module to look at.
    """

    title: str
    code: str
    act: Callable[[], nn.Module]
    said: Callable[[], str]


def steps_taken(module: nn.Module, steps: Sequence[Step], seed: int) -> tuple[AnatomyStep, ...]:
    """Do the steps one after the other, and look at the module after each."""
    found: list[AnatomyStep] = []
    tensors: dict[tuple[Role, str], Tensor] = {}
    hooks: dict[int, HookState] = {}
    first_key = _next_key(module)
    with seeded(seed):
        for step in steps:
            module = step.act()
            tensors_before, tensors = tensors, _tensors(module)
            hooks_before, hooks = hooks, pruning_hooks(module, first_key)
            names = {name for _, name in tensors}
            found.append(
                AnatomyStep(
                    title=step.title,
                    code=step.code,
                    said=step.said(),
                    tensors=tuple(
                        _state(role, name, tensor, tensors_before.get((role, name)), bool(found))
                        for (role, name), tensor in tensors.items()
                    ),
                    hooks=tuple(
                        replace(hook, changed=hooks_before.get(key) != hook)
                        for key, hook in hooks.items()
                    ),
                    gone=tuple(name for _, name in tensors_before if name not in names),
                    hooks_gone=len(hooks_before.keys() - hooks.keys()),
                )
            )
    return tuple(found)


def _tensors(module: nn.Module) -> dict[tuple[Role, str], Tensor]:
    """Copies of all tensors of a module, in the order in which PyTorch lists them."""
    listed = (
        (Role.PARAMETER, module.named_parameters(recurse=False)),
        (Role.BUFFER, module.named_buffers(recurse=False)),
        (Role.ATTRIBUTE, vars(module).items()),
    )
    return {
        (role, name): value.detach().cpu().clone()
        for role, entries in listed
        for name, value in entries
        if isinstance(value, Tensor)
    }


def _state(
    role: Role, name: str, tensor: Tensor, before: Tensor | None, later: bool
) -> TensorState:
    """What there is to see of a tensor; `later` than the first step, it can have changed."""
    shown = tensor.numel() <= MOST_VALUES and tensor.is_floating_point()
    return TensorState(
        name=name,
        role=role,
        shape=tuple(tensor.shape),
        nonzero=int(torch.count_nonzero(tensor)),
        # str() of a float32 is the shortest number that tells it from its neighbours
        values=tuple(float(str(each)) for each in tensor.flatten().numpy()) if shown else (),
        changed=later and (before is None or not torch.equal(before, tensor)),
    )


def pruning_hooks(module: nn.Module, first_key: int = 0) -> dict[int, HookState]:
    """The pruning hooks of a module by their keys, counted from the first one."""
    return {
        key - first_key: HookState(
            key=key - first_key,
            hook=type(hook).__name__,
            tensor=hook._tensor_name,
            inside=tuple(type(each).__name__ for each in _methods(hook)),
        )
        for key, hook in module._forward_pre_hooks.items()
        if isinstance(hook, prune.BasePruningMethod)
    }


def _methods(hook: prune.BasePruningMethod) -> tuple[prune.BasePruningMethod, ...]:
    return tuple(hook) if isinstance(hook, prune.PruningContainer) else ()


def _next_key(module: nn.Module) -> int:
    """The key that the next hook will have; PyTorch counts all hooks of a process."""
    handle = module.register_forward_pre_hook(lambda module, inputs: None)
    handle.remove()
    return handle.id + 1
