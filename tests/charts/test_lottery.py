"""The charts of a lottery ticket study: every number drawn is the study's, every interval too."""

import base64
import io
from dataclasses import replace
from math import log10

import numpy as np
import pytest
from PIL import Image

from efficiency.charts import lottery_masks
from efficiency.charts.lottery import (
    contest_charts,
    learning_charts,
    live_charts,
    lottery_charts,
    mask_chart,
)
from efficiency.charts.lottery_contests import contests_figure, difference_text, reading
from efficiency.charts.lottery_learning import POINTS, curve, learning_figure, middle_level
from efficiency.charts.lottery_levels import levels_figure, outcome
from efficiency.charts.lottery_looks import LOOKS, percent
from efficiency.charts.lottery_masks import mask_figure
from efficiency.charts.pictures import KEPT, PRUNED, mask_pixels
from efficiency.core.lottery import CONTROLS, Lottery, Measure, Start, Winner
from efficiency.core.values import Study
from tests import samples_lottery


def recorded(study: Study) -> Lottery:
    assert study.lottery is not None
    return study.lottery


WON = recorded(samples_lottery.won())


@pytest.mark.parametrize("measure", Measure)
def test_every_mean_is_drawn_over_its_share_with_its_interval(measure: Measure) -> None:
    figure = levels_figure(WON, measure)
    kept = {each.level: each.kept for each in WON.levels}
    for start, look in LOOKS.items():
        (trace,) = (each for each in figure.data if each.name == look.name)
        expected = [
            each
            for each in WON.outcomes
            if each.start == start and each.measure == measure and each.level
        ]
        assert np.allclose(trace.x, [kept[each.level] for each in expected], rtol=0.02)
        assert np.allclose(trace.y, [each.mean for each in expected])
        highs = [each.high for each in expected]
        lows = [each.low for each in expected]
        assert np.allclose(np.add(trace.y, trace.error_y.array), highs)
        assert np.allclose(np.subtract(trace.y, trace.error_y.arrayminus), lows)
    dense = outcome(WON, 0, Start.TICKET, measure)
    assert dense is not None
    assert [shape.y0 for shape in figure.layout.shapes] == [dense.mean, dense.low]


def test_the_axis_falls_from_all_weights_to_the_fewest_and_is_logarithmic() -> None:
    axis = levels_figure(WON, Measure.END_SCORE).layout.xaxis
    assert axis.type == "log"
    left, right = axis.range
    assert left > 0 > log10(WON.levels[-1].kept) > right
    assert axis.ticktext[0] == "100"
    assert len(axis.ticktext) == len(WON.levels) == 7


def test_many_levels_keep_their_ticks_apart() -> None:
    many = recorded(samples_lottery.study(samples_lottery.lottery(rounds=19, rate=0.2)))
    axis = levels_figure(many, Measure.END_SCORE).layout.xaxis
    assert len(axis.ticktext) <= 7


def test_one_seed_has_no_bars_and_says_so() -> None:
    alone = samples_lottery.alone()
    for chart in lottery_charts(alone)[:6]:
        assert all(trace.error_y.array is None for trace in chart.figure.data)
        assert "seed" in chart.reading
    assert "nothing can be told from one" in reading(recorded(alone), Measure.END_SCORE)


@pytest.mark.parametrize("study", [samples_lottery.won(), samples_lottery.drawn()])
@pytest.mark.parametrize("measure", Measure)
def test_a_difference_is_filled_where_there_is_one_and_only_there(
    study: Study, measure: Measure
) -> None:
    found = recorded(study)
    figure = contests_figure(found, measure)
    unit = 1 if measure is Measure.STOP_ITERATION else 100
    for trace, control in zip(figure.data, CONTROLS, strict=True):
        every = [
            each
            for each in found.contests
            if each.level and each.control == control and each.measure == measure
        ]
        told = [not symbol.endswith("-open") for symbol in trace.marker.symbol]
        assert told == [each.winner is not Winner.NEITHER for each in every]
        assert np.allclose(trace.y, [unit * each.difference for each in every])
        for y, up, down, is_told in zip(
            trace.y, trace.error_y.array, trace.error_y.arrayminus, told, strict=True
        ):
            assert is_told == (not y - down <= 0 <= y + up)
    assert figure.layout.shapes[0].y0 == 0


