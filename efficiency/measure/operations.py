"""The operations of a model and the numbers it moves, layer by layer, counted on a real pass.

Every operator that PyTorch runs is seen, its formula looked up, and the result added to the layer
that called it. Nothing is estimated from shapes of layers, so that functional calls, attention and
whatever a forward pass does by itself are in it.
"""

import copy
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn

from efficiency.core.anatomy import LayerWork, Stage
from efficiency.core.errors import BadInput
from efficiency.core.values import Flops, LayerFlops
from efficiency.measure.formulas import operator
from efficiency.measure.formulas.work import NOTHING, Work
from efficiency.measure.layers import Watch, evaluating, refused, separate_operators, watched
from efficiency.measure.operators import OperatorWatch
from efficiency.measure.outputs import output_tensor
from efficiency.measure.traffic import storage, traffic

# The number that autograd gives to what collects a gradient, which is part of no forward operator.
_COLLECTOR = 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """What every layer does in every stage, in the order of first use, for the whole batch.

    `uncounted` names operators without a formula, and parts that a formula leaves out.
    """

    layers: tuple[LayerWork, ...]
    uncounted: tuple[str, ...]


def count_operations(
    model: nn.Module, inputs: tuple[Tensor, ...], *, training: bool = False
) -> Operations:
    """Count one forward pass of `model(*inputs)` in evaluation mode, for the whole batch.

    training: count instead a forward pass in training mode, the backward pass from the mean of the
    squared outputs (whose own operators belong to no layer), and an update by plain SGD.
    Whole numbers, such as positions and masks, are not counted. The model is left as it was;
    training is done to a copy. Raises BadInput, naming the layer, if the model does not run on
    these inputs.
    """
    with torch.random.fork_rng(_cuda_devices(model)), separate_operators():
        return _training_step(model, inputs) if training else _inference(model, inputs)


def flops_of(operations: Operations) -> Flops:
    """The macs of the forward pass. By convention flops are twice those: elementwise arithmetic,
    which the multiplications and additions of `operations` include, is not in them."""
    layers = tuple(
        LayerFlops(layer=each.layer, macs=each.macs)
        for each in operations.layers
        if each.stage is Stage.FORWARD and each.macs
    )
    return Flops(
        total=2 * sum(each.macs for each in layers),
        by_layer=layers,
        uncounted=operations.uncounted,
    )


def _inference(model: nn.Module, inputs: tuple[Tensor, ...]) -> Operations:
    counter = _Counter(model)
    with (
        watched(model) as counter.watch,
        evaluating(model),
        torch.no_grad(),
        refused(counter.watch, inputs),
        counter,
    ):
        model(*inputs)
    return counter.operations()


def _training_step(model: nn.Module, inputs: tuple[Tensor, ...]) -> Operations:
    if not any(each.requires_grad for each in model.parameters()):
        raise BadInput("Nothing in this model can be trained; count an inference instead.")
    model = copy.deepcopy(model).train()
    model.zero_grad()
    inputs = tuple(each.detach().requires_grad_(each.requires_grad) for each in inputs)
    remedy = "give the input shape it was made for, and a batch that it can be trained on"
    counter = _Counter(model)
    with watched(model, counter.turn) as counter.watch, refused(counter.watch, inputs, remedy):
        with counter:
            output = model(*inputs)
        loss = output_tensor(output).square().mean()
        counter.stage = Stage.BACKWARD
        with counter:
            loss.backward()
        counter.stage = Stage.UPDATE
        optimizer = torch.optim.SGD(model.parameters(), foreach=False)
        with counter:
            optimizer.step()
    return counter.operations()


def _cuda_devices(model: nn.Module) -> Sequence[torch.device]:
    return list({each.device for each in model.parameters() if each.is_cuda})


@dataclass(slots=True)
class _Tally:
    """What one layer has done so far in one stage."""

    work: Work = NOTHING
    weights: int = 0
    inputs: int = 0
    outputs: int = 0


class _Counter(OperatorWatch):
    """Adds every operator to the layer that called it, or whose operator it is the backward of.

    stage: the one that operators now belong to. watch: knows which layer is running.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.stage = Stage.FORWARD
        self.watch = Watch()
        self._classes = {path: type(module).__name__ for path, module in model.named_modules()}
        self._owners: dict[int | None, str] = {}  # of the storages of parameters and buffers
        for path, module in model.named_modules():
            for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
                if (place := storage(tensor)) is not None:
                    self._owners.setdefault(place, path)
        self._turns: list[tuple[int, str | None]] = []
        self._tallies: dict[tuple[Stage, str], _Tally] = {}
        self._uncounted: set[str] = set()

    def turn(self) -> None:
        """Note which layer the autograd nodes belong to that are made from now on."""
        next_number = torch._C._autograd._get_sequence_nr()
        self._turns.append((next_number, self.watch.innermost))

    def saw(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Count the operator, or keep its name."""
        known = operator(func)
        if known.free:
            return
        moved = traffic(known.name, args, kwargs, result, self._owners)
        if moved is None:  # positions, masks and the like
            return
        layer = self._layer(args)
        if layer is None:
            return
        tally = self._tallies.setdefault((self.stage, layer), _Tally())
        tally.weights += moved.weights
        tally.inputs += moved.inputs
        tally.outputs += moved.outputs
        work = known.work(args, kwargs, result)
        if work is None:
            self._uncounted.add(known.name)
            return
        tally.work += work
        self._uncounted.update(f"{part} in {known.name}" for part in work.left_out)

    def operations(self) -> Operations:
        """All that was seen."""
        return Operations(
            layers=tuple(
                LayerWork(
                    layer=layer,
                    module=self._classes[layer],
                    stage=stage,
                    macs=tally.work.macs,
                    multiplications=tally.work.multiplications,
                    additions=tally.work.additions,
                    weights=tally.weights,
                    inputs=tally.inputs,
                    outputs=tally.outputs,
                )
                for (stage, layer), tally in self._tallies.items()
            ),
            uncounted=tuple(sorted(self._uncounted)),
        )

    def _layer(self, args: tuple[Any, ...]) -> str | None:
        """The path of the layer that an operator belongs to; None for those of the loss.

        A backward operator runs inside an autograd node, which has the number of its forward one.
        """
        running = self.watch.innermost
        if running is not None:  # in a backward pass too, where a forward pass is done again
            return running
        if self.stage is Stage.FORWARD:
            return ""
        if self.stage is Stage.UPDATE:
            return self._owners.get(storage(args[0]))
        node: Any = torch._C._current_autograd_node()
        if node is None:
            return None
        number = node._sequence_nr()
        if number == _COLLECTOR:
            return self._owners.get(storage(node.variable))
        turn = bisect_right(self._turns, number, key=itemgetter(0)) - 1
        return self._turns[turn][1] if turn >= 0 else None
