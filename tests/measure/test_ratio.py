"""The statistics of paired times, on samples whose truth is known."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from efficiency.core.values import EQUIVALENCE_BAND, INTERVAL_LEVEL, Timing, Verdict
from efficiency.measure.ratio import compare_paired, glance_paired, judge

BOTH = pytest.mark.parametrize("pair", [compare_paired, glance_paired])


def timing(samples: np.ndarray) -> Timing:
    return Timing(samples=tuple(map(float, samples)))


def noisy_pairs(ratio: float, rounds: int, seed: int) -> tuple[Timing, Timing]:
    """Heavy-tailed noise, a drift that both share, and one round in ten interrupted."""
    random = np.random.default_rng(seed)
    drift = np.linspace(1, 2, rounds)

    def noise() -> np.ndarray:
        interrupted = np.where(random.random(rounds) < 0.1, 20, 1)
        return np.exp(0.02 * random.standard_t(3, rounds)) * interrupted

    return timing(drift * noise()), timing(drift * noise() / ratio)


@BOTH
def test_drift_and_interruptions_do_not_hide_the_ratio(pair) -> None:  # type: ignore[no-untyped-def]
    found = pair(*noisy_pairs(1.25, 300, seed=1))
    assert found.low < 1.25 < found.high
    assert found.ratio == pytest.approx(1.25, rel=0.02)
    assert found.verdict is Verdict.FASTER


@BOTH
@pytest.mark.parametrize("rounds", [10, 30, 100])
def test_intervals_cover_the_truth_as_often_as_they_say(pair, rounds: int) -> None:  # type: ignore[no-untyped-def]
    trials = 200
    hits = 0
    for seed in range(trials):
        found = pair(*noisy_pairs(0.9, rounds, seed))
        hits += found.low <= 0.9 <= found.high
    # Three standard errors of the share; the percentile bootstrap of few rounds is a little short.
    slack = 3 * (INTERVAL_LEVEL * (1 - INTERVAL_LEVEL) / trials) ** 0.5 + (
        0.03 if rounds < 30 else 0
    )
    assert hits / trials >= INTERVAL_LEVEL - slack


def test_the_interval_is_the_bootstrap_of_scipy() -> None:
    baseline, candidate = noisy_pairs(1.1, 40, seed=2)
    found = compare_paired(baseline, candidate, seed=7)
    expected = bootstrap(
        (np.array(baseline.samples) / np.array(candidate.samples),),
        np.median,
        n_resamples=2000,
        batch=500,
        confidence_level=INTERVAL_LEVEL,
        method="percentile",
        rng=np.random.default_rng(7),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_a_glance_at_too_few_rounds_says_nothing() -> None:
    one, other = noisy_pairs(1.0, 5, seed=0)
    assert glance_paired(one, other) is None


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.04, 1.2, Verdict.FASTER),
        (EQUIVALENCE_BAND, 1.2, Verdict.SAME),
        (1.01, 1.02, Verdict.SAME),
        (0.5, 2.0, Verdict.SAME),
        (0.98, 0.99, Verdict.SAME),
        (0.8, 0.95, Verdict.SLOWER),
    ],
)
def test_a_verdict_needs_the_whole_interval_outside_the_band(
    low: float, high: float, verdict: Verdict
) -> None:
    assert judge(low, high) is verdict


def test_swapping_the_two_swaps_the_verdict() -> None:
    one, other = noisy_pairs(1.25, 300, seed=2)
    there, back = compare_paired(one, other), compare_paired(other, one)
    assert (there.verdict, back.verdict) == (Verdict.FASTER, Verdict.SLOWER)
    assert there.ratio * back.ratio == pytest.approx(1)


def test_the_interval_is_repeatable() -> None:
    pair = noisy_pairs(1.0, 50, seed=3)
    assert compare_paired(*pair, seed=7) == compare_paired(*pair, seed=7)
