"""What the energy charts say: sums, ranges, groups and names; never how they look in pixels."""

import re
from dataclasses import replace
from math import log10
from typing import Any

import pytest

from efficiency.charts import style
from efficiency.charts.energy import SHOWN_PRECISIONS, energies_at, energy_charts
from efficiency.charts.energy_layers import (
    ITSELF,
    MOST_BARS,
    bar,
    energy_figure,
    kind_bars,
    part_bars,
    short_path,
    stage_bars,
)
from efficiency.charts.energy_prices import prices, prices_figure
from efficiency.charts.family import charts
from efficiency.core.anatomy import LayerWork
from efficiency.core.energy import (
    DRAM_PICOJOULES,
    HOROWITZ_2014,
    INSTRUCTION_PICOJOULES,
    SRAM_PICOJOULES,
    WEIGHTS_ONCE,
    estimate,
    reuses,
    total,
)
from tests import samples

DEEP = tuple(samples.deep_layers())


def named(figure: Any, name: str) -> Any:
    """The one trace of that name."""
    (found,) = [each for each in figure.data if each.name == name]
    return found


def texts(figure: Any) -> list[str]:
    return [each.text for each in figure.layout.annotations]


def chart(name: str, *arguments: Any) -> Any:
    """The figure of that name among the energy charts of an anatomy."""
    (found,) = [each for each in energy_charts(*arguments) if each.name == name]
    return found.figure


def test_every_price_of_the_tables_is_in_the_picture() -> None:
    figure = prices_figure()
    for action, attribute in (("multiplication", "multiply"), ("addition", "add")):
        drawn = named(figure, action).x
        assert drawn == pytest.approx([getattr(e, attribute) for e in HOROWITZ_2014.values()])
    memory = named(figure, "64 bits from memory")
    assert list(memory.x[:-1]) == pytest.approx(list(SRAM_PICOJOULES.values()))
    (span,) = [each for each in figure.data if each.mode == "lines+markers"]
    assert tuple(span.x) == (DRAM_PICOJOULES.low, DRAM_PICOJOULES.high)
    assert span.y[0] == memory.y[-1]
    assert list(named(figure, "instruction").x) == [INSTRUCTION_PICOJOULES]
    assert figure.layout.xaxis.type == "log"


def test_prices_are_compared_with_multiplications_on_hover() -> None:
    figure = prices_figure()
    hovers = named(figure, "multiplication").hovertext
    (fp32,) = [each for each in hovers if each.startswith("<b>fp32")]
    assert "18.5 × int8 multiplication" in fp32
    dram = named(figure, "64 bits from memory").hovertext[-1]
    assert "351 to 703 × fp32 multiplication" in dram


def test_marks_of_different_kinds_differ_in_shape_and_color() -> None:
    marks = {
        (each.marker.symbol, each.marker.color)
        for each in prices_figure().data
        if each.mode == "markers"
    }
    assert len({symbol for symbol, _ in marks}) == len({color for _, color in marks}) == 4
    assert len({each.action for each in prices()}) == 4


@pytest.mark.parametrize("precision", SHOWN_PRECISIONS)
def test_bars_add_up_to_the_estimate(precision: str) -> None:
    energies = energies_at(DEEP, precision, WEIGHTS_ONCE, 4)
    whole = estimate(DEEP, {}, WEIGHTS_ONCE, 4, otherwise=precision)
    for bars in (part_bars(energies), kind_bars(energies), stage_bars(energies)):
        figure = energy_figure(bars)
        drawn = sum(sum(named(figure, name).x) for name in ("arithmetic", "data movement"))
        assert drawn * 1e-12 == pytest.approx(whole.joules)
        assert sum(each.total.low for each in bars) * 1e-12 == pytest.approx(whole.low)
        assert sum(each.total.high for each in bars) * 1e-12 == pytest.approx(whole.high)


def test_the_range_of_the_source_ends_the_bars() -> None:
    (whole,) = [bar("all", energies_at(DEEP, "fp32"))]
    (ends,) = [each for each in energy_figure([whole]).data if each.error_x.array is not None]
    assert ends.x[0] + ends.error_x.array[0] == pytest.approx(whole.total.high)
    assert ends.x[0] - ends.error_x.array[0] == pytest.approx(whole.total.low)


def test_arithmetic_and_movement_differ_in_color_and_in_pattern() -> None:
    figure = energy_figure(part_bars(energies_at(DEEP, "fp32")))
    arithmetic, movement = named(figure, "arithmetic"), named(figure, "data movement")
    assert arithmetic.marker.color != movement.marker.color
    assert arithmetic.marker.pattern.shape != movement.marker.pattern.shape


def test_few_layers_are_shown_one_by_one_in_order_of_execution() -> None:
    layers = samples.lenet_layers()
    bars = part_bars(energies_at(layers, "fp32"))
    assert [each.label for each in bars] == [each.layer or ITSELF for each in layers]
    assert {each.layers for each in bars} == {1}


