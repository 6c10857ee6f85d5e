"""The experiment: all candidates train side by side, each with its own copy of the network.

In every round each takes one step on the same batch, in an order shuffled for the round, and its
seconds are one sample. So drift and load are the same for all, and the ratios have intervals.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from random import Random
from statistics import mean

from torch import Tensor

from efficiency.core.mixed import LossCurve
from efficiency.core.values import Timing
from efficiency.measure.timing import no_garbage_collection, waiter
from efficiency.routines.mixed_precision.task import Batch, Task
from efficiency.routines.mixed_precision.trainer import Trainer, float32_as


@dataclass(slots=True)
class Record:
    """What is written down of one candidate: seconds and losses, one of each a step."""

    seconds: list[float] = field(default_factory=list)
    losses: list[Tensor] = field(default_factory=list)


Records = dict[str, Record]


def train(
    task: Task,
    trainers: Mapping[str, Trainer],
    *,
    seed: int,
    on_round: Callable[[Records], None] = lambda records: None,
) -> Records:
    """Train all of them through all steps of the task, in place.

    on_round: given the records so far after every round, outside the timed steps.
    """
    wait = waiter(task.device)
    records = {name: Record() for name in trainers}
    order = list(trainers)
    shuffle = Random(seed).shuffle  # noqa: S311 - not for secrets
    for done, batch in enumerate(task.batches()):
        shuffle(order)
        with no_garbage_collection():
            for name in order:
                trainers[name].slow_down(done / task.sizes.steps)
                _step(trainers[name], batch, records[name], wait)
        on_round(records)
    return records


def _step(trainer: Trainer, batch: Batch, record: Record, wait: Callable[[], None]) -> None:
    with float32_as(trainer.float32):
        wait()
        began = time.perf_counter()
        loss = trainer.step(*batch)
        wait()
        record.seconds.append(time.perf_counter() - began)
    record.losses.append(loss)  # its number is asked for later: that would wait for the device


def timing(record: Record) -> Timing:
    """Seconds of every step so far."""
    return Timing(samples=tuple(record.seconds))


def curve(name: str, record: Record) -> LossCurve:
    """The losses as numbers; None where they are NaN or infinite."""
    return LossCurve(row=name, losses=tuple(_number(loss) for loss in record.losses))


def final_loss(losses: Sequence[float | None], batches: int) -> float | None:
    """Mean loss of the last epoch; None if any of them is NaN or infinite."""
    known = [loss for loss in losses[-batches:] if loss is not None]
    return mean(known) if known and len(known) == len(losses[-batches:]) else None


def _number(loss: Tensor) -> float | None:
    number = float(loss)
    return number if isfinite(number) else None
