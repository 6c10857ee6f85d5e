"""What the charts of a mixed-precision study say, and that they say it exactly."""

import re
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from efficiency.charts.amp import amp_charts, scaling_charts, sweep_charts, training_charts
from efficiency.charts.amp_gradients import (
    PARTS,
    best_scales,
    gradients_figure,
    reading,
    share_text,
)
from efficiency.charts.amp_losses import is_logarithmic
from efficiency.charts.amp_losses import reading as losses_reading
from efficiency.charts.amp_memory import memory_figure
from efficiency.charts.amp_scaler import GROWN, SKIPPED, TAKEN, event, scaler_figure
from efficiency.charts.amp_sweep import pays, sweep_figure
from efficiency.charts.amp_sweep import reading as sweep_reading
from efficiency.charts.chart import Chart
from efficiency.core.mixed import MixedPrecision, ScalerStep, SweepPoint
from efficiency.core.values import Study
from tests import samples_amp

STUDIES = (
    samples_amp.losing(),
    samples_amp.winning(),
    samples_amp.learning(),
    samples_amp.hostile(),
    samples_amp.bare(),
)


def mixed(study: Study) -> MixedPrecision:
    assert study.mixed is not None
    return study.mixed


def named(charts: tuple[Chart, ...]) -> dict[str, Chart]:
    return {chart.name: chart for chart in charts}


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.title[:20])
def test_every_study_gives_charts_that_leave_colours_of_text_to_the_page(study: Study) -> None:
    charts = amp_charts(study)
    assert len({chart.name for chart in charts}) == len(charts) > 0
    for chart in charts:
        assert chart.reading
        assert chart.figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
        assert chart.figure.layout.font.color is None


def test_a_study_on_its_way_has_no_chart_of_what_is_not_there_yet() -> None:
    study = samples_amp.bare()
    assert set(named(amp_charts(study))) == {"speed", "amp-memory"}
    assert amp_charts(replace(study, rows=(), mixed=None)) == ()


def test_markup_in_labels_stays_text() -> None:
    for chart in amp_charts(samples_amp.hostile()):
        shown = chart.figure.to_json()
        assert "<script" not in shown.replace("\\u003c", "<")


def test_bars_of_memory_add_up_to_the_peaks() -> None:
    study = samples_amp.losing()
    rows = [row for row in study.rows if row.footprint is not None]
    sums = np.sum([bar.x for bar in memory_figure(study.rows).data], axis=0)
    assert list(sums) == [row.footprint.peak_bytes for row in rows if row.footprint]


def test_memory_says_how_much_more_than_the_baseline() -> None:
    texts = [each.text for each in memory_figure(samples_amp.losing().rows).layout.annotations]
    assert texts[:4] == ["<b>fp32</b>", "44.1 MB", "<b>AMP, bf16</b>", "47.2 MB, 1.07×"]


def test_losses_are_drawn_value_by_value_with_gaps_where_they_are_not_finite() -> None:
    study = samples_amp.learning()
    figure = named(training_charts(study))["amp-losses"].figure
    for trace, curve in zip(figure.data, mixed(study).curves, strict=True):
        assert tuple(trace.y) == curve.losses
        assert trace.x[0] == 1
    assert figure.data[1].y[100] is None
    assert "has 3 steps without a finite loss" in losses_reading(mixed(study).curves, study.rows)


def test_the_axis_of_the_loss_is_logarithmic_only_where_it_falls_far() -> None:
    assert is_logarithmic(mixed(samples_amp.learning()).curves)
    assert not is_logarithmic(mixed(samples_amp.losing()).curves)
    assert not is_logarithmic(())


def test_the_scaler_s_stairs_are_its_scales_and_every_step_is_marked_once() -> None:
    steps = samples_amp.scaler_life()
    stairs, skipped, grown, taken = scaler_figure(steps).data
    assert [2**y for y in stairs.y] == [each.scale for each in steps]
    assert sorted([*skipped.x, *grown.x, *taken.x]) == list(range(1, len(steps) + 1))
    assert list(skipped.x) == [place for place, each in enumerate(steps, start=1) if each.skipped]
    assert [trace.name for trace in (skipped, grown, taken)] == [SKIPPED, GROWN, TAKEN]


@pytest.mark.parametrize(
    ("skipped", "after", "expected"),
    [(True, 2.0, SKIPPED), (False, 8.0, GROWN), (False, 4.0, TAKEN)],
)
def test_what_a_scaler_did(skipped: bool, after: float, expected: str) -> None:
    assert event(ScalerStep(scale=4.0, skipped=skipped, next_scale=after, loss=1.0)) == expected


def gradients_in_numbers() -> np.ndarray:
    """The sample's gradients as numbers: none is a power of two."""
    found = samples_amp.gradients()
    exponents = found.first + np.arange(len(found.counts))
    return np.repeat(1.5 * 2.0**exponents, found.counts)


