"""What the charts of the lottery ticket share: a look for each start, and the axis of what is left.

The axis is logarithmic and falls from left to right, as the paper draws it: every round of pruning
is then about one step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.lottery import Level, Start


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How one kind of network is drawn; `aside` moves its marks a little, so that none hide."""

    name: str
    color: str
    symbol: str
    dash: str
    aside: float


LOOKS = {
    Start.TICKET: Look(name="ticket", color=style.BLUE, symbol="circle", dash="solid", aside=1.0),
    Start.REINITIALISED: Look(
        name="same mask, new weights",
        color=style.VERMILLION,
        symbol="square",
        dash="dash",
        aside=0.985,
    ),
    Start.RANDOM_MASK: Look(
        name="random mask", color=style.GREEN, symbol="triangle-up", dash="dot", aside=1.015
    ),
}
DENSE = Look(name="dense", color=style.GREY, symbol="diamond", dash="dashdot", aside=1.0)
MOST_TICKS = 7
AXIS_TITLE = "% of the weights left"


def percent(share: float) -> str:
    """A share of weights as the axis has it, three digits: 100, 51.2, 1.15."""
    return f"{100 * share:.3g}"


def counted(number: float) -> str:
    """A whole number with its digits in groups of three, which stay on one line."""
    return f"{number:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def left_axis(figure: go.Figure, levels: Sequence[Level], least: float = 1.0) -> None:
    """The axis of what is left, with a tick at some of the levels; all where they fit.

    It reaches to the share `least`, so that there is room for levels that are still to come.
    """
    every = -(-len(levels) // MOST_TICKS)
    ticks = levels[::every]
    shares = [least, *(each.kept for each in levels)]
    most = max((each.kept for each in levels), default=1.0)
    pad = 0.05 + 0.04 * (log10(most) - log10(min(shares)))
    figure.update_xaxes(
        type="log",
        range=[log10(most) + pad, log10(min(shares)) - pad],
        tickvals=[each.kept for each in ticks],
        ticktext=[percent(each.kept) for each in ticks],
        tickangle=0,
        title=AXIS_TITLE,
        fixedrange=True,
    )


def bars(
    middles: Sequence[float], lows: Sequence[float | None], highs: Sequence[float | None]
) -> dict[str, object] | None:
    """Intervals as plotly draws them; None where there are none."""
    if not middles or any(low is None for low in lows):
        return None
    return {
        "type": "data",
        "symmetric": False,
        "array": [(high or 0.0) - each for high, each in zip(highs, middles, strict=True)],
        "arrayminus": [each - (low or 0.0) for low, each in zip(lows, middles, strict=True)],
        "thickness": 1.5,
        "width": 4,
    }