def test_a_difference_is_said_in_points_or_iterations_with_a_true_minus() -> None:
    points = next(each for each in WON.contests if each.measure is Measure.END_SCORE)
    said = difference_text(replace(points, difference=-0.0123, low=-0.02, high=-0.0046))
    assert said == "−1.2 points [−2.0, −0.5]"
    steps = next(each for each in WON.contests if each.measure is Measure.STOP_ITERATION)
    assert difference_text(replace(steps, difference=12.0, low=None)) == "+12 iterations"


def test_the_contest_over_all_levels_is_said_beside_the_single_ones() -> None:
    said = reading(WON, Measure.END_SCORE)
    for each in WON.contests:
        if each.level is None and each.measure is Measure.END_SCORE:
            assert f"{LOOKS[each.control].name}: {difference_text(each)}" in said


@pytest.mark.parametrize("losses", [False, True])
def test_the_slider_shows_what_a_figure_drawn_for_that_level_shows(losses: bool) -> None:
    figure = learning_figure(WON, losses=losses)
    slider = figure.layout.sliders[0]
    assert [step.label for step in slider.steps] == [percent(each.kept) for each in WON.levels[1:]]
    for place, step in enumerate(slider.steps):
        data, layout, moving = step.args
        expected = learning_figure(WON, losses=losses, level=place + 1)
        for index, x, y in zip(moving, data["x"], data["y"], strict=True):
            assert tuple(expected.data[index].x) == tuple(x)
            assert tuple(expected.data[index].y) == tuple(y)
        assert tuple(layout["yaxis.range"]) == tuple(expected.layout.yaxis.range)


def test_a_curve_is_the_mean_and_the_range_over_the_seeds() -> None:
    drawn = curve(WON, 3, Start.RANDOM_MASK, losses=False)
    scores = np.array(
        [
            each.scores
            for each in WON.trainings
            if each.level == 3 and each.start is Start.RANDOM_MASK
        ]
    )
    assert np.allclose(drawn.means, scores.mean(0), atol=1e-4)
    assert np.allclose(drawn.lows, scores.min(0), atol=1e-4)
    assert np.allclose(drawn.highs, scores.max(0), atol=1e-4)
    assert drawn.at == WON.checkpoints


def test_every_tick_of_a_loss_says_all_of_its_number() -> None:
    axis = learning_figure(WON, losses=True).layout.yaxis
    assert list(map(float, axis.ticktext)) == pytest.approx(list(axis.tickvals))
    low, high = axis.range
    assert sum(low <= log10(each) <= high for each in axis.tickvals) >= 2


def test_a_long_training_is_thinned_and_keeps_its_ends() -> None:
    long = samples_lottery.lottery(rounds=1, seeds=1, iterations=5000)
    drawn = curve(long, 1, Start.TICKET, losses=True)
    assert len(drawn.at) <= POINTS + 1
    assert (drawn.at[0], drawn.at[-1]) == (0, 5000)


def test_the_slider_begins_near_a_fifth_of_the_weights() -> None:
    level = middle_level(WON)
    others = [abs(log10(each.kept / 0.2)) for each in WON.levels[1:]]
    assert level is not None
    assert abs(log10(WON.levels[level].kept / 0.2)) == min(others)


def test_a_training_on_its_way_is_drawn_as_far_as_it_is() -> None:
    found = recorded(samples_lottery.unfinished())
    accuracy, learning, mask = live_charts(found)
    assert max(each.level for each in found.outcomes) == 2
    ticket = next(each for each in accuracy.figure.data if each.name == "ticket")
    assert len(ticket.x) == 2
    now = next(each for each in learning.figure.data if each.name == "ticket")
    assert list(now.x) == list(found.checkpoints[:4])
    assert not learning.figure.layout.sliders
    assert percent(found.levels[-1].kept) in learning.reading
    assert mask.figure.data[0].type == "image"
    _, right = accuracy.figure.layout.xaxis.range  # there is room for the levels to come
    assert 10**right < 0.6**found.settings.rounds


