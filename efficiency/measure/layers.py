"""Which layer of a model is running right now, told by hooks that go away afterwards."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from efficiency.core.errors import BadInput


class Watch:
    """Which modules of a model are running, by their paths; the model itself has the path "".

    inside: all of them, outermost first. failed: the one that the last exception, `error`, came
    out of.
    """

    def __init__(self, turn: Callable[[], None] = lambda: None) -> None:
        self.inside: list[str] = []
        self.failed = ""
        self.error: BaseException | None = None
        self._turn = turn

    @property
    def innermost(self) -> str | None:
        """The module that is running now, None if none is."""
        return self.inside[-1] if self.inside else None

    def enter(self, path: str, *_: object) -> None:
        """Hook: a module begins."""
        self.inside.append(path)
        self._turn()

    def leave(self, *_: object) -> None:
        """Hook: the innermost module ends, by itself or by an exception on its way out."""
        path = self.inside.pop()
        error = sys.exc_info()[1]
        if error is not None and error is not self.error:
            self.error, self.failed = error, path
        self._turn()


@contextmanager
def watched(model: nn.Module, turn: Callable[[], None] = lambda: None) -> Iterator[Watch]:
    """Watch the model inside the block; `turn` is called when another module is the innermost."""
    watch = Watch(turn)
    handles: list[RemovableHandle] = []
    try:
        for path, module in model.named_modules():
            handles.append(module.register_forward_pre_hook(partial(watch.enter, path)))
            handles.append(module.register_forward_hook(watch.leave, always_call=True))
        yield watch
    finally:
        watch.error = None  # which holds on to the frames it went through, and their tensors
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


@contextmanager
def separate_operators() -> Iterator[None]:
    """Encoder layers run one operator at a time inside the block, and their layers are called.

    In evaluation PyTorch otherwise makes them a single operator, which has no formula.
    """
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


@contextmanager
def refused(
    watch: Watch,
    inputs: Sequence[Tensor],
    remedy: str = "give the input shape it was made for",
) -> Iterator[None]:
    """What stops the model inside the block becomes BadInput; it names the layer and the remedy."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError, IndexError) as error:
        shapes = ", ".join(str(tuple(each.shape)) for each in inputs)
        where = f"layer {watch.failed}" if watch.failed else "the model itself"
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise BadInput(
            f"The model does not run on an input of shape {shapes}: {where} stopped with "
            f"{reason!r}; {remedy}."
        ) from error
