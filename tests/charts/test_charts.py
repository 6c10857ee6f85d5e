"""What the charts say: positions, shapes, names; never how they look in pixels."""

import itertools
from dataclasses import replace

import pytest

from efficiency.charts import style
from efficiency.charts.family import charts
from efficiency.charts.front import front_figure, front_rows
from efficiency.charts.size import size_figure
from efficiency.charts.speed import speed_figure
from efficiency.charts.weights import MOST_LAYERS, histogram_figure, largest_layers
from efficiency.core.values import EQUIVALENCE_BAND, BatchSpeed, Ratio, Row, Study, Timing, Verdict
from tests import samples


def texts(figure: object) -> list[str]:
    return [each.text for each in figure.layout.annotations]  # type: ignore[attr-defined]


def markers(figure: object) -> list[object]:
    return [
        each
        for each in figure.data  # type: ignore[attr-defined]
        if each.type == "scatter" and each.mode == "markers" and each.x[0] is not None
    ]


def test_speed_draws_every_timed_row_the_line_at_one_and_the_band_around_it() -> None:
    study = samples.report()
    figure = speed_figure(study)
    timed = [row for row in study.rows if row.timing is not None]
    assert len(markers(figure)) == len(timed)
    band, line = figure.layout.shapes
    assert line.x0 == line.x1 == 1
    assert (band.x0, band.x1) == (1 / EQUIVALENCE_BAND, EQUIVALENCE_BAND)
    assert [each.x[0] for each in markers(figure)[1:]] == [row.speedup.ratio for row in timed[1:]]


def test_speed_intervals_end_where_the_ratio_says() -> None:
    study = samples.report()
    for row, point in zip(study.rows[1:], markers(speed_figure(study))[1:], strict=False):
        assert point.x[0] + point.error_x.array[0] == pytest.approx(row.speedup.high)
        assert point.x[0] - point.error_x.arrayminus[0] == pytest.approx(row.speedup.low)


def test_every_verdict_has_its_own_color_and_its_own_shape() -> None:
    marks = [style.mark(None)] + [
        style.mark(Ratio(ratio=1, low=1, high=1, verdict=verdict)) for verdict in Verdict
    ]
    assert len({color for color, _ in marks}) == len({symbol for _, symbol in marks}) == 4


def luminance(color: str) -> float:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("background", ["#FFFFFF", "#12161C"])
def test_mark_colors_stand_out_from_both_backgrounds(background: str) -> None:
    for color in (style.BASELINE_COLOR, *style.VERDICT_COLOR.values()):
        dark, light = sorted((luminance(color), luminance(background)))
        assert (light + 0.05) / (dark + 0.05) >= 3  # WCAG 2.1, graphical objects


def test_charts_leave_text_and_background_to_the_page() -> None:
    for chart in charts(samples.report()):
        assert chart.figure.layout.font.color is None
        assert chart.figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
        assert all(each.font.color is None for each in chart.figure.layout.annotations)


def test_an_unavailable_row_is_in_no_chart() -> None:
    for chart in charts(samples.report()):
        assert "<b>float16</b>" not in texts(chart.figure)


def test_names_are_shown_literally() -> None:
    shown = " ".join(texts(speed_figure(samples.hostile())))
    assert "<script" not in shown
    assert "&lt;script" in shown
    assert "$" not in shown  # plotly would look for MathJax


def test_long_names_are_cut_in_the_middle_and_controls_are_visible() -> None:
    shown = style.plain("\x1b" + "a" * 100 + "end")
    assert len(shown) == style.LONGEST_NAME
    assert shown.startswith("\N{REPLACEMENT CHARACTER}")
    assert shown.endswith("end")


def small(name: str, ratio: float, size: int, score: float) -> Row:
    return samples.row(name, name, ratio=ratio, spread=0.01, disk=size, score=score)


def test_front_keeps_who_is_not_beaten() -> None:
    baseline = samples.row("baseline", "b", ratio=None, disk=100, score=0.9)
    better = small("better", 2.0, 50, 0.9)
    smaller_but_worse = small("tiny", 1.0, 10, 0.5)
    beaten = small("beaten", 0.5, 60, 0.9)
    rows = (baseline, better, smaller_but_worse, beaten)
    assert [row.name for row in front_rows(rows)] == ["better"]


