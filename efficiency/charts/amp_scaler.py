"""The life of a gradient scaler: its scale before every step, and which steps it skipped."""

from collections.abc import Sequence
from math import ceil, floor, log2

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.mixed import ScalerStep

HEIGHT = 400
SKIPPED, GROWN, TAKEN = "step skipped, scale halved", "scale doubled after it", "step taken"


def scaler_figure(steps: Sequence[ScalerStep]) -> go.Figure:
    """log2 of the scale against the step, as stairs, with a mark for what happened."""
    figure = style.new_figure(HEIGHT)
    numbers = list(range(1, len(steps) + 1))
    figure.add_scatter(
        x=numbers,
        y=[log2(each.scale) for each in steps],
        mode="lines",
        line={"shape": "hv", "color": style.LINE, "width": 2},
        hoverinfo="skip",
        showlegend=False,
    )
    for name, color, symbol, size in (
        (SKIPPED, style.VERMILLION, "x", 13),
        (GROWN, style.GREEN, "triangle-up", 14),
        (TAKEN, style.BLUE, "circle", 8),
    ):
        those = [
            (number, each)
            for number, each in zip(numbers, steps, strict=True)
            if event(each) == name
        ]
        figure.add_scatter(
            x=[number for number, _ in those],
            y=[log2(each.scale) for _, each in those],
            mode="markers",
            name=name,
            marker={"color": color, "symbol": symbol, "size": size},
            hoverinfo="text",
            hovertext=[_hover(number, each) for number, each in those],
        )
    exponents = [log2(each.scale) for each in steps]
    low, high = floor(min(exponents, default=0)), ceil(max(exponents, default=1))
    every = max(1, round((high - low) / 6))
    ticks = list(range(low, high + 1, every))
    figure.update_xaxes(title="step", range=[0, len(steps) + 1], fixedrange=True)
    figure.update_yaxes(
        title="scale of the loss",
        range=[low - 0.5, high + 0.5],
        tickvals=ticks,
        ticktext=[power_text(2.0**tick) for tick in ticks],
        fixedrange=True,
    )
    return figure


def event(step: ScalerStep) -> str:
    """What the scaler did in a step."""
    return SKIPPED if step.skipped else GROWN if step.next_scale > step.scale else TAKEN


def reading(steps: Sequence[ScalerStep]) -> str:
    """What the scaler went through, in one sentence, and why it does so."""
    skipped = sum(each.skipped for each in steps)
    grown = sum(event(each) == GROWN for each in steps)
    return (
        f"{skipped} of {len(steps)} steps overflowed: no update, and half the scale for the next. "
        f"{grown} times the scale doubled after enough steps without. So it stays near the largest "
        "scale that float16 can bear; here it starts too high and grows soon, to show all of it."
    )


def power_text(scale: float) -> str:
    """A scale as a power of two, for plotly: 65536 is 2<sup>16</sup>."""
    return f"2<sup>{log2(scale):.3g}</sup>"


def _hover(number: int, step: ScalerStep) -> str:
    loss = "not finite" if step.loss is None else f"{step.loss:.6g}"
    return (
        f"step {number}: scale {power_text(step.scale)}, loss {loss}"
        f"<br>{event(step)}<br>next scale {power_text(step.next_scale)}"
    )
