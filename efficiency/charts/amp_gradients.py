"""Gradients of one step by exponent, against the range of float16, with a slider for the scale.

The slider is plotly's own and carries the answer for every scale, so that it works at once, in a
saved file too. The shares it states are counted exactly, number by number; only the colours of the
two bins at the borders of the range stand for numbers of both kinds.
"""

from dataclasses import dataclass
from math import log10

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.mixed import GradientExponents

HEIGHT = 520
TOP = 116  # for two lines that the slider changes, and a legend that breaks on a phone
# Exponents of float16: at most half of its smallest number is lost; subnormal, normal, too large.
FIRST_SUBNORMAL, FIRST_NORMAL, FIRST_TOO_LARGE = -25, -14, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch of exponents, from `low` to below `high`, and what float16 makes of it."""

    name: str
    color: str
    pattern: str
    low: int
    high: int


FAR = 10_000
PARTS = (
    Part(name="→ 0", color=style.VERMILLION, pattern="x", low=-FAR, high=FIRST_SUBNORMAL),
    Part(
        name="subnormal",
        color=style.PURPLE,
        pattern="/",
        low=FIRST_SUBNORMAL,
        high=FIRST_NORMAL,
    ),
    Part(name="normal", color=style.BLUE, pattern="", low=FIRST_NORMAL, high=FIRST_TOO_LARGE),
    Part(name="→ inf", color=style.VERMILLION, pattern="\\", low=FIRST_TOO_LARGE, high=FAR),
)


def gradients_figure(gradients: GradientExponents, scale: int = 0) -> go.Figure:
    """Counts by exponent after scaling by 2^scale, which the slider changes."""
    figure = style.new_figure(HEIGHT)
    bins = [
        (gradients.first + place, count) for place, count in enumerate(gradients.counts) if count
    ]
    for part, points in zip(PARTS, _split(bins, scale), strict=True):
        figure.add_bar(
            name=part.name,
            **points,
            width=0.9,
            marker={
                "color": part.color,
                "line": {"width": 0},
                "pattern": {"shape": part.pattern, "solidity": 0.4, "size": 5},
            },
            hovertemplate="2<sup>%{x}</sup>: %{y} gradients<extra></extra>",
        )
    _window(figure)
    figure.update_layout(
        title={
            "text": share_text(gradients, scale),
            "x": 0,
            "y": 1,
            "xref": "container",
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 26, "l": 8},
        },
        barmode="overlay",
        bargap=0.05,
        margin_t=TOP,
        sliders=[_slider(gradients, bins, scale)],
    )
    most = len(gradients.flushed) - 1
    low = min((exponent for exponent, _ in bins), default=0)
    high = max((exponent for exponent, _ in bins), default=0)
    left, right = min(low, FIRST_SUBNORMAL) - 2, max(high + most, FIRST_TOO_LARGE) + 2
    ticks = list(range(left - left % 10, right + 1, 10))
    figure.update_xaxes(
        title="size of a gradient times the scale",
        range=[left, right],
        tickvals=ticks,
        ticktext=[f"2<sup>{tick}</sup>" for tick in ticks],
        fixedrange=True,
    )
    largest = max((count for _, count in bins), default=1)
    powers = range(int(log10(largest)) + 1)
    figure.update_yaxes(
        title="gradients (log scale)",
        type="log",
        range=[-0.3, log10(largest) + 0.2],
        tickvals=[10**power for power in powers],
        ticktext=[f"{10**power:,}".replace(",", " ") for power in powers],
        fixedrange=True,
    )
    return figure


def reading(gradients: GradientExponents) -> str:
    """How to read the chart, and which scales lose the fewest gradients."""
    low, high = best_scales(gradients)
    best = f"2^{low}" if low == high else f"2^{low} to 2^{high}"
    return (
        "Exponents of the gradients of one real step in float32. Move the slider: a scaled loss "
        "scales every gradient, and the hill moves as a whole into the range of float16. Least is "
        f"lost at {best}."
    )


def share_text(gradients: GradientExponents, scale: int) -> str:
    """What float16 loses at this scale, counted over the gradients that are finite and not 0."""
    count = sum(gradients.counts)
    zero, infinite = (
        lost_text(lost[scale], count) for lost in (gradients.flushed, gradients.overflowed)
    )
    loss = "no scaling" if scale == 0 else f"scale 2<sup>{scale}</sup>"
    return f"<b>{loss}</b><br><b>{zero}</b> become 0, <b>{infinite}</b> overflow"


def best_scales(gradients: GradientExponents) -> tuple[int, int]:
    """The exponents of the smallest and the largest scale that lose the fewest gradients."""
    lost = [
        flushed + overflowed
        for flushed, overflowed in zip(gradients.flushed, gradients.overflowed, strict=True)
    ]
    best = [scale for scale, count in enumerate(lost) if count == min(lost)]
    return best[0], best[-1]


def lost_text(part: int, whole: int) -> str:
    """A share in percent that is small but not nothing, or "none"."""
    share = 100 * part / whole if whole else 0.0
    return "none" if part == 0 else f"{share:.2g} %" if share < 99.95 else f"{share:.4g} %"


def _split(bins: list[tuple[int, int]], scale: int) -> list[dict[str, list[int | None]]]:
    """x and y of every part of the range at this scale; one bar of nothing keeps the legend."""
    found: list[dict[str, list[int | None]]] = []
    for part in PARTS:
        those = [(e + scale, count) for e, count in bins if part.low <= e + scale < part.high]
        found.append({"x": [x for x, _ in those] or [None], "y": [y for _, y in those] or [None]})
    return found


def _slider(
    gradients: GradientExponents, bins: list[tuple[int, int]], scale: int
) -> dict[str, object]:
    steps = []
    for each in range(len(gradients.flushed)):
        parts = _split(bins, each)
        data = {axis: [part[axis] for part in parts] for axis in ("x", "y")}
        layout = {"title.text": share_text(gradients, each)}
        steps.append({"method": "update", "label": str(each), "args": [data, layout]})
    return {
        "active": scale,
        "steps": steps,
        "currentvalue": {"prefix": "loss scaled by 2 to the power of ", "font": {"size": 14}},
        "pad": {"t": 55, "b": 6},
        "font": {"size": 12},
        "bgcolor": style.GREY,
        "activebgcolor": style.BLUE,
        "bordercolor": style.GREY,
        "tickcolor": style.GREY,
    }


def _window(figure: go.Figure) -> None:
    """The range of float16 as a band, darker where its numbers are normal."""
    for low, high, opacity in (
        (FIRST_SUBNORMAL, FIRST_NORMAL, 0.14),
        (FIRST_NORMAL, FIRST_TOO_LARGE, 0.28),
    ):
        figure.add_vrect(
            x0=low - 0.5,
            x1=high - 0.5,
            fillcolor=style.GREY,
            opacity=opacity,
            line_width=0,
            layer="below",
        )
