"""Speed of mixed precision at many sizes of the tutorial's network: where it begins to pay."""

from collections.abc import Sequence
from math import log10

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.mixed import SweepPoint
from efficiency.core.units import INTERVAL_TEXT

HEIGHT = 440
MULTIPLE = 8  # of the sizes that tensor cores want
LOOKS = (
    (style.BLUE, "circle"),
    (style.VERMILLION, "square"),
    (style.GREEN, "diamond"),
    (style.PURPLE, "triangle-up"),
    (style.GREY, "star"),
)
TICKS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 20.0)
APART = 1.025  # batch sizes stand so far beside each other, or their intervals would hide


def sweep_figure(points: Sequence[SweepPoint]) -> go.Figure:
    """Times as fast as fp32 against the width, a line for each batch size."""
    measured = [each for each in points if each.speedup is not None]
    figure = style.new_figure(HEIGHT)
    figure.add_hline(y=1, line={"color": style.LINE, "width": 2, "dash": "dot"})
    batches = sorted({each.batch_size for each in measured})
    for place, batch in enumerate(batches):
        those = sorted((each for each in measured if each.batch_size == batch), key=_width)
        _batch(figure, those, APART ** (place - (len(batches) - 1) / 2), *LOOKS[place % len(LOOKS)])
    if any(each.width % MULTIPLE for each in measured):
        style.legend_entry(
            figure, f"hollow: not a multiple of {MULTIPLE}", style.GREY, "circle-open"
        )
    widths = sorted({each.width for each in measured if each.width % MULTIPLE == 0}) or [1]
    low = min([0.8, *(each.low or each.speedup or 1 for each in measured)]) / 1.05
    high = max([1.25, *(each.high or each.speedup or 1 for each in measured)]) * 1.05
    ticks = [tick for tick in TICKS if low <= tick <= high]
    every = sorted(each.width for each in measured) or [1]
    figure.update_xaxes(
        title="width of the layers",
        type="log",
        range=[log10(every[0] / 1.2), log10(every[-1] * 1.2)],
        tickvals=widths,
        ticktext=list(map(str, widths)),
        fixedrange=True,
    )
    figure.update_yaxes(
        title=f"times as fast as fp32 ({INTERVAL_TEXT} interval)",
        type="log",
        range=[log10(low), log10(high)],
        tickvals=ticks,
        ticktext=[f"{tick:g}×" for tick in ticks],
        fixedrange=True,
    )
    return figure


def reading(points: Sequence[SweepPoint]) -> str:
    """From which width on it pays, for every batch size, and what was left out."""
    said = [
        "Above the line at 1× mixed precision pays; an interval across it means no measurable "
        "difference."
    ]
    for batch in sorted({each.batch_size for each in points}):
        paying = [each.width for each in points if each.batch_size == batch and pays(each)]
        start = f"pays from width {min(paying)} on" if paying else "pays at none of these widths"
        said.append(f"With batches of {batch} it {start}.")
    for each in points:
        if each.speedup is None and each.unavailable:
            said.append(f"Left out, batch {each.batch_size} width {each.width}: {each.unavailable}")
    return " ".join(said)


def pays(point: SweepPoint) -> bool:
    """Whether all of the interval, which contains the band of every verdict, lies above 1."""
    return point.low is not None and point.low > 1


def _width(point: SweepPoint) -> int:
    return point.width


def _batch(
    figure: go.Figure, points: Sequence[SweepPoint], beside: float, color: str, symbol: str
) -> None:
    """One batch size: a line through the multiples, and the others as hollow marks beside it."""
    for those, mode, shape in (
        ([each for each in points if each.width % MULTIPLE == 0], "lines+markers", symbol),
        ([each for each in points if each.width % MULTIPLE], "markers", f"{symbol}-open"),
    ):
        speedups = [each.speedup or 1.0 for each in those]
        highs = [each.high or speedup for each, speedup in zip(those, speedups, strict=True)]
        lows = [each.low or speedup for each, speedup in zip(those, speedups, strict=True)]
        figure.add_scatter(
            x=[each.width * beside for each in those],
            y=speedups,
            mode=mode,
            name=f"batch {points[0].batch_size}",
            showlegend=shape == symbol,
            legendgroup=str(points[0].batch_size),
            line={"color": color, "width": 1, "dash": "dot"},
            marker={
                "color": color,
                "symbol": shape,
                "size": 12,
                "line": {"width": 2, "color": color},
            },
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [high - y for high, y in zip(highs, speedups, strict=True)],
                "arrayminus": [y - low for low, y in zip(lows, speedups, strict=True)],
                "thickness": 2,
                "width": 4,
                "color": color,
            },
            hoverinfo="text",
            hovertext=[
                f"batch {each.batch_size}, width {each.width}"
                f"<br>{y:.2f}× [{low:.2f}, {high:.2f}]"
                + ("" if each.width % MULTIPLE else f"<br>a multiple of {MULTIPLE}")
                for each, y, low, high in zip(those, speedups, lows, highs, strict=True)
            ],
        )
