"""The charts of pruning studies: every mark is a number of the study, and none is left out."""

from dataclasses import replace

import pytest

from efficiency.charts.chart import Chart
from efficiency.charts.family import charts
from efficiency.charts.pruning import curve, curve_charts, layer_charts, pruning_charts
from efficiency.charts.pruning_sensitivity import NAMED, alone, fragile
from efficiency.core.pruning import Pruning, SensitivityPoint
from efficiency.core.values import Study, wilson_interval
from tests import samples_pruning as samples

STUDIES = (
    samples.small(),
    samples.untrained(),
    samples.quick(),
    samples.bare(),
    samples.hostile(),
)
SMALL = samples.small()


def found(study: Study = SMALL) -> Pruning:
    assert study.pruned is not None
    return study.pruned


def named(some: tuple[Chart, ...]) -> dict[str, Chart]:
    return {chart.name: chart for chart in some}


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.title[:12])
def test_every_study_gives_charts_that_leave_colours_of_text_to_the_page(study: Study) -> None:
    shown = charts(study)
    assert len({chart.name for chart in shown}) == len(shown) > 0
    for chart in shown:
        assert chart.reading
        assert chart.figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
        assert chart.figure.layout.font.color is None
        assert "<script" not in chart.figure.to_json()


def test_what_only_pruning_has_comes_first_and_then_the_candidates() -> None:
    assert [chart.name for chart in charts(SMALL)] == [
        "pruning-accuracy", "pruning-size", "pruning-speed", "pruning-sensitivity",
        "pruning-amounts", "speed", "front", "size",
    ]  # fmt: skip


def test_what_was_not_measured_has_no_chart() -> None:
    assert pruning_charts(samples.quick()) == ()
    assert pruning_charts(samples.bare()) == ()
    assert pruning_charts(replace(SMALL, pruned=None)) == ()
    untrained = named(pruning_charts(samples.untrained()))
    assert set(untrained) == {"pruning-size", "pruning-speed"}


def test_the_curve_begins_with_the_baseline_even_where_that_is_no_point_of_it() -> None:
    assert [point.sparsity for point, _ in curve(SMALL)] == [0.0, *samples.CURVE]
    without = replace(SMALL, pruned=replace(found(), curve=found().curve[:0:-1]))
    assert [row.name for _, row in curve(without)] == [row.name for _, row in curve(SMALL)]
    assert curve(without)[0][0].tuned_score is None


def test_accuracy_has_both_lines_with_their_wilson_intervals_and_the_baseline() -> None:
    figure = named(curve_charts(SMALL))["pruning-accuracy"].figure
    before, tuned = figure.data
    assert before.name == "as pruned"
    assert tuned.name == "fine-tuned for 69 steps"
    assert list(before.x) == [0, 50, 80, 90, 95, 99]
    assert list(before.y) == [0.9722, *(score for score, *_ in samples.CURVE.values())]
    assert list(tuned.y) == [0.975, *(score for _, score, *_ in samples.CURVE.values())]
    low, high = wilson_interval(before.y[3], 360)
    assert before.error_y.array[3] == pytest.approx(high - before.y[3])
    assert before.error_y.arrayminus[3] == pytest.approx(before.y[3] - low)
    assert figure.layout.shapes[0].y0 == 0.9722


def test_a_score_of_zero_is_a_score() -> None:
    points = tuple(
        replace(each, tuned_score=0.0) if each.sparsity == 0.99 else each for each in found().curve
    )
    study = replace(SMALL, pruned=replace(found(), curve=points))
    tuned = named(curve_charts(study))["pruning-accuracy"].figure.data[1]
    assert list(tuned.y)[-1] == 0.0


def test_size_has_the_file_zipped_in_csr_and_without_channels() -> None:
    figure = named(curve_charts(SMALL))["pruning-size"].figure
    dense, zipped, csr, channels = figure.data
    assert set(dense.y) == {samples.FILE}
    assert list(zipped.y)[1:] == [size for _, _, size, _ in samples.CURVE.values()]
    assert list(csr.y) == [483_000, *(size for *_, size in samples.CURVE.values())]
    assert list(channels.y) == [64_000]
    assert channels.x[0] == pytest.approx(100 * (1 - 15_460 / samples.PARAMETERS))
    assert figure.layout.yaxis.range[1] > 483_000  # the largest is not cut off


def test_speed_has_intervals_the_band_and_what_computes_with_less() -> None:
    figure = named(curve_charts(SMALL))["pruning-speed"].figure
    zeros, sparse, channels = figure.data
    assert list(zeros.x) == [50, 80, 90, 95, 99]
    rows = {row.name: row for row in SMALL.rows}
    for trace, name in ((sparse, "csr-90"), (channels, "channels-50")):
        ratio = rows[name].speedup
        assert ratio is not None
        assert list(trace.y) == [ratio.ratio]
        assert trace.error_y.array[0] == pytest.approx(ratio.high - ratio.ratio)
    band = next(each for each in figure.layout.shapes if each.type == "rect")
    assert band.y0 * band.y1 == pytest.approx(1)
    low, high = (10**each for each in figure.layout.yaxis.range)
    assert low < 0.62 * 0.97 < 1.42 * 1.03 < high


def test_layers_are_in_the_order_of_what_they_lose_at_nine_tenths() -> None:
    order = fragile(found().sensitivity)
    assert order[0][0] == "conv1.weight"
    assert order[-1][0] == "fc1.weight"
    losses = [alone(points).score for _, points in order]
    assert losses == sorted(losses)
    assert all(alone(points).amount == 0.9 for _, points in order)
    chart = named(layer_charts(SMALL))["pruning-sensitivity"]
    assert "With 90.0 % of conv1.weight gone" in chart.reading
    assert {trace.name for trace in chart.figure.data} == set(samples.LAYERS)


def test_of_many_layers_the_most_fragile_are_named() -> None:
    points = tuple(
        SensitivityPoint(parameter=f"layer{place}.weight", amount=amount, score=0.9 - place * 1e-3)
        for place in range(40)
        for amount in (0.5, 0.9)
    )
    study = replace(SMALL, pruned=replace(found(), sensitivity=points))
    chart = named(layer_charts(study))["pruning-sensitivity"]
    shown = [trace.name for trace in chart.figure.data if trace.showlegend]
    assert sorted(shown) == sorted(f"layer{place}.weight" for place in range(34, 40))
    assert len(chart.figure.data) == 40
    assert f"other {40 - NAMED} grey" in chart.reading


def test_suggested_amounts_stand_beside_one_amount_for_all() -> None:
    chart = named(layer_charts(SMALL))["pruning-amounts"]
    assert list(chart.figure.data[0].x) == [20, 40, 80, 60, 60]
    line = next(each for each in chart.figure.layout.shapes if each.type == "line")
    assert line.x0 == pytest.approx(75.4)
    assert "95.3 %" in chart.reading
    assert "90.8 %" in chart.reading
