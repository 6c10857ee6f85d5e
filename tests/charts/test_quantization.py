"""The charts of quantization studies: every mark is a number of the study, and none is left out."""

import re
from dataclasses import replace
from statistics import mean, median, stdev

import pytest

from efficiency.charts.chart import Chart
from efficiency.charts.family import charts
from efficiency.charts.quantization import quantization_charts
from efficiency.charts.quantization_calibration import calibration_figure, spread
from efficiency.charts.quantization_calibration import reading as calibration_reading
from efficiency.charts.quantization_engines import engines_figure, ranked
from efficiency.charts.quantization_engines import reading as engines_reading
from efficiency.charts.quantization_noise import NAMED_LAYERS, OUTPUTS, WEIGHTS, noise_figure
from efficiency.charts.quantization_noise import reading as noise_reading
from efficiency.charts.quantization_seeds import reading as seeds_reading
from efficiency.charts.quantization_seeds import scores, seeds_figure
from efficiency.charts.quantization_time import reading as time_reading
from efficiency.charts.quantization_time import seconds_of, time_figure, timed_rows
from efficiency.core.quantization import Quantization, Work
from efficiency.core.units import share_text
from efficiency.core.values import Study
from tests import samples_quantization as samples

STUDIES = (
    samples.small(),
    samples.losing(),
    samples.untrained(),
    samples.hostile(),
    samples.bare(),
)
SMALL = samples.small()


def found(study: Study = SMALL) -> Quantization:
    assert study.quantized is not None
    return study.quantized


def named(some: tuple[Chart, ...]) -> dict[str, Chart]:
    return {chart.name: chart for chart in some}


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.title[:20])
def test_every_study_gives_charts_that_leave_colours_of_text_to_the_page(study: Study) -> None:
    shown = charts(study)
    assert len({chart.name for chart in shown}) == len(shown) > 0
    for chart in shown:
        assert chart.reading
        assert chart.figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
        assert chart.figure.layout.font.color is None


def test_the_candidates_come_first_and_then_what_only_quantization_has() -> None:
    assert [chart.name for chart in charts(SMALL)] == [
        "speed", "speed-256", "front", "size", "int8-time", "int8-engines", "int8-outputs",
        "int8-weights", "int8-calibration-noise", "int8-calibration-score", "int8-seeds",
    ]  # fmt: skip


def test_what_was_not_recorded_has_no_chart() -> None:
    assert quantization_charts(samples.bare()) == ()
    assert quantization_charts(replace(SMALL, quantized=None)) == ()
    untrained = named(quantization_charts(samples.untrained()))
    assert "int8-calibration-score" not in untrained
    assert "int8-calibration-noise" in untrained
    assert "int8-seeds" not in untrained


def test_markup_from_a_file_stays_text() -> None:
    for chart in charts(samples.hostile()):
        assert "<script" not in chart.figure.to_json().replace("\\u003c", "<")


def test_bars_of_time_add_up_to_each_row_s_operators() -> None:
    figure = time_figure(found().operators, SMALL.rows)
    order = timed_rows(found().operators, SMALL.rows)
    assert order == ("baseline", "dynamic-eager", "static-fx")
    for place, name in enumerate(order):
        total = sum(each.seconds for each in found().operators if each.row == name)
        assert sum(bar.x[place] for bar in figure.data) == pytest.approx(total)
    assert [bar.name for bar in figure.data] == [work.value for work in Work]
    assert len({bar.marker.pattern.shape for bar in figure.data}) == len(figure.data)


def test_the_reading_of_time_names_the_row_that_converts_most() -> None:
    seconds = seconds_of(found().operators, "static-fx")
    share = seconds[Work.CONVERSION] / sum(seconds.values())
    assert f"static (FX) spends {share_text(share, 0)} on converting" in time_reading(
        found().operators, SMALL.rows
    )


@pytest.mark.parametrize("kind", [OUTPUTS, WEIGHTS], ids=str)
def test_noise_is_drawn_layer_by_layer_and_exact_layers_have_no_mark(kind: object) -> None:
    assert kind is OUTPUTS or kind is WEIGHTS
    figure = noise_figure(found().layers, SMALL.rows, kind)  # type: ignore[arg-type]
    lines = {trace.name: dict(zip(trace.x, trace.y, strict=True)) for trace in figure.data}
    labels = {row.name: row.label for row in SMALL.rows}
    for each in found().layers:
        place = samples.LAYERS.index(each.layer) + 1
        value = kind.of(each)  # type: ignore[attr-defined]
        assert lines[labels[each.row]].get(place) == value
    assert list(figure.layout.xaxis.ticktext) == list(samples.LAYERS)
    looks = {(trace.marker.symbol, trace.line.dash) for trace in figure.data}
    assert len(looks) == len(figure.data)