def test_many_layers_are_shown_as_parts_that_hold_them_all() -> None:
    bars = part_bars(energies_at(DEEP, "fp32"))
    assert MOST_BARS / 2 < len(bars) <= MOST_BARS
    assert sum(each.layers for each in bars) == len(DEEP) == 160
    paths = [each.layer for each in DEEP]
    firsts = [next(i for i, path in enumerate(paths) if path.startswith(b.label)) for b in bars]
    assert firsts == sorted(firsts)
    assert bars[-1].label == "classifier.1"  # a part of one layer has that layer's name


def flat(count: int) -> tuple[LayerWork, ...]:
    first = samples.lenet_layers()[0]
    return tuple(
        replace(first, layer=str(place), outputs=100 * (place + 1)) for place in range(count)
    )


def test_too_many_layers_without_parts_leave_one_bar_for_those_that_take_least() -> None:
    layers = flat(40)
    energies = energies_at(layers, "fp32")
    bars = part_bars(energies)
    assert [each.label for each in bars[:-1]] == [str(place) for place in range(25, 40)]
    assert (bars[-1].label, bars[-1].layers) == ("the other 25 parts", 25)
    assert sum(each.total.middle for each in bars) == pytest.approx(total(energies).middle)


def test_a_module_that_holds_a_single_one_is_opened_with_it() -> None:
    layers = tuple(
        replace(each, layer=f"outer.only.{each.layer or 'itself'}")
        for each in samples.lenet_layers()
    )
    assert len(part_bars(energies_at(layers, "fp32"))) == len(layers)


def test_kinds_are_the_classes_of_the_layers_the_dearest_first() -> None:
    bars = kind_bars(energies_at(DEEP, "fp32"))
    assert {each.label for each in bars} == {"Conv2d", "BatchNorm2d", "ReLU", "Linear"}
    sizes = [each.total.middle for each in bars]
    assert sizes == sorted(sizes, reverse=True)


def test_a_training_step_has_three_stages_and_an_inference_no_chart_of_them() -> None:
    step = samples.energy(training=True, batch_size=8).anatomy
    figure = chart("energy-stages", step, 8)
    assert [each for each in texts(figure) if each.startswith("<b>")] == [
        "<b>forward</b>",
        "<b>backward</b>",
        "<b>update</b>",
    ]
    names = {each.name for each in energy_charts(samples.energy().anatomy, 1)}
    assert names == {"energy-parts", "energy-kinds", "energy-precisions", "roofline"}


def test_precisions_stand_side_by_side_and_the_chosen_one_is_pointed_at() -> None:
    anatomy = samples.energy().anatomy
    figure = chart("energy-precisions", anatomy, 1, "int8")
    for place, name in enumerate(SHOWN_PRECISIONS):
        sums = [named(figure, part).x[place] for part in ("arithmetic", "data movement")]
        joules = estimate(anatomy.layers, {}, otherwise=name).joules
        assert sum(sums) * 1e-12 == pytest.approx(joules)
    assert [each for each in texts(figure) if "◀" in each] == ["<b>int8, sums in int32 ◀</b>"]


def test_every_reuse_assumption_can_be_drawn_and_says_so() -> None:
    anatomy = samples.energy().anatomy
    for reuse in reuses(anatomy.caches):
        readings = [
            each.reading
            for each in energy_charts(anatomy, 1, "fp16", reuse)
            if each.name != "roofline"
        ]
        assert all(reuse.label[1:] in reading for reading in readings)


def test_paths_are_shortened_from_the_left_so_that_they_stay_different() -> None:
    paths = {f"encoder.stages.{s}.layers.{n}.convolution" for s in range(4) for n in range(6)}
    short = {short_path(path, 22) for path in paths}
    assert len(short) == len(paths)
    assert all(len(each) <= 22 and each.endswith(".convolution") for each in short)
    assert short_path("fc1") == "fc1"


def test_names_of_layers_are_shown_literally() -> None:
    for each in charts(samples.hostile_energy()):
        document = each.figure.to_json()
        assert not re.search(r"<script|\\u003cscript", document)


def test_charts_leave_text_and_background_to_the_page() -> None:
    for each in charts(samples.energy(training=True)):
        assert each.figure.layout.font.color is None
        assert each.figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
        assert all(text.font.color is None for text in each.figure.layout.annotations)


@pytest.mark.parametrize("high", [3e-12, 0.7, 1.0, 42, 99.9, 5e9])
def test_linear_ticks_are_round_and_cover_the_axis(high: float) -> None:
    ticks = style.linear_ticks(high)
    assert ticks[0] == 0
    assert 3 <= len(ticks) <= 6
    assert high / 2 < ticks[-1] <= high * (1 + 1e-9)
    step = ticks[1] / 10 ** (log10(ticks[1]) // 1)
    assert min(abs(step - round_one) for round_one in (1, 2, 5, 10)) < 1e-6
