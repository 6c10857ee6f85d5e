"""The ticket against the dense network it came from: the same seeds, with an interval.

A seed's ticket and its dense network share their first weights and their batches, so they are
compared in pairs: the mean over the seeds of ticket minus dense, with its 95 % t-interval. Scores
are counted in images and iterations in checkpoints, so a few differences may be equal by that
alone: their spread is taken to be at least that of the rounding.
"""

from dataclasses import dataclass
from math import log, sqrt
from statistics import mean, stdev

from efficiency.core.lottery import Level, Lottery, Measure, Start, Training

# 97.5 % quantiles of Student's t for 1 to 19 degrees of freedom: as many as there can be seeds.
QUANTILES = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093,
)  # fmt: skip
NEAR = 1.2  # a level counts as lying at a share if it is at most so many times away


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstDense:
    """Mean over the seeds of ticket minus dense at one level; no interval with a single seed."""

    level: Level
    measure: Measure
    ticket: float
    dense: float
    difference: float
    low: float | None
    high: float | None

    @property
    def worse(self) -> bool:
        """Whether the ticket is clearly less accurate: the whole interval is below zero."""
        return self.high is not None and self.high < 0


def against_dense(found: Lottery, measure: Measure) -> tuple[AgainstDense, ...]:
    """For every level at which a ticket was trained to the end, from most weights to fewest."""
    done = {(each.level, each.start) for each in found.outcomes}
    dense = _by_seed(found, 0, measure)
    compared = []
    for level in sorted(found.levels, key=lambda each: each.level):
        ticket = _by_seed(found, level.level, measure)
        both = [seed for seed in ticket if seed in dense]
        if level.level > 0 and both and (level.level, Start.TICKET) in done:
            differences = [ticket[seed] - dense[seed] for seed in both]
            half = _half(differences, _step(found, measure))
            middle = mean(differences)
            compared.append(
                AgainstDense(
                    level=level,
                    measure=measure,
                    ticket=mean(ticket[seed] for seed in both),
                    dense=mean(dense[seed] for seed in both),
                    difference=middle,
                    low=None if half is None else middle - half,
                    high=None if half is None else middle + half,
                )
            )
    return tuple(compared)


def smallest_as_accurate(found: Lottery) -> AgainstDense | None:
    """The last level before the first at which the ticket is clearly less accurate at the end.

    None where that is the first level, or where there are no intervals to tell by.
    """
    lasting = None
    for each in against_dense(found, Measure.END_SCORE):
        if each.low is None or each.worse:
            break
        lasting = each
    return lasting


def nearest_level(found: Lottery, share: float) -> Level | None:
    """The level with about this share of the weights left; None where none lies near it."""
    pruned = [each for each in found.levels if each.level > 0]
    nearest = min(pruned, key=lambda each: abs(log(each.kept / share)), default=None)
    if nearest is None or abs(log(nearest.kept / share)) > log(NEAR):
        return None
    return nearest


def value_of(training: Training, measure: Measure) -> float:
    """What a network reached, by one measure."""
    return {
        Measure.STOP_ITERATION: float(training.stop_iteration),
        Measure.STOP_SCORE: training.stop_score,
        Measure.END_SCORE: training.end_score,
    }[measure]


def _by_seed(found: Lottery, level: int, measure: Measure) -> dict[int, float]:
    return {
        each.seed: value_of(each, measure)
        for each in found.trainings
        if (each.level, each.start) == (level, Start.TICKET)
    }


def _step(found: Lottery, measure: Measure) -> float:
    """How fine a measure is: one checkpoint, or one test image."""
    if measure is Measure.STOP_ITERATION:
        return float(found.settings.check_every)
    return 1 / found.images[2] if found.images[2] else 0.0


def _half(differences: list[float], step: float) -> float | None:
    """Half the width of the t-interval of the mean; both parts of a difference are rounded."""
    count = len(differences)
    if count < 2:
        return None
    spread = max(stdev(differences), step / sqrt(6))
    return QUANTILES[count - 2] * spread / sqrt(count)