@pytest.mark.parametrize("scale", range(0, 33, 4))
def test_the_shares_and_colours_at_every_scale_are_those_of_a_float16_round_trip(
    scale: int,
) -> None:
    numbers = gradients_in_numbers() * 2.0**scale
    with np.errstate(over="ignore"):
        half = numbers.astype(np.float16)
    zero, infinite = np.mean(half == 0), np.mean(np.isinf(half))
    text = share_text(samples_amp.gradients(), scale)
    for share, words in ((zero, "become 0"), (infinite, "overflow")):
        said = re.search(rf"<b>([^<]*)</b> {words}", text)
        assert said is not None
        shown = 0.0 if said[1] == "none" else float(said[1].removesuffix(" %")) / 100
        assert shown == pytest.approx(share, rel=0.05, abs=1e-9)
    drawn = {trace.name: sum(filter(None, trace.y)) for trace in figure_at(scale).data}
    smallest = np.finfo(np.float16).tiny
    assert drawn["→ 0"] == np.sum(half == 0)
    assert drawn["→ inf"] == np.sum(np.isinf(half))
    assert drawn["subnormal"] == np.sum((half != 0) & (half < smallest))


def figure_at(scale: int) -> go.Figure:
    return gradients_figure(samples_amp.gradients(), scale)


@pytest.mark.parametrize("scale", [0, 7, 32])
def test_the_slider_shows_what_a_figure_drawn_for_that_scale_shows(scale: int) -> None:
    slider = figure_at(0).layout.sliders[0]
    data, layout = slider.steps[scale].args
    expected = figure_at(scale)
    for place, trace in enumerate(expected.data):
        assert tuple(data["x"][place]) == tuple(trace.x)
        assert tuple(data["y"][place]) == tuple(trace.y)
    assert layout["title.text"] == expected.layout.title.text
    assert expected.layout.sliders[0].active == scale


def test_every_scale_keeps_every_part_in_the_legend_and_every_bar_on_the_axis() -> None:
    figure = figure_at(0)
    left, right = figure.layout.xaxis.range
    for step in figure.layout.sliders[0].steps:
        data, _ = step.args
        assert len(data["x"]) == len(PARTS)
        for x in data["x"]:
            assert x
            assert all(each is None or left < each < right for each in x)


def test_the_best_scales_lose_fewer_than_their_neighbours() -> None:
    found = samples_amp.gradients()
    low, high = best_scales(found)
    lost = [a + b for a, b in zip(found.flushed, found.overflowed, strict=True)]
    assert lost[low] == lost[high] == min(lost)
    assert lost[low - 1] > lost[low]
    assert lost[high + 1] > lost[high]
    assert f"Least is lost at 2^{low} to 2^{high}." in reading(found)


def test_no_gradients_give_no_chart() -> None:
    study = samples_amp.losing()
    none = replace(
        samples_amp.gradients(), counts=(), flushed=(0,) * 33, overflowed=(0,) * 33, zeros=9
    )
    quiet = replace(study, mixed=replace(mixed(study), gradients=none))
    assert "amp-gradients" not in named(scaling_charts(quiet))
    assert "become 0" in gradients_figure(none).layout.title.text


def test_the_sweep_draws_every_measured_point_and_marks_those_that_are_no_multiple_of_8() -> None:
    points = samples_amp.sweep(0.6)
    figure = sweep_figure(points)
    drawn = [each for each in figure.data if each.error_y.array is not None]
    assert sum(len(each.x) for each in drawn) == sum(each.speedup is not None for each in points)
    for trace in drawn:
        widths = [int(re.findall(r"width (\d+)", text)[0]) for text in trace.hovertext]
        hollow = trace.marker.symbol.endswith("-open")
        assert all((width % 8 != 0) == hollow for width in widths)
        assert np.allclose(trace.x, widths, rtol=0.03)  # a little aside for each batch size
    assert [shape.y0 for shape in figure.layout.shapes] == [1]


def test_the_sweep_names_where_it_begins_to_pay_or_that_it_never_does() -> None:
    assert "With batches of 64 it pays at none of these widths." in sweep_reading(
        samples_amp.sweep(0.6)
    )
    paying = sweep_reading(samples_amp.sweep(1.5))
    first = min(
        each.width for each in samples_amp.sweep(1.5) if each.batch_size == 512 and pays(each)
    )
    assert f"With batches of 512 it pays from width {first} on." in paying
    assert "batch 512 width 2052: It takes too long." in paying


def test_a_point_pays_only_if_its_whole_interval_is_above_1() -> None:
    point = SweepPoint(batch_size=1, width=8, speedup=1.2, low=0.999, high=1.4)
    assert not pays(point)
    assert pays(replace(point, low=1.001))


def test_no_sweep_no_chart() -> None:
    assert sweep_charts(samples_amp.learning()) == ()
    assert sweep_charts(samples_amp.hostile()) == ()
