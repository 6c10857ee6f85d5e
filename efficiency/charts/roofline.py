"""Every timed layer under the roofs of the machine; the model is `efficiency.core.roofline`."""

from collections.abc import Sequence
from math import log10

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.charts.energy_layers import ITSELF
from efficiency.core.anatomy import Anatomy, Peak
from efficiency.core.roofline import (
    AS_RUN,
    MAIN_MEMORY,
    Point,
    arithmetic_peaks,
    memory_peaks,
    points,
    ridge,
    time_shares,
)
from efficiency.core.units import rate_text, seconds_text, share_text

HEIGHT = 540
MOST_KINDS = 6
NEAR = 1.4  # times as high: closer roofs have no room for a line of text each
KINDS = (
    ("circle", style.BLUE),
    ("square", style.VERMILLION),
    ("triangle-up", style.GREEN),
    ("star", style.PURPLE),
    ("diamond", style.BLUE),
    ("x", style.VERMILLION),
    ("cross", style.GREY),
)
OTHERS = "other modules"


def roofline_figure(anatomy: Anatomy) -> go.Figure:
    """Operations a byte against operations a second, both logarithmic."""
    figure = style.new_figure(HEIGHT)
    found = points(anatomy)
    (left, right), (bottom, top) = _window(anatomy, found)
    _roofs(figure, anatomy, left, right)
    if (corner := ridge(anatomy)) is not None:
        figure.add_vline(x=corner, line={"color": style.LINE, "width": 1, "dash": "dot"})
        _name(figure, (corner, top), f"ridge: {corner:.3g}", "left", "top")
    for place, (kind, members) in enumerate(_kinds(found).items()):
        _points(figure, kind, members, *KINDS[place % len(KINDS)])
    for update, low, high, title, unit in (
        (figure.update_xaxes, left, right, "operations per byte moved (log scale)", None),
        (figure.update_yaxes, bottom, top, "operations per second (log scale)", "op"),
    ):
        ticks = style.log_ticks(low, high, 5)
        update(
            type="log",
            range=[log10(low), log10(high)],
            tickvals=ticks,
            ticktext=[rate_text(tick, unit) if unit else f"{tick:g}" for tick in ticks],
            title=title,
            fixedrange=True,
        )
    return figure


def reading(anatomy: Anatomy) -> str:
    """How to read the roofline, and what it says about this model."""
    how = (
        "Each mark is a layer as it ran, in fp32. Near a slanted roof (a memory) it waits for "
        "numbers, near a level one (a precision) for arithmetic, far below both for the calls "
        "themselves."
    )
    shares, corner = time_shares(anatomy), ridge(anatomy)
    if shares is None or corner is None:
        return how
    parts = [f"{share_text(share)} into {bound.value}" for bound, share in shares.items()]
    return (
        f"{how} Of the layers' time go {', '.join(parts)}. Left of the ridge a layer does fewer "
        f"than {corner:.3g} operations for each byte it moves: numbers stored in half the bytes "
        "halve its wait, and faster int8 arithmetic alone changes nothing. Right of it, it is the "
        "other way round."
    )


def hover_text(point: Point) -> str:
    """One layer in words: its time with quartiles, what it does, how near it is to its roof."""
    work, spread = point.work, point.work.seconds
    lines = [f"<b>{style.plain(work.layer or ITSELF)}</b>, {style.plain(work.module)}"]
    if spread is not None:
        low, high = seconds_text(spread.low), seconds_text(spread.high)
        lines.append(f"{seconds_text(spread.median)} (quartiles {low} to {high})")
    lines.append(f"{point.intensity:.3g} operations per byte")
    lines.append(rate_text(point.achieved, "op"))
    if point.roof is not None and point.share is not None:
        lines.append(f"{share_text(point.share, 0)} of its roof, {style.plain(point.roof.name)}")
    return "<br>".join(lines)


