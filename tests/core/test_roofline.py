"""The roofline against points placed by hand."""

from dataclasses import replace

import pytest

from efficiency.core.anatomy import Anatomy, LayerWork, Peak, Spread, Stage
from efficiency.core.roofline import (
    Limit,
    arithmetic_peaks,
    limit,
    memory_peaks,
    peak,
    points,
    ridge,
    time_shares,
)

PEAKS = (
    Peak(name="fp32", label="fp32", unit="op", per_second=100e9),
    Peak(name="tf32", label="tf32", unit="op", per_second=400e9),
    Peak(name="int8", label="int8", unit="op", per_second=None, unavailable="no kernel"),
    Peak(name="L2", label="L2", unit="B", per_second=40e9),
    Peak(name="DRAM", label="DRAM", unit="B", per_second=10e9),
)


def work(layer: str, operations: int, moved: int, seconds: float | None) -> LayerWork:
    """A layer that moves so many bytes as fp32 numbers."""
    return LayerWork(
        layer=layer,
        module="Linear",
        stage=Stage.FORWARD,
        macs=operations // 2,
        multiplications=operations // 2,
        additions=operations - operations // 2,
        weights=moved // 8,
        inputs=moved // 8,
        outputs=0,
        seconds=None if seconds is None else Spread(median=seconds, low=seconds, high=seconds),
    )


WAITS = work("waits", 2_000_000, 1_000_000, 2e-4)  # 2 operations a byte
COMPUTES = work("computes", 40_000_000, 1_000_000, 8e-4)  # 40 operations a byte


def anatomy(*layers: LayerWork, peaks: tuple[Peak, ...] = PEAKS) -> Anatomy:
    return Anatomy(layers=layers, peaks=peaks)


def test_only_what_the_machine_can_do_is_a_peak() -> None:
    found = anatomy()
    assert [each.name for each in arithmetic_peaks(found)] == ["fp32", "tf32"]
    assert [each.name for each in memory_peaks(found)] == ["DRAM", "L2"]  # the slowest first
    assert (peak(found, "L2"), peak(found, "int8"), peak(found, "fp8")) == (40e9, None, None)


def test_the_ridge_is_where_both_roofs_meet() -> None:
    assert ridge(anatomy()) == pytest.approx(10)
    assert ridge(anatomy(peaks=PEAKS[:3])) is None
    assert ridge(anatomy(peaks=PEAKS[1:])) is None


def test_a_layer_stands_under_the_lowest_roof_that_it_stays_under() -> None:
    waits, computes = points(anatomy(WAITS, COMPUTES))
    assert waits.intensity == pytest.approx(2)
    assert waits.achieved == pytest.approx(10e9)
    assert waits.roof is not None
    assert (waits.roof.name, waits.share) == ("DRAM", pytest.approx(0.5))  # of 2 op/B x 10 GB/s
    assert computes.roof is not None
    assert (computes.roof.name, computes.share) == ("fp32", pytest.approx(0.5))


def test_a_layer_faster_than_main_memory_allows_is_judged_by_the_cache() -> None:
    fast = replace(WAITS, seconds=Spread(median=5e-5, low=5e-5, high=5e-5))  # 40 Gop/s
    (point,) = points(anatomy(fast))
    assert point.roof is not None
    assert (point.roof.name, point.share) == ("L2", pytest.approx(0.5))  # of 2 op/B x 40 GB/s


def test_a_layer_above_every_roof_is_judged_by_the_highest() -> None:
    faster = replace(WAITS, seconds=Spread(median=2e-5, low=2e-5, high=2e-5))  # 100 Gop/s
    (point,) = points(anatomy(faster))
    assert point.share == pytest.approx(1)
    impossible = replace(WAITS, seconds=Spread(median=1e-5, low=1e-5, high=1e-5))
    (point,) = points(anatomy(impossible))
    assert point.roof is not None
    assert (point.roof.name, point.share) == ("fp32", pytest.approx(2))


def test_what_was_not_timed_or_does_no_arithmetic_has_no_point() -> None:
    assert points(anatomy(work("a", 10, 80, None), work("b", 0, 80, 1e-3))) == ()


def test_without_peaks_nothing_is_said_about_the_bound() -> None:
    (point,) = points(anatomy(WAITS, peaks=()))
    assert (point.roof, point.share) == (None, None)
    assert limit(anatomy(WAITS, peaks=()), WAITS) is None
    assert time_shares(anatomy(WAITS, peaks=())) is None
    assert time_shares(anatomy(work("untimed", 10, 80, None))) is None


def test_time_goes_into_memory_arithmetic_or_calls() -> None:
    relu = work("relu", 0, 10_000_000, 1e-3)  # only moves numbers, as fast as DRAM
    small = work("small", 2_000, 1_000, 1e-3)  # DRAM would take 1e-7 s
    found = time_shares(anatomy(WAITS, COMPUTES, small, relu))
    assert found == pytest.approx(
        {Limit.MEMORY: 1.2 / 3, Limit.ARITHMETIC: 0.8 / 3, Limit.CALLS: 1 / 3}
    )
