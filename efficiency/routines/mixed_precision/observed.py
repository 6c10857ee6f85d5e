"""What is seen of one real step of a candidate before the experiment: memory, and dtypes.

A copy of the network takes the step, so the experiment starts from untouched weights. It is the
second step, when gradients and the optimizer's state are there; the first warms everything up.
"""

from efficiency.core.mixed import OperatorDtype
from efficiency.core.values import PeakMemory
from efficiency.measure.dtypes import operator_dtypes
from efficiency.measure.memory import peak_memory
from efficiency.routines.mixed_precision.candidates import Candidate
from efficiency.routines.mixed_precision.task import Batch, Task
from efficiency.routines.mixed_precision.trainer import Trainer, float32_as


def step_peak(task: Task, candidate: Candidate, dtype: str) -> PeakMemory:
    """The peak of one step by tensors, split by what they are for."""
    trainer, batch = _after_one_step(task, candidate, dtype)
    with float32_as(trainer.float32):
        return peak_memory(lambda: trainer.step(*batch), trainer.model)


def step_operators(task: Task, candidate: Candidate, dtype: str) -> tuple[OperatorDtype, ...]:
    """Every operator of one step with the dtype it ran in."""
    trainer, batch = _after_one_step(task, candidate, dtype)
    return operator_dtypes(lambda: trainer.step(*batch), task.device)


def _after_one_step(task: Task, candidate: Candidate, dtype: str) -> tuple[Trainer, Batch]:
    trainer = Trainer(task, candidate, dtype)
    batch = next(task.batches())
    with float32_as(trainer.float32):
        trainer.step(*batch)
    return trainer, batch