def test_the_reading_of_noise_names_the_noisiest_layer() -> None:
    worst = min(found().layers, key=lambda each: each.output_sqnr_db or 1e9)
    assert f"noisiest is {worst.layer} in QAT (FX), {worst.output_sqnr_db:.1f} dB" in noise_reading(
        found().layers, SMALL.rows, OUTPUTS
    )


def test_of_qat_the_reading_says_that_far_is_not_worse() -> None:
    assert "far from float32 without being worse" in noise_reading(
        found().layers, SMALL.rows, OUTPUTS
    )
    others = [each for each in found().layers if not each.row.startswith("qat")]
    assert "without being worse" not in noise_reading(others, SMALL.rows, OUTPUTS)


def test_layers_that_are_exact_everywhere_take_no_place_on_the_axis() -> None:
    exact = replace(found().layers[0], layer="norm", weight_sqnr_db=None, output_sqnr_db=None)
    figure = noise_figure((exact, *found().layers), SMALL.rows, OUTPUTS)
    assert list(figure.layout.xaxis.ticktext) == list(samples.LAYERS)


def test_many_layers_are_numbered_instead_of_named() -> None:
    study = samples.untrained()
    layers = found(study).layers
    figure = noise_figure(layers, study.rows, OUTPUTS)
    assert figure.layout.xaxis.ticktext is None
    assert len(figure.data[0].x) == 72 > NAMED_LAYERS


def test_spread_is_the_range_and_the_middle_over_seeds() -> None:
    points = [each for each in samples.calibration() if each.source == samples.TRAINING]
    one = [each.score for each in points if each.samples == 1]
    assert spread(points, "accuracy")[1] == (min(one), median(one), max(one))  # type: ignore[type-var]
    noise = [each.sqnr_db for each in points if each.samples == 64]
    assert spread(points, None)[64] == (min(noise), median(noise), max(noise))  # type: ignore[type-var]


@pytest.mark.parametrize("score_name", ["accuracy", None])
def test_every_calibration_is_a_mark_and_the_wrong_data_are_another_kind(
    score_name: str | None,
) -> None:
    points = samples.calibration()
    marks = [
        trace for trace in calibration_figure(points, score_name).data if trace.mode == "markers"
    ]
    assert [trace.name for trace in marks] == [samples.TRAINING, samples.NOISE]
    assert sum(len(trace.x) for trace in marks) == len(points)
    right, wrong = marks
    assert right.marker.symbol != wrong.marker.symbol
    values = [each.sqnr_db if score_name is None else each.score for each in points]
    assert [*right.y, *wrong.y] == values
    assert [2**x for x in right.x] == [e.samples for e in points if e.source == samples.TRAINING]


def test_the_reading_of_calibration_says_few_many_and_wrong() -> None:
    said = calibration_reading(samples.calibration(), "accuracy")
    assert "with 1 input the accuracy is 82.2 % to 92.2 %" in said
    assert f"Calibrated on {samples.NOISE} instead (256 inputs): 63.0 %" in said
    assert said.endswith("fit numbers that never come.")
    right = [each for each in samples.calibration() if each.source == samples.TRAINING]
    assert "never come" not in calibration_reading(right, "accuracy")


def test_seeds_are_lines_and_the_thick_one_is_their_mean() -> None:
    figure = seeds_figure(samples.SEEDS, "accuracy")
    *lines, thick = figure.data
    assert [tuple(line.y) for line in lines] == [scores(each) for each in samples.SEEDS]
    assert list(thick.y) == pytest.approx(
        [mean(each) for each in zip(*map(scores, samples.SEEDS), strict=True)]
    )
    low, high = figure.layout.yaxis.range
    assert all(low < y < high for line in figure.data for y in line.y)


def test_the_reading_of_seeds_counts_where_qat_is_at_least_as_good() -> None:
    said = seeds_reading(samples.SEEDS, "accuracy")
    points = [100 * (each.static_score - each.float_score) for each in samples.SEEDS]
    expected = f"{mean(points):.1f} ± {stdev(points):.1f}".replace("-", "\N{MINUS SIGN}")
    assert f"{expected} rounded afterwards (static)" in said
    assert "in 5 of 5 seeds" in said
    worse = (replace(samples.SEEDS[0], qat_score=0.0), *samples.SEEDS[1:])
    assert "in 4 of 5 seeds" in seeds_reading(worse, "accuracy")


def test_engines_are_ranked_and_those_that_cannot_are_named_with_the_reason() -> None:
    engines = found().engines
    assert [name for name, _ in ranked(engines)] == ["x86", "onednn", "fbgemm"]
    (bars,) = engines_figure(engines, "x86").data
    assert list(bars.x) == [seconds for _, seconds in ranked(engines)]
    texts = [each.text for each in engines_figure(engines, "x86").layout.annotations]
    assert "<b>x86, used here</b>" in texts
    said = engines_reading(engines, "x86")
    assert "fbgemm takes 2.0 times as long as x86" in said
    assert re.search(r"qnnpack: qnnpack has no kernels", said)
