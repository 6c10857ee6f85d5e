"""Where the layers and the roofs are drawn, against positions worked out by hand."""

import re
from dataclasses import replace
from typing import Any

import pytest

from efficiency.charts.energy_layers import ITSELF
from efficiency.charts.roofline import KINDS, reading, roofline_figure
from efficiency.core.anatomy import Anatomy
from efficiency.core.units import share_text
from tests import samples
from tests.samples import DRAM_BANDWIDTH, FP32_PEAK


def anatomy() -> Anatomy:
    return samples.anatomy(samples.lenet_layers())


def marks(figure: Any) -> dict[str, tuple[float, float]]:
    """Position of every layer by the first line of its hover text."""
    return {
        text.partition("</b>")[0].removeprefix("<b>"): (x, y)
        for trace in figure.data
        if trace.mode == "markers"
        for x, y, text in zip(trace.x, trace.y, trace.hovertext, strict=True)
    }


def lines(figure: Any) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    return [(each.x, each.y) for each in figure.data if each.mode == "lines"]


def test_a_layer_stands_at_its_operations_a_byte_and_a_second() -> None:
    layer = samples.lenet_layers()[4]
    assert layer.seconds is not None
    operations = layer.multiplications + layer.additions
    moved = 4 * (layer.weights + layer.inputs + layer.outputs)
    x, y = marks(roofline_figure(anatomy()))["fc1"]
    assert x == pytest.approx(operations / moved)
    assert y == pytest.approx(operations / layer.seconds.median)


def test_layers_without_counted_operations_have_no_mark() -> None:
    drawn = marks(roofline_figure(anatomy()))
    assert ITSELF not in drawn
    assert len(drawn) == 6


def test_the_roofs_of_memory_are_slanted_those_of_arithmetic_level() -> None:
    drawn = lines(roofline_figure(anatomy()))
    slopes = sorted(y[0] / x[0] for x, y in drawn if y[0] != y[1])
    assert slopes == pytest.approx([DRAM_BANDWIDTH, 60e9])
    assert all(y[1] / x[1] == pytest.approx(y[0] / x[0]) for x, y in drawn if y[0] != y[1])
    level = sorted(y[0] for _, y in drawn if y[0] == y[1])
    assert level == pytest.approx([84e9, FP32_PEAK, 690e9])


def names(figure: Any) -> dict[str, Any]:
    return {each.text: each for each in figure.layout.annotations}


def test_every_roof_has_its_name_and_what_the_machine_cannot_do_has_none() -> None:
    limit = FP32_PEAK / DRAM_BANDWIDTH
    found = set(names(roofline_figure(anatomy())))
    assert found == {"fp32", "bf16", "int8", "DRAM", "L2", f"ridge: {limit:.3g}"}


def test_names_stand_where_no_layer_can_be_above_and_left_of_their_roofs() -> None:
    found = names(roofline_figure(anatomy()))
    for precision in ("fp32", "bf16", "int8"):
        assert found[precision].xanchor == "right"
        intensity, rate = 10 ** found[precision].x, 10 ** found[precision].y
        assert rate >= 0.999 * 60e9 * intensity  # on the roof of the fastest memory
    for memory in ("DRAM", "L2"):
        assert found[memory].yanchor == "bottom"
        assert 10 ** found[memory].y == pytest.approx(690e9)


def test_roofs_that_nearly_touch_share_a_line_of_text() -> None:
    found = anatomy()
    near = tuple(
        replace(each, per_second=1.02 * FP32_PEAK, unavailable=None)
        if each.name == "fp16"
        else each
        for each in found.peaks
    )
    assert "fp16, fp32" in names(roofline_figure(replace(found, peaks=near)))


def test_hover_names_the_layer_its_quartiles_and_its_share_of_the_roof() -> None:
    figure = roofline_figure(anatomy())
    (hover,) = [
        text
        for trace in figure.data
        if trace.mode == "markers"
        for text in trace.hovertext
        if text.startswith("<b>conv2</b>")
    ]
    layer = samples.lenet_layers()[3]
    assert layer.seconds is not None
    share = (layer.multiplications + layer.additions) / layer.seconds.median / FP32_PEAK
    assert f"{share_text(share, 0)} of its roof, fp32" in hover
    assert "quartiles" in hover


def test_kinds_of_modules_differ_in_shape() -> None:
    traces = [each for each in roofline_figure(anatomy()).data if each.mode == "markers"]
    symbols = [each.marker.symbol for each in traces]
    assert len(set(symbols)) == len(symbols) == 3
    assert len({symbol for symbol, _ in KINDS}) == len(KINDS)


def test_a_model_of_many_kinds_shows_the_rare_ones_together() -> None:
    first = samples.lenet_layers()[0]
    layers = tuple(replace(first, layer=str(n), module=f"Kind{n}") for n in range(12))
    traces = [
        each for each in roofline_figure(samples.anatomy(layers)).data if each.mode == "markers"
    ]
    assert len(traces) == len(KINDS)
    assert sum(len(each.x) for each in traces) == 12


def test_every_mark_is_inside_the_window() -> None:
    figure = roofline_figure(samples.anatomy(tuple(samples.deep_layers())))
    (left, right), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range
    for x, y in marks(figure).values():
        assert 10**left < x < 10**right
        assert 10**bottom < y < 10**top


def test_without_peaks_the_marks_stay_and_nothing_is_said_about_bounds() -> None:
    found = replace(anatomy(), peaks=())
    figure = roofline_figure(found)
    assert len(marks(figure)) == 6
    assert lines(figure) == []
    assert "%" not in reading(found)


def test_the_reading_says_where_the_time_goes_and_where_the_ridge_is() -> None:
    said = reading(anatomy())
    corner = FP32_PEAK / DRAM_BANDWIDTH
    assert f"than {corner:.3g} operations for each byte" in said
    shares = [float(each) for each in re.findall(r"([\d.]+) % into", said)]
    assert len(shares) == 3
    assert sum(shares) == pytest.approx(100, abs=0.2)
    layers = samples.lenet_layers()
    seconds = {each.layer: each.seconds.median for each in layers if each.seconds}
    calls = [
        each.layer
        for each in layers
        if seconds[each.layer]
        > 4
        * max(
            (each.multiplications + each.additions) / FP32_PEAK,
            4 * (each.weights + each.inputs + each.outputs) / DRAM_BANDWIDTH,
        )
    ]
    assert calls
    share = sum(seconds[each] for each in calls) / sum(seconds.values())
    assert f"{100 * share:.1f} % into fixed costs of calls" in said
