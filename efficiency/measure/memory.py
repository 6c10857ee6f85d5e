"""Peak memory by tensors: every storage from its birth to its death, split by what it was for.

The results of an operator are new storages; a weak reference tells when the last tensor on one is
gone. What a storage was for is often known only later (a result of the backward pass turns out to
be a gradient), so lives are written down first and the peak is found when all is known. Counted by
bytes of tensors, the answer is the same on CPU and CUDA and does not depend on an allocator;
workspace that a library keeps to itself is not seen.
"""

import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils._python_dispatch import is_traceable_wrapper_subclass
from torch.utils._pytree import tree_leaves

from efficiency.core.values import PeakMemory
from efficiency.measure.operators import OperatorWatch


class Role(StrEnum):
    """What a storage is for; the values are the fields of PeakMemory."""

    PARAMETERS = "parameters"
    GRADIENTS = "gradients"
    ACTIVATIONS = "activations"
    OPTIMIZER = "optimizer"
    TEMPORARY = "temporary"


def peak_memory(call: Callable[[], object], model: nn.Module) -> PeakMemory:
    """Run `call` once and return what was alive at its peak on the model's device.

    parameters: parameters and buffers, and the weights that quantized modules keep packed;
    activations: the inputs and every result of the forward pass; gradients: of the parameters;
    optimizer: its state; temporary: the rest, which the backward pass and the optimizer's step
    need in between. Of a tensor made outside, only the part that is used counts, so that a batch
    taken from a data set is not charged with the whole of it.
    """
    lives = _Lives(_device_of(model))
    for tensor in (*model.parameters(), *model.buffers()):
        lives.begin(tensor, Role.PARAMETERS, before=True)
    with ExitStack() as hooks:
        for parameter in model.parameters():
            if parameter.grad is not None:
                lives.begin(parameter.grad, Role.GRADIENTS, before=True)
            if parameter.requires_grad:
                handle = parameter.register_post_accumulate_grad_hook(lives.gradient)
                hooks.callback(handle.remove)
        hooks.callback(register_optimizer_step_pre_hook(lives.step_begins).remove)
        hooks.callback(register_optimizer_step_post_hook(lives.step_ends).remove)
        with lives:
            result = call()
    split = lives.peak()
    del result  # until here it was alive, as it is for a caller
    split[Role.PARAMETERS] += _packed_bytes(model)
    return PeakMemory(**split)


@dataclass(slots=True, eq=False)
class _Life:
    """One storage: bytes, purpose as far as known, and the first and last tick it was there."""

    size: int
    role: Role
    born: int
    died: int | None = None


class _Lives(OperatorWatch):
    """Writes down the life of every storage on one device. A tick is one operator."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._device = device
        self._tick = 0
        self._stepping = False
        self._all: list[_Life] = []
        self._now: dict[int, tuple[weakref.ref[torch.UntypedStorage], _Life]] = {}

    def begin(self, tensor: Tensor, role: Role, *, before: bool = False) -> None:
        """Notice the storage of a tensor unless it is known; `before` if it was there at first."""
        for part in _strided_parts(tensor):
            storage = part.untyped_storage()
            key = id(storage)
            if part.device != self._device or key in self._now:
                continue
            size = storage.nbytes()
            if before and role is Role.ACTIVATIONS:
                size = min(size, part.numel() * part.element_size())
            life = _Life(size, role, 0 if before else self._tick)
            self._all.append(life)
            self._now[key] = (weakref.ref(storage, partial(self._end, key)), life)

    def _end(self, key: int, _: object) -> None:
        _, life = self._now.pop(key)
        life.died = self._tick

    def _turns_out(self, tensor: Tensor, role: Role) -> None:
        for part in _strided_parts(tensor):
            known = self._now.get(id(part.untyped_storage()))
            if known is not None:
                known[1].role = role

    def gradient(self, parameter: Tensor) -> None:
        """Hook: the gradient of a parameter is complete."""
        if parameter.grad is not None:
            self._turns_out(parameter.grad, Role.GRADIENTS)

    def step_begins(self, *_: object) -> None:
        """Hook: an optimizer is about to step."""
        self._stepping = True

    def step_ends(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        """Hook: an optimizer has stepped, and its state exists."""
        self._stepping = False
        for tensor in _tensors(list(optimizer.state.values())):
            self._turns_out(tensor, Role.OPTIMIZER)

    def before(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Arguments that no operator here has made were there before."""
        for tensor in _tensors((args, kwargs)):
            self.begin(tensor, Role.ACTIVATIONS, before=True)

    def saw(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Results are born."""
        self._tick += 1
        # A private question, but PyTorch has no public one: is this thread in a backward pass?
        backward = torch._C._current_graph_task_id() != -1
        role = Role.TEMPORARY if backward or self._stepping else Role.ACTIVATIONS
        for tensor in _tensors(result):
            self.begin(tensor, role)

    def peak(self) -> dict[str, int]:
        """Bytes by role at the tick when most were alive."""
        self._now.clear()  # nobody's death matters any more
        changes = [0] * (self._tick + 2)
        for life in self._all:
            changes[life.born] += life.size
            if life.died is not None:
                changes[life.died + 1] -= life.size
        alive = list(accumulate(changes))
        peak = alive.index(max(alive))
        split = dict.fromkeys((role.value for role in Role), 0)
        for life in self._all:
            if life.born <= peak and (life.died is None or peak <= life.died):
                split[life.role] += life.size
        return split


def _device_of(model: nn.Module) -> torch.device:
    """Where the model lives; modules that hide their weights run on the CPU."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")


def _packed_bytes(model: nn.Module) -> int:
    """Bytes of weights that are in the state_dict but are no parameters or buffers.

    Quantized modules keep them in an object of their backend, which hands out copies. With a
    weight come its scales and zero points.
    """
    known = {
        id(tensor.untyped_storage())
        for each in (*model.parameters(), *model.buffers())
        for tensor in _strided_parts(each)
    }
    # All are held at once: of copies that come and go, two might have the same address.
    hidden = {
        part.data_ptr(): part
        for tensor in _opened(model.state_dict())
        for part in _strided_parts(tensor)
        if id(part.untyped_storage()) not in known
    }
    return sum(part.numel() * part.element_size() + _scale_bytes(part) for part in hidden.values())


def _opened(tree: Any) -> Iterator[Tensor]:
    """The tensors of a state dict, also those in the objects of quantized recurrent layers."""
    for leaf in tree_leaves(tree):
        if isinstance(leaf, torch.ScriptObject):
            yield from _opened(leaf.__getstate__())
        elif isinstance(leaf, Tensor):
            yield leaf


def _scale_bytes(tensor: Tensor) -> int:
    """Bytes of the numbers that give a quantized tensor its meaning."""
    if not tensor.is_quantized:
        return 0
    if tensor.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
        return 16  # one double and one 64-bit integer
    scales, points = tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points()
    return scales.nbytes + points.nbytes


def _tensors(tree: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor))


def _strided_parts(tensor: Tensor) -> Iterator[Tensor]:
    """The ordinary tensors with a storage that a tensor is made of."""
    outer: Any = tensor
    if is_traceable_wrapper_subclass(outer):
        for name in outer.__tensor_flatten__()[0]:
            yield from _strided_parts(getattr(outer, name))
    elif tensor.layout is torch.strided:
        yield tensor
    elif tensor.layout is torch.sparse_coo:
        yield from (tensor._indices(), tensor._values())
    elif tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        yield from (tensor.crow_indices(), tensor.col_indices(), tensor.values())
