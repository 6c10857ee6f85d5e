"""Where it pays: real short comparisons, and the sentence that names the crossing point."""

from dataclasses import replace

import pytest

from efficiency.core.mixed import MixedPrecision, Prediction, SweepPoint
from efficiency.core.requests import AmpRequest
from efficiency.core.values import Ratio, Row, Timing, Verdict
from efficiency.routines.mixed_precision import sweep as sweeping
from efficiency.routines.mixed_precision.candidates import AMP, BASELINE, candidates
from efficiency.routines.mixed_precision.findings import findings

REQUEST = AmpRequest(sweep=True)
EVERYBODY = {each.name: each for each in candidates("cpu", "bfloat16")}
PREDICTION = Prediction(speedup=1.2, reasons=("Because.",))


def sweep(seconds: float) -> tuple[SweepPoint, ...]:
    return sweeping.sweep(REQUEST, EVERYBODY[BASELINE], EVERYBODY[AMP], seconds=seconds)


def test_points_have_widths_that_are_multiples_of_eight_and_neighbours_that_are_not() -> None:
    for device in ("cpu", "cuda"):
        points = sweeping.points(device)
        assert len(points) == len(set(points)) == 15
        odd = [width for _, width in points if width % 8]
        assert len(odd) == 3
        for width in odd:
            near = min((each for _, each in points if each % 8 == 0), key=lambda w: abs(w - width))
            assert abs(near - width) <= 3
        work = [batch * width**2 for batch, width in points]
        assert work == sorted(work)


def test_every_point_is_measured_with_its_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "points", lambda device: ((16, 64), (8, 33)))
    told: list[tuple[int, int]] = []
    found = sweeping.sweep(
        REQUEST,
        EVERYBODY[BASELINE],
        EVERYBODY[AMP],
        seconds=8.0,
        on_point=lambda done, total: told.append((done, total)),
    )
    assert [(each.batch_size, each.width) for each in found] == [(8, 33), (16, 64)]
    for each in found:
        assert each.unavailable is None
        assert each.speedup is not None
        assert each.low is not None
        assert each.high is not None
        assert 0 < each.low <= each.speedup <= each.high
    assert told == [(0, 2), (1, 2)]


def test_what_does_not_fit_into_the_time_or_the_memory_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweeping, "points", lambda device: ((16, 64),))
    (late,) = sweep(0.0)
    assert late.speedup is None
    assert "were spent" in str(late.unavailable)
    monkeypatch.setattr(sweeping, "free_memory", lambda device: 1000)
    (large,) = sweep(1.0)
    assert large.speedup is None
    assert "free memory" in str(large.unavailable)


def point(batch: int, width: int, ratio: float) -> SweepPoint:
    return SweepPoint(
        batch_size=batch, width=width, speedup=ratio, low=ratio - 0.02, high=ratio + 0.02
    )


def sentences(*points: SweepPoint, ratio: float = 1.2, seen: str = "faster") -> list[str]:
    timing = Timing(samples=(1.0, 1.0))
    speedup = Ratio(ratio=ratio, low=ratio, high=ratio, verdict=Verdict(seen))
    rows = (
        Row(name=BASELINE, label="fp32", timing=timing),
        Row(name=AMP, label="AMP", timing=timing, speedup=speedup),
    )
    mixed = MixedPrecision(dtype="bfloat16", prediction=PREDICTION, sweep=points)
    return [f"{each.finding} {each.evidence}" for each in findings(rows, mixed)]


def test_the_crossing_point_is_the_smallest_size_that_surely_pays() -> None:
    points = (point(32, 128, 0.7), point(128, 512, 1.01), point(512, 512, 1.3), point(512, 1024, 2))
    crossing = sentences(*points)[-1]
    assert "pays from batch 512 and width 512 on" in crossing
    assert "2.00× [1.98, 2.02] at batch 512 and width 1024" in crossing


def test_none_on_this_machine_is_an_answer() -> None:
    left_out = replace(point(512, 4096, 9.0), speedup=None, low=None, high=None)
    crossing = sentences(point(32, 128, 0.7), point(128, 512, 1.01), left_out)[-1]
    assert "none on this machine" in crossing
    assert "2 sizes were compared" in crossing


@pytest.mark.parametrize(("odd", "said"), [(1.5, "gain less here"), (1.99, "no clear difference")])
def test_widths_that_are_no_multiples_of_eight_are_compared_with_their_neighbours(
    odd: float, said: str
) -> None:
    points = (point(128, 512, 2), point(128, 513, odd), point(32, 512, 9), point(128, 1021, 3))
    eights = sentences(*points)[-1]
    assert said in eights
    assert f"width 513: {odd:.2f}×" in eights
    assert "width 512: 2.00×" in eights
    assert "1021" not in eights, "it has no neighbour"


@pytest.mark.parametrize(
    ("ratio", "seen", "said"),
    [
        (1.2, "faster", "Mixed precision pays here"),
        (0.6, "slower", "does not pay here: it is slower"),
        (1.0, "no measurable difference", "makes no measurable difference"),
    ],
)
def test_the_verdict_is_the_first_sentence(ratio: float, seen: str, said: str) -> None:
    first = sentences(ratio=ratio, seen=seen)[0]
    assert said in first
    assert "The forecast was 1.20×" in first
    assert ("It missed" in first) == (ratio < 1.1), "only where it is far off"
