"""Where it pays: short comparisons of float32 against mixed precision over batches and widths."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from efficiency.core.mixed import SweepPoint, TrainingSizes
from efficiency.core.requests import AmpRequest
from efficiency.measure.device import free_memory
from efficiency.measure.timing import compare
from efficiency.routines.mixed_precision.candidates import Candidate
from efficiency.routines.mixed_precision.repeatable import repeatable
from efficiency.routines.mixed_precision.task import MLP, task_of
from efficiency.routines.mixed_precision.trainer import Trainer

SECONDS = 60.0
LAYERS = 3
BATCHES = (32, 128, 512)
# A GPU has far more to do at once before it is full.
WIDTHS = {"cpu": (128, 256, 512, 1024), "cuda": (512, 1024, 2048, 4096)}
# At one batch size also widths that are no multiples of 8, close to ones that are.
ODD_BATCH = 128
ODD = {"cpu": (257, 513, 1021), "cuda": (1025, 2047, 4095)}
BYTES_A_WEIGHT = 24  # weight and gradient of two networks, copies in the lower precision, with room


def points(device: str) -> tuple[tuple[int, int], ...]:
    """Batch size and width of every point, the cheapest first."""
    grid = [(batch, width) for width in WIDTHS[device] for batch in BATCHES]
    odd = [(ODD_BATCH, width) for width in ODD[device]]
    return tuple(sorted((*grid, *odd), key=lambda point: point[0] * point[1] ** 2))


def sweep(
    request: AmpRequest,
    baseline: Candidate,
    mixed: Candidate,
    *,
    seconds: float = SECONDS,
    on_point: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[SweepPoint, ...]:
    """One comparison for each point, of equal length, all in about `seconds`."""
    end = time.perf_counter() + seconds
    plan = points(request.device)
    found = []
    for done, (batch_size, width) in enumerate(plan):
        on_point(done, len(plan))
        point = SweepPoint(batch_size=batch_size, width=width, speedup=None)
        left = end - time.perf_counter()
        if left <= 0:
            reason = f"Left out: the {seconds:g} s of the sweep were spent."
        elif BYTES_A_WEIGHT * LAYERS * width**2 > free_memory(request.device):
            reason = "Left out: it does not fit into the free memory."
        else:
            found.append(_compared(request, baseline, mixed, point, left / (len(plan) - done)))
            continue
        found.append(replace(point, unavailable=reason))
    return tuple(sorted(found, key=lambda each: (each.batch_size, each.width)))


def _compared(
    request: AmpRequest, baseline: Candidate, mixed: Candidate, point: SweepPoint, seconds: float
) -> SweepPoint:
    sizes = TrainingSizes(
        batch_size=point.batch_size, batches=1, epochs=1, width=point.width, layers=LAYERS
    )
    task = task_of(replace(request, workload=MLP), sizes)
    batch = next(task.batches())
    steps = {
        each.name: partial(Trainer(task, each, request.dtype).step, *batch)
        for each in (baseline, mixed)
    }
    ratio = compare(
        steps, device=request.device, budget_seconds=seconds, seed=request.seed
    ).speedups[mixed.name]
    if ratio is None:
        raise AssertionError("only the baseline has no ratio")
    ratio = repeatable(ratio)
    return replace(point, speedup=ratio.ratio, low=ratio.low, high=ratio.high)
