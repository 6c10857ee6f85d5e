"""The life of a gradient scaler in a run in which overflow really happens, step by step.

On CUDA the network trains in float16, as users do. Elsewhere it trains in float32, and the scaled
gradients are rounded to float16 for real, on the tensors, before the scaler looks at them: what is
too large is then infinite and what is too small is zero, as it would be there.
"""

from math import floor, isfinite, log2

import torch

from efficiency.core.mixed import ScalerStep
from efficiency.routines.mixed_precision.candidates import Candidate
from efficiency.routines.mixed_precision.task import Task
from efficiency.routines.mixed_precision.trainer import Trainer

STEPS = 40
GROWTH_INTERVAL = 6  # steps without overflow; usually 2000
TOO_HIGH = 3  # doublings above the largest scale that overflows nothing
LARGEST = 65504.0  # of float16

_HALF = Candidate(name="scaler-life", label="fp16 with loss scaling", autocast=True, scaler=True)
_ROUNDED = Candidate(name="scaler-life", label="fp32, gradients rounded to fp16", scaler=True)


def scaler_life(task: Task) -> tuple[ScalerStep, ...]:
    """Train for STEPS steps of the task, from its initial weights, and tell what the scaler did.

    It starts a few doublings above what the first step's gradients can bear, and grows soon, so
    that skipping, backing off and growing all happen within the run.
    """
    real = task.device == "cuda"
    scaler = torch.amp.GradScaler(
        task.device, init_scale=starting_scale(task), growth_interval=GROWTH_INTERVAL
    )
    trainer = Trainer(task, _HALF if real else _ROUNDED, "float16", scaler)
    if not real:
        for parameter in trainer.model.parameters():
            parameter.register_post_accumulate_grad_hook(round_to_half)
    life = []
    batches = task.batches()
    for _ in range(STEPS):
        batch = next(batches, None)
        if batch is None:  # the run was shorter: once more from the beginning
            batches = task.batches()
            batch = next(batches)
        scale = scaler.get_scale()
        loss = float(trainer.step(*batch))
        after = scaler.get_scale()
        life.append(
            ScalerStep(
                scale=scale,
                skipped=after < scale,
                next_scale=after,
                loss=loss if isfinite(loss) else None,
            )
        )
    return tuple(life)


def round_to_half(parameter: torch.Tensor) -> None:
    """Hook: the gradient of a parameter as float16 would have it, kept in float32."""
    if parameter.grad is not None:
        parameter.grad.copy_(parameter.grad.half())


def starting_scale(task: Task) -> float:
    """TOO_HIGH doublings above the largest power of 2 that overflows nothing in the first step."""
    trainer = Trainer(task, Candidate(name="probe", label="fp32", mixed=False), "float16")
    trainer.step(*next(task.batches()))
    largest = max(
        float(each.grad.abs().max()) for each in trainer.model.parameters() if each.grad is not None
    )
    if not 0 < largest < float("inf"):
        return 2.0**16  # PyTorch's own
    return 2.0 ** (floor(log2(LARGEST / largest)) + TOO_HIGH)
