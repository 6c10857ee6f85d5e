"""Which layer of a model is running right now, told by hooks that go away afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from torch import nn
from torch.utils.hooks import RemovableHandle


@contextmanager
def watched(model: nn.Module) -> Iterator[list[str]]:
    """A list that holds, while the model runs, the paths of the modules it is inside of.

    Outermost first; the model itself has the path "". A module that fails leaves its path behind.
    """
    inside: list[str] = []
    handles: list[RemovableHandle] = []

    def enter(path: str, *_: object) -> None:
        inside.append(path)

    def leave(*_: object) -> None:
        inside.pop()

    try:
        for path, module in model.named_modules():
            handles.append(module.register_forward_pre_hook(partial(enter, path)))
            handles.append(module.register_forward_hook(leave))
        yield inside
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the block; afterwards every module is in the mode it was in."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
