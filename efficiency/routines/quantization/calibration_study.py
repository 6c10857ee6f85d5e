"""How many inputs static quantization needs to be calibrated on, and what the wrong ones do.

Each point is a model of its own: calibrated, converted, and run on held-out inputs. The wrong data
are two mistakes that people make: random numbers instead of data, and data that was not scaled as
the network's inputs are.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from efficiency.core.quantization import CalibrationPoint
from efficiency.measure.fidelity import sqnr_db
from efficiency.measure.outputs import output_tensor
from efficiency.routines.subject import Subject
from efficiency.workloads.inputs import CHUNK, random_inputs
from efficiency.workloads.split import score

COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
WRONG_COUNTS = (1, 16, 256)
SEEDS = 5
SECONDS = 15.0
HELD_OUT = 512  # inputs at most that every model is run on
UNSCALED = 255.0  # pixels as files have them

RIGHT = "training inputs"
NOISE = "random numbers"
TOKENS = "random tokens"
NOT_SCALED = "training inputs, not scaled (times 255)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """One model to be made: how many inputs of which source, chosen with which seed."""

    source: str
    samples: int
    seed: int


def calibration_study(
    subject: Subject,
    quantize: Callable[[Tensor], nn.Module],
    *,
    counts: tuple[int, ...] = COUNTS,
    seeds: int = SEEDS,
    seconds: float = SECONDS,
    on_point: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[CalibrationPoint, ...]:
    """Score and SQNR for each number of calibration inputs and each seed, by source and number.

    quantize: the model calibrated on these inputs (N, ...). Nothing for a subject without data. All
    of seed 0 comes first; a seed that would not be done within `seconds` is not begun.
    """
    split = subject.split
    if split is None:
        return ()
    inputs, labels = split.held_out_inputs[:HELD_OUT], split.held_out_labels[:HELD_OUT]
    expected = _outputs(subject.model, inputs)
    known = [count for count in counts if count <= len(split.train_inputs)]
    found: list[CalibrationPoint] = []
    total = seeds * len(list(_plans(subject, known, 0)))
    began = time.perf_counter()
    for seed in range(seeds):
        if seed and (time.perf_counter() - began) * (seed + 1) / seed > seconds:
            break
        for plan in _plans(subject, known, seed):
            outputs = _outputs(quantize(_calibration(subject, plan)), inputs)
            found.append(
                CalibrationPoint(
                    source=plan.source,
                    samples=plan.samples,
                    seed=plan.seed,
                    score=score(outputs, labels),
                    sqnr_db=sqnr_db(expected, outputs),
                )
            )
            on_point(len(found), total)
    order = {source: place for place, source in enumerate((RIGHT, NOISE, TOKENS, NOT_SCALED))}
    return tuple(sorted(found, key=lambda each: (order[each.source], each.samples, each.seed)))


def _plans(subject: Subject, counts: list[int], seed: int) -> Iterator[_Plan]:
    wrong = (TOKENS,) if subject.workload.vocabulary is not None else (NOISE, NOT_SCALED)
    few = [count for count in WRONG_COUNTS if count in counts]
    for source, numbers in ((RIGHT, counts), *((source, few) for source in wrong)):
        for samples in numbers:
            yield _Plan(source=source, samples=samples, seed=seed)


def _calibration(subject: Subject, plan: _Plan) -> Tensor:
    """The inputs of a plan; of a larger one with the same seed they are the first."""
    if subject.split is None:
        raise AssertionError("there are no plans without data")
    data = subject.split.train_inputs
    if plan.source in (NOISE, TOKENS):
        shape = (plan.samples, *data.shape[1:])
        return random_inputs(shape, subject.workload.vocabulary, plan.seed)
    order = torch.Generator().manual_seed(plan.seed)
    chosen = data[torch.randperm(len(data), generator=order)[: plan.samples]]
    return chosen * UNSCALED if plan.source == NOT_SCALED else chosen


@torch.no_grad()
def _outputs(model: nn.Module, inputs: Tensor) -> Tensor:
    return torch.cat([output_tensor(model(chunk)) for chunk in inputs.split(CHUNK)])