def test_who_may_not_be_recommended_beats_nobody() -> None:
    baseline = samples.row("baseline", "b", ratio=None, disk=100, score=None)
    fast_but_wrong = samples.row("wrong", "w", ratio=9, disk=10, score=None, sqnr_db=5.0)
    not_compared = samples.row("unknown", "u", ratio=9, disk=10, score=None)
    close = samples.row("close", "c", ratio=2, disk=50, score=None, sqnr_db=40.0)
    rows = (baseline, fast_but_wrong, not_compared, close)
    assert [row.name for row in front_rows(rows)] == ["close"]
    solid = [
        each.hovertext.partition("<br>")[0]
        for each in markers(front_figure(replace(samples.report(), rows=rows)))
        if not each.marker.symbol.endswith("-open")
    ]
    assert solid == ["b", "c"]


def test_the_front_is_read_by_what_its_height_is() -> None:
    study = samples.report()
    unscored = replace(
        study, score_name=None, rows=tuple(replace(row, score=None) for row in study.rows)
    )
    (scored,) = [each for each in charts(study) if each.name == "front"]
    (sized,) = [each for each in charts(unscored) if each.name == "front"]
    assert scored.title == "Accuracy, size and time together"
    assert scored.reading.startswith("Up and left is better")
    assert sized.title == "Size and time"
    assert sized.reading.startswith("Down and left is better")
    assert "bytes" in sized.figure.layout.yaxis.title.text


def test_a_difference_inside_the_intervals_beats_nobody() -> None:
    first = samples.row("first", "f", ratio=1.02, spread=0.05, disk=100)
    second = samples.row("second", "s", ratio=0.99, spread=0.05, disk=100)
    assert front_rows((first, second)) == (first, second)


def test_front_draws_the_baseline_solid_even_if_it_is_beaten() -> None:
    study = samples.report()
    symbols = [each.marker.symbol for each in markers(front_figure(study))]
    assert symbols[0] == style.BASELINE_SYMBOL
    assert any(symbol.endswith("-open") for symbol in symbols[1:])


def test_front_labels_never_overlap() -> None:
    figure = front_figure(samples.report())
    heights = sorted(each.y for each in figure.layout.annotations)
    low, high = figure.layout.yaxis.range
    pixels = (figure.layout.height - 120) / (high - low)
    assert min(b - a for a, b in itertools.pairwise(heights)) * pixels > 12
    assert low <= heights[0]
    assert heights[-1] <= high


def test_front_without_scores_shows_sizes() -> None:
    study = samples.report()
    unscored = replace(study, rows=tuple(replace(row, score=None) for row in study.rows))
    figure = front_figure(unscored)
    assert figure.layout.yaxis.title.text == "bytes of the saved file"
    assert len(markers(figure)) == 11


def test_size_bars_hold_the_bytes() -> None:
    study = samples.report()
    disk, zipped = size_figure(study).data
    assert disk.x[0] == study.rows[0].footprint.bytes_on_disk
    assert zipped.x[3] == study.rows[3].footprint.bytes_zipped


def with_batches(study: Study) -> Study:
    ratio = Ratio(ratio=3.0, low=2.9, high=3.1, verdict=Verdict.FASTER)
    return replace(
        study,
        rows=tuple(
            replace(
                row,
                at_other_batches=(
                    BatchSpeed(
                        batch_size=64,
                        timing=Timing(samples=(0.01, 0.011)),
                        speedup=ratio if place else None,
                    ),
                ),
            )
            for place, row in enumerate(study.rows[:3])
        ),
    )


def test_each_other_batch_size_has_a_chart() -> None:
    shown = {each.name: each.figure for each in charts(with_batches(samples.report()))}
    assert [each.x[0] for each in markers(shown["speed-64"])] == [1.0, 3.0, 3.0]


def test_a_report_of_weights_alone_shows_sizes_and_layers() -> None:
    assert [each.name for each in charts(samples.weights())] == [
        "size",
        "layer-bytes",
        "layer-noise",
    ]


def test_only_the_largest_layers_are_drawn_in_the_order_of_the_file() -> None:
    layers = samples.layers(tuple(f"layer{place}" for place in range(50)))
    shown = largest_layers(layers)
    assert [each.name for each in shown] == [
        f"layer{place}" for place in range(50 - MOST_LAYERS, 50)
    ]


def test_a_layer_without_finite_values_gives_an_empty_histogram() -> None:
    (layer,) = samples.layers(("empty",))
    empty = replace(layer, low=None, high=None, mean=None, std=None, histogram=())
    assert len(histogram_figure(empty).data) == 0
    assert sum(histogram_figure(layer).data[0].y) == sum(layer.histogram)


@pytest.mark.parametrize("rows", [1, 2, 12])
def test_a_study_that_is_still_growing_can_be_drawn(rows: int) -> None:
    study = samples.report()
    assert charts(replace(study, rows=study.rows[:rows], findings=(), complete=False))
