"""What the seeds say together: means at every level, and tickets against their controls.

Networks of the same seed saw the same batches, and ticket and controls of a seed share a mask or
the first weights, so they are compared in pairs, seed by seed. Intervals are Student's t.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import sqrt
from statistics import fmean, stdev

from scipy.special import stdtrit

from efficiency.core.lottery import (
    CONTROLS,
    Contest,
    Measure,
    Outcome,
    Start,
    Training,
    Winner,
)

CONFIDENCE = 0.95


def value(training: Training, measure: Measure) -> float:
    """How the network did by this measure."""
    return {
        Measure.STOP_ITERATION: float(training.stop_iteration),
        Measure.STOP_SCORE: training.stop_score,
        Measure.END_SCORE: training.end_score,
    }[measure]


def outcomes(trainings: Sequence[Training]) -> tuple[Outcome, ...]:
    """Means over the seeds by level, start and measure, in the order of the trainings."""
    found = []
    for level, start in dict.fromkeys((each.level, each.start) for each in trainings):
        for measure in Measure:
            values = _by_seed(trainings, level, start, measure).values()
            low, high = interval(values, CONFIDENCE) or (None, None)
            if low is not None and high is not None and measure is not Measure.STOP_ITERATION:
                low, high = max(low, 0.0), min(high, 1.0)  # no share lies beyond
            found.append(
                Outcome(
                    level=level,
                    start=start,
                    measure=measure,
                    mean=fmean(values),
                    low=low,
                    high=high,
                )
            )
    return tuple(found)


def contests(
    trainings: Sequence[Training], rounds: int, steps: Mapping[Measure, float]
) -> tuple[Contest, ...]:
    """Tickets against both controls by every measure: over all levels, then level by level.

    rounds: levels that there are going to be with controls; the confidence of a single level is
    corrected for all of them (Bonferroni), so that it does not change on the way. steps: how fine
    each measure can be told apart, see `interval`.
    """
    found = []
    for control, measure in product(CONTROLS, Measure):
        levels = sorted({each.level for each in trainings if each.start is control})
        if not levels:
            continue
        by_level = {level: _differences(trainings, level, control, measure) for level in levels}
        seeds = by_level[levels[0]]
        over_all = [fmean(each[seed] for each in by_level.values()) for seed in seeds]
        step = steps[measure]
        found.append(
            _contest(None, control, measure, over_all, CONFIDENCE, step / sqrt(len(levels)))
        )
        corrected = 1 - (1 - CONFIDENCE) / rounds
        for level, differences in by_level.items():
            found.append(
                _contest(level, control, measure, list(differences.values()), corrected, step)
            )
    return tuple(found)


def matches(trainings: Sequence[Training], level: int, step: float) -> bool | None:
    """Whether tickets of this level end no worse than dense networks do.

    That is, whether the interval of ticket minus dense holds 0 or lies above. None with one seed.
    """
    tickets = _by_seed(trainings, level, Start.TICKET, Measure.END_SCORE)
    dense = _by_seed(trainings, 0, Start.TICKET, Measure.END_SCORE)
    found = interval((tickets[seed] - dense[seed] for seed in tickets), CONFIDENCE, step)
    return None if found is None else found[1] >= 0


def interval(
    values: Iterable[float], confidence: float, step: float = 0.0
) -> tuple[float, float] | None:
    """The t-interval of the mean of these values; None if there are fewer than two.

    step: values are differences of two numbers that were each rounded to it. A few of them may be
    equal by that alone, so their spread is taken to be at least the rounding's, step / sqrt(6).
    """
    values = tuple(values)
    if len(values) < 2:
        return None
    spread = max(stdev(values), step / sqrt(6))
    half = float(stdtrit(len(values) - 1, (1 + confidence) / 2)) * spread / sqrt(len(values))
    return fmean(values) - half, fmean(values) + half


def _contest(
    level: int | None,
    control: Start,
    measure: Measure,
    differences: list[float],
    confidence: float,
    step: float,
) -> Contest:
    low, high = interval(differences, confidence, step) or (None, None)
    return Contest(
        level=level,
        control=control,
        measure=measure,
        difference=fmean(differences),
        low=low,
        high=high,
        confidence=confidence,
        winner=_winner(measure, low, high),
    )


def _winner(measure: Measure, low: float | None, high: float | None) -> Winner:
    if low is None or high is None or low <= 0 <= high:
        return Winner.NEITHER
    more_is_better = measure is not Measure.STOP_ITERATION
    return Winner.TICKET if (low > 0) == more_is_better else Winner.CONTROL


def _differences(
    trainings: Sequence[Training], level: int, control: Start, measure: Measure
) -> dict[int, float]:
    """Ticket minus control by seed."""
    tickets = _by_seed(trainings, level, Start.TICKET, measure)
    controls = _by_seed(trainings, level, control, measure)
    return {seed: tickets[seed] - found for seed, found in controls.items()}


def _by_seed(
    trainings: Sequence[Training], level: int, start: Start, measure: Measure
) -> dict[int, float]:
    return {
        each.seed: value(each, measure)
        for each in trainings
        if each.level == level and each.start is start
    }