def _kinds(found: Sequence[Point]) -> dict[str, list[Point]]:
    """The points by kind of module, those with most time first; rare kinds together."""
    kinds: dict[str, list[Point]] = {}
    for each in sorted(found, key=_seconds, reverse=True):
        kinds.setdefault(each.work.module, []).append(each)
    if len(kinds) <= MOST_KINDS + 1:
        return kinds
    names = list(kinds)
    rest = [point for name in names[MOST_KINDS:] for point in kinds[name]]
    return {name: kinds[name] for name in names[:MOST_KINDS]} | {OTHERS: rest}


def _seconds(point: Point) -> float:
    return 0.0 if point.work.seconds is None else point.work.seconds.median


def _window(
    anatomy: Anatomy, found: Sequence[Point]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ends of both axes: all points, the ridge, and the roofs over them."""
    corner = ridge(anatomy)
    across = [each.intensity for each in found] + ([corner] if corner else [])
    left, right = min(across, default=0.1) / 3, max(across, default=100) * 4
    peaks = [each.per_second or 0.0 for each in arithmetic_peaks(anatomy)]
    slow = [(each.per_second or 0.0) * left for each in memory_peaks(anatomy)[:1]]
    up = [each.achieved for each in found] + peaks
    return (left, right), (min([*up, *slow], default=1e6) / 2, max(up, default=1e12) * 2.5)


def _points(
    figure: go.Figure, kind: str, members: Sequence[Point], symbol: str, color: str
) -> None:
    figure.add_scatter(
        x=[each.intensity for each in members],
        y=[each.achieved for each in members],
        mode="markers",
        name=style.plain(kind, 20),
        marker={"color": color, "symbol": symbol, "size": 12, "opacity": 0.8},
        hoverinfo="text",
        hovertext=[hover_text(each) for each in members],
    )


def _roofs(figure: go.Figure, anatomy: Anatomy, left: float, right: float) -> None:
    """Slanted roofs up to the highest peak, level ones from where the fastest memory meets them.

    Their names stand above and left of them, where no layer can be.
    """
    peaks, memories = arithmetic_peaks(anatomy), memory_peaks(anatomy)
    highest = max((each.per_second or 0.0 for each in peaks), default=None)
    fastest = max((each.per_second or 0.0 for each in memories), default=None)
    for each in memories:
        rate = each.per_second or 0.0
        end = right if highest is None else min(right, highest / rate)
        dash = "solid" if each.name == MAIN_MEMORY else "dash"
        _line(figure, (left, end), (rate * left, rate * end), dash)
        _name(figure, (end, rate * end), each.name, "center", "bottom")
    starts = {
        each.name: left if fastest is None else max(left, (each.per_second or 0.0) / fastest)
        for each in peaks
    }
    for each in peaks:
        rate = each.per_second or 0.0
        dash = "solid" if each.name == AS_RUN.name else "dot"
        _line(figure, (starts[each.name], right), (rate, rate), dash)
    for rate, names in _together(peaks):
        start = min(starts[name] for name in names)
        if start == left:
            _name(figure, (start, rate), ", ".join(names), "left", "bottom")
        else:
            _name(figure, (start, rate), ", ".join(names), "right", "middle")


def _together(peaks: Sequence[Peak]) -> list[tuple[float, list[str]]]:
    """Height and names of the level roofs; those that nearly touch share a line of text."""
    found: list[tuple[float, list[str]]] = []
    for each in sorted(peaks, key=lambda each: -(each.per_second or 0.0)):
        rate = each.per_second or 0.0
        if found and found[-1][0] < NEAR * rate:
            found[-1][1].append(each.name)
        else:
            found.append((rate, [each.name]))
    return found


def _line(figure: go.Figure, x: tuple[float, float], y: tuple[float, float], dash: str) -> None:
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": style.LINE, "width": 3 if dash == "solid" else 2, "dash": dash},
        hoverinfo="skip",
        showlegend=False,
    )


def _name(
    figure: go.Figure, place: tuple[float, float], text: str, xanchor: str, yanchor: str
) -> None:
    figure.add_annotation(
        x=log10(place[0]),
        y=log10(place[1]),
        text=style.plain(text),
        showarrow=False,
        xanchor=xanchor,
        yanchor=yanchor,
        xshift={"right": -4, "left": 4}.get(xanchor, 0),
        font={"size": 12},
    )
