"""Training loss of every candidate, step by step, one over the other: they should be the same."""

from collections.abc import Sequence
from math import log10

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.mixed import LossCurve
from efficiency.core.values import Row

HEIGHT = 420
LOGARITHMIC = 5.0  # from this ratio of the largest to the smallest loss on

# The first curve lies broad under the others, so that a curve on top of it does not hide it.
LOOKS = (
    (style.BLUE, "solid", 9),
    (style.VERMILLION, "solid", 3),
    (style.GREEN, "dash", 3),
    (style.PURPLE, "dot", 3),
    (style.GREY, "dashdot", 2),
    (style.BLUE, "longdash", 2),
    (style.GREEN, "longdashdot", 2),
)


def losses_figure(curves: Sequence[LossCurve], rows: Sequence[Row]) -> go.Figure:
    """Loss against step; logarithmic where it falls far."""
    figure = style.new_figure(HEIGHT)
    labels = {row.name: row.label for row in rows}
    for place, curve in enumerate(curves):
        color, dash, width = LOOKS[place % len(LOOKS)]
        label = style.plain(labels.get(curve.row, curve.row))
        figure.add_scatter(
            x=list(range(1, len(curve.losses) + 1)),
            y=curve.losses,
            mode="lines",
            name=label,
            line={"color": color, "dash": dash, "width": width},
            opacity=0.5 if place == 0 else 1.0,
            hoverinfo="text",
            hovertext=[
                f"{label}<br>step {step}: {'not finite' if loss is None else f'{loss:.6g}'}"
                for step, loss in enumerate(curve.losses, start=1)
            ],
        )
    figure.update_layout(legend={"yref": "container", "y": 1, "yanchor": "top"})
    figure.update_xaxes(title="step", fixedrange=True)
    low, high = _range(curves)
    if is_logarithmic(curves):
        ticks = style.log_ticks(low, high)
        figure.update_yaxes(
            type="log",
            range=[log10(low / 1.1), log10(high * 1.1)],
            tickvals=ticks,
            ticktext=[f"{tick:g}" for tick in ticks],
        )
    figure.update_yaxes(title="loss", fixedrange=True)
    return figure


def is_logarithmic(curves: Sequence[LossCurve]) -> bool:
    """Whether the losses lie so far apart that a logarithmic axis shows more."""
    low, high = _range(curves)
    return low > 0 and high / low >= LOGARITHMIC


def reading(curves: Sequence[LossCurve], rows: Sequence[Row]) -> str:
    """How to read the chart, and which curves have steps without a finite loss."""
    labels = {row.name: row.label for row in rows}
    said = "Same batches, same initial weights: lines that lie on each other learn the same."
    if is_logarithmic(curves):
        said += " The axis is logarithmic."
    for curve in curves:
        if broken := sum(loss is None for loss in curve.losses):
            steps = "1 step" if broken == 1 else f"{broken} steps"
            said += f" {labels.get(curve.row, curve.row)} has {steps} without a finite loss."
    return said


def _range(curves: Sequence[LossCurve]) -> tuple[float, float]:
    every = [loss for curve in curves for loss in curve.losses if loss is not None]
    return (min(every), max(every)) if every else (0.0, 1.0)