def test_a_level_that_has_only_just_begun_leaves_the_curves_of_the_one_before() -> None:
    found = recorded(samples_lottery.unfinished())
    before = replace(found, trainings=found.trainings[:-1])
    learning = next(each for each in live_charts(before) if each.name == "lottery-learning")
    assert percent(found.levels[2].kept) in learning.reading
    ticket = next(each for each in learning.figure.data if each.name == "ticket")
    expected = curve(found, 2, Start.TICKET, losses=False)
    assert tuple(ticket.y) == expected.means


def test_nothing_recorded_gives_no_charts() -> None:
    nothing = samples_lottery.nothing_yet()
    assert lottery_charts(nothing) == ()
    assert live_charts(recorded(nothing)) == ()
    assert lottery_charts(replace(nothing, lottery=None)) == ()
    dense = samples_lottery.lottery(upto=0)
    assert contest_charts(dense) == ()
    assert learning_charts(dense) == ()


@pytest.mark.parametrize("level", [0, 3, 6])
@pytest.mark.parametrize("layer", ["fc1.weight", "fc2.weight"])
def test_the_picture_has_a_cell_for_every_weight_and_a_gap_between_kernels(
    level: int, layer: str
) -> None:
    image = next(
        each.image
        for each in WON.masks
        if each.level == level and each.image.parameter == layer
    )  # fmt: skip
    pixels = mask_pixels(image)
    kept = np.frombuffer(base64.b64decode(image.kept), np.uint8).reshape(image.rows, image.columns)
    assert (pixels == KEPT).all(-1).sum() == (kept == 255).sum() == image.nonzero
    assert (pixels == PRUNED).all(-1).sum() == (kept == 0).sum()
    gaps = 3 if image.tile_rows else 0
    assert pixels.shape == (image.rows + gaps, image.columns + gaps, 4)
    address = mask_figure(image).data[0].source
    head, _, data = address.partition(",")
    assert head == "data:image/png;base64"
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert (decoded == pixels).all()


def test_of_blocks_the_fullest_is_bluest_and_the_true_numbers_are_said() -> None:
    image = replace(
        WON.masks[0].image, rows=1, columns=3, block_rows=2, block_columns=2, parameters=12_000,
        nonzero=1_500, kept=base64.b64encode(bytes([0, 30, 60])).decode(),
    )  # fmt: skip
    none, half, most = mask_pixels(image)[0]
    assert tuple(none) == PRUNED
    assert tuple(most) == KEPT
    assert tuple(half) not in (PRUNED, KEPT)
    said = lottery_masks.reading(image)
    assert "2×2 weights, the bluer the more" in said
    assert "1\N{NARROW NO-BREAK SPACE}500 of 12\N{NARROW NO-BREAK SPACE}000" in said
    assert "(12.5 %)" in said


def test_a_layer_without_a_picture_has_no_chart() -> None:
    assert mask_chart(WON, 1, "nobody") is None
    assert mask_chart(WON, 99, "fc1.weight") is None


def test_no_markup_reaches_plotly_and_every_chart_has_a_name_of_its_own() -> None:
    hostile = lottery_charts(samples_lottery.hostile())
    assert not any("<script" in each.figure.to_json() for each in hostile)
    names = [each.name for each in lottery_charts(samples_lottery.won())]
    assert len(set(names)) == len(names) == 11


def test_all_charts_of_the_paper_s_size_are_light() -> None:
    """20 levels, 500 checkpoints, 5 seeds."""
    large = samples_lottery.lottery(rounds=19, rate=0.2, seeds=5, iterations=5000)
    study = samples_lottery.study(large)
    assert len(large.checkpoints) == 501
    assert sum(len(each.figure.to_json()) for each in lottery_charts(study)) < 500_000
