"""The training step, rehearsed on tensors that have a shape and a dtype and no numbers.

It goes through PyTorch's own autograd and autocast and takes neither memory nor time, so that what
a step needs and does is known before anything runs, however large it is.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensorMode
from torch.utils._pytree import tree_leaves

from efficiency.core.mixed import TrainingSizes
from efficiency.core.requests import AmpRequest
from efficiency.core.values import PeakMemory
from efficiency.measure.formulas.table import operator
from efficiency.measure.memory import peak_memory
from efficiency.measure.operators import OperatorWatch
from efficiency.routines.mixed_precision.candidates import Candidate
from efficiency.routines.mixed_precision.task import loss_of, network, optimizer_of, split_of
from efficiency.routines.mixed_precision.trainer import DTYPES


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What one operator does: multiply-accumulates in a dtype, and bytes read and written.

    `converts` if it only turns numbers of one dtype into another.
    """

    macs: int
    dtype: torch.dtype
    bytes: int
    converts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """Peak of one step by tensors, and all that its operators do, in order."""

    peak: PeakMemory
    efforts: tuple[Effort, ...]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the step."""
        return sum(each.macs for each in self.efforts)

    @property
    def bytes(self) -> int:
        """Bytes that its operators read and write."""
        return sum(each.bytes for each in self.efforts)


def rehearse(
    request: AmpRequest, sizes: TrainingSizes, candidate: Candidate, dtype: str
) -> Rehearsal:
    """One step of the candidate, after a first one in which the optimizer makes its state."""
    example = _example(request, sizes)
    with FakeTensorMode(), torch.device(request.device):
        inputs, targets = (torch.empty(shape, dtype=kind) for shape, kind in example)
        model = network(request, sizes).train()
        optimizer = optimizer_of(request)(model.parameters())
        loss_function = loss_of(request)

        def step() -> None:
            with torch.autocast(request.device, dtype=DTYPES[dtype], enabled=candidate.autocast):
                loss = loss_function(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            if candidate.scaler:  # a real one asks for numbers; it reads and writes as much
                for parameter in model.parameters():
                    if parameter.grad is not None:
                        parameter.grad.mul_(1.0)
            optimizer.step()

        step()
        watch = _Efforts()
        with watch:
            step()
        return Rehearsal(peak=peak_memory(step, model), efforts=tuple(watch.efforts))


def _example(
    request: AmpRequest, sizes: TrainingSizes
) -> tuple[tuple[tuple[int, ...], torch.dtype], ...]:
    """Shape and dtype of the inputs and of the targets of one batch."""
    split = split_of(request)
    if split is None:
        return (((sizes.batch_size, sizes.width or 0), torch.float32),) * 2
    parts = (split.train_inputs, split.train_labels)
    return tuple(((sizes.batch_size, *part.shape[1:]), part.dtype) for part in parts)


class _Efforts(OperatorWatch):
    def __init__(self) -> None:
        super().__init__()
        self.efforts: list[Effort] = []

    def saw(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Note what the operator does, unless it only looks at a tensor in another way."""
        known = operator(func)
        if func.namespace != "aten" or known.free:
            return
        given, made = _floats((args, kwargs)), _floats(result)
        if not made:
            return
        try:
            work = known.work(args, kwargs, result)
        except DynamicOutputShapeException:  # it depends on the numbers, which no product does
            work = None
        self.efforts.append(
            Effort(
                macs=0 if work is None else work.macs,
                dtype=made[0].dtype,
                bytes=sum(each.nbytes for each in (*given, *made)),
                converts=known.name == "_to_copy",
            )
        )


def _floats(tree: Any) -> list[Tensor]:
    """The floating-point tensors in it, each once."""
    leaves = (leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor))
    return list({id(leaf): leaf for leaf in leaves if leaf.is_floating_point()}.values())
