"""One real step on a few examples: does PyTorch have kernels for this dtype that deserve the name?

Where it has none (float16 convolutions on most CPUs) every product is computed number by number.
The speed of matrix products tells nothing of that, and a hundred times as slow must be known before
hours are spent on it.
"""

import time
from dataclasses import dataclass, replace

from efficiency.core.mixed import TrainingSizes
from efficiency.core.requests import AmpRequest
from efficiency.measure.timing import waiter
from efficiency.routines.mixed_precision.candidates import Candidate
from efficiency.routines.mixed_precision.task import task_of
from efficiency.routines.mixed_precision.trainer import Trainer, float32_as

EXAMPLES = 4
STEPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Seconds of the fastest of STEPS steps on so few examples of a batch."""

    examples: int
    batch_size: int
    baseline: float
    mixed: float

    @property
    def slowdown(self) -> float:
        """Times as slow as the baseline."""
        return self.mixed / self.baseline

    @property
    def mixed_batch(self) -> float:
        """Seconds of a step on the whole batch, if each example takes as long as these."""
        return self.mixed * self.batch_size / self.examples


def try_step(
    request: AmpRequest, sizes: TrainingSizes, baseline: Candidate, mixed: Candidate
) -> Tried:
    """Train both candidates for a moment."""
    examples = min(EXAMPLES, sizes.batch_size)
    few = replace(sizes, batch_size=examples, batches=1, epochs=STEPS)
    return Tried(
        examples=examples,
        batch_size=sizes.batch_size,
        baseline=_seconds(request, few, baseline),
        mixed=_seconds(request, few, mixed),
    )


def _seconds(request: AmpRequest, sizes: TrainingSizes, candidate: Candidate) -> float:
    task = task_of(request, sizes)
    trainer, wait = Trainer(task, candidate, request.dtype), waiter(request.device)
    seconds = []
    with float32_as(trainer.float32):
        for batch in task.batches():
            wait()
            began = time.perf_counter()
            trainer.step(*batch)
            wait()
            seconds.append(time.perf_counter() - began)
    return min(seconds)
