"""What paired times say: the ratio, its interval, and one of three verdicts.

The ratio is the median over rounds of baseline / candidate seconds. Both times of a pair are a few
milliseconds apart, so that drift and load cancel, and a median ignores the rounds in which one of
the two was interrupted.

Level: 99 %, because a report asks about ten candidates at once; at 95 % two reports in five
would contain an interval that misses.

Rounds are resampled one by one: after shuffling, the ratios of successive rounds are as good as
independent (`benchmarks/timing.py` prints their autocorrelation).

Band: a verdict needs the whole interval outside 1/1.03 to 1.03. More rounds shrink the interval
but not the difference between two identical models, which lie at different addresses and so use
caches and pages differently: up to 1 % for LeNet and 2 % for a memory-bound MLP, steady within a
process, different in the next. It is real, but it is no property of the model. In 200 comparisons
each, intervals missed 1 in 1.5 % for an object against itself (1 % is promised) and in 5.5 % for a
copy; with the band neither got a verdict. See Mytkowicz et al., "Producing wrong data without
doing anything obviously wrong!" (ASPLOS 2009).
"""

from collections.abc import Sequence
from math import ceil, floor, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from efficiency.core.values import EQUIVALENCE_BAND, INTERVAL_LEVEL, Ratio, Timing, Verdict

RESAMPLES = 2000
RESAMPLES_AT_ONCE = 500  # so that memory stays small


def compare_paired(baseline: Timing, candidate: Timing, *, seed: int = 0) -> Ratio:
    """The ratio with a bootstrap interval (percentile method: the others need a smooth statistic,
    which a median is not). Sample i of both must come from the same round."""
    ratios = _ratios(baseline.samples, candidate.samples)
    random = np.random.default_rng(seed)
    # Not scipy.stats.bootstrap, which gives the same numbers: its import takes a second of every
    # process that measures.
    medians = np.concatenate(
        [
            np.median(ratios[random.integers(0, len(ratios), (RESAMPLES_AT_ONCE, len(ratios)))], -1)
            for _ in range(RESAMPLES // RESAMPLES_AT_ONCE)
        ]
    )
    low, high = np.quantile(medians, [(1 - INTERVAL_LEVEL) / 2, (1 + INTERVAL_LEVEL) / 2])
    return _ratio(ratios, float(low), float(high))


def glance_paired(baseline: Timing, candidate: Timing) -> Ratio | None:
    """The same from the ranks that enclose a median, for looks at a running measurement.

    None while there are too few rounds for an interval.

    The number of ratios below the true median is binomial(n, 1/2), here by its normal
    approximation; costs one sort.
    """
    ratios = np.sort(_ratios(baseline.samples, candidate.samples))
    count = len(ratios)
    reach = NormalDist().inv_cdf((1 + INTERVAL_LEVEL) / 2) * sqrt(count) / 2
    below, above = floor((count - 1) / 2 - reach), ceil((count - 1) / 2 + reach)
    if below < 0:
        return None
    return _ratio(ratios, float(ratios[below]), float(ratios[above]))


def judge(low: float, high: float) -> Verdict:
    """The verdict that an interval allows."""
    if low > EQUIVALENCE_BAND:
        return Verdict.FASTER
    if high < 1 / EQUIVALENCE_BAND:
        return Verdict.SLOWER
    return Verdict.SAME


def _ratios(baseline: Sequence[float], candidate: Sequence[float]) -> NDArray[np.float64]:
    return np.asarray(baseline, np.float64) / np.asarray(candidate, np.float64)


def _ratio(ratios: NDArray[np.float64], low: float, high: float) -> Ratio:
    return Ratio(ratio=float(np.median(ratios)), low=low, high=high, verdict=judge(low, high))
