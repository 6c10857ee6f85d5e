"""Accuracy, size and latency of all candidates in one picture, and who is not beaten.

Only candidates that may be recommended can win. One of them is beaten if another one is at least as
small, at least as accurate and not measurably slower, and clearly better in one of the three; where
nothing was scored, only size and time count. All others are drawn hollow.
"""

from collections.abc import Sequence
from math import log10, sqrt

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.judgement import acceptable
from efficiency.core.units import bytes_text, seconds_text, share_text
from efficiency.core.values import Row, Study

LABEL_PIXELS = 21
HEIGHT = 460
LABEL_SHARE = 0.42  # of the width, for the column of names on the right


def plotted(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows with a time and a size; only those with a score too, if any has one."""
    able = [row for row in rows if row.timing is not None and _size(row) is not None]
    if any(row.score is not None for row in able):
        able = [row for row in able if row.score is not None]
    return tuple(able)


def scored(rows: Sequence[Row]) -> bool:
    """Whether the plotted rows have scores."""
    return any(row.score is not None for row in plotted(rows))


def front_rows(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The plotted candidates that may be recommended and that no other such candidate beats.

    rows[0] is the baseline.
    """
    able = [row for row in plotted(rows) if acceptable(row, rows[0])]
    return tuple(row for row in able if not any(_beats(other, row) for other in able))


def front_figure(study: Study) -> go.Figure:
    """Latency against score (against size where there is no score); the area shows the size."""
    rows = plotted(study.rows)
    figure = style.new_figure(max(HEIGHT, LABEL_PIXELS * len(rows) + 120))
    if not rows:
        return figure
    with_scores = scored(rows)
    heights = [float(row.score or 0) if with_scores else float(_size(row) or 0) for row in rows]
    times = [log10(style.median_seconds(row)) for row in rows]
    x_low, x_high = _padded(min(times), max(times), least=0.05)
    y_low, y_high = _padded(min(heights), max(heights), least=0.01 if with_scores else 1.0)
    right = x_low + (x_high - x_low) / (1 - LABEL_SHARE)
    labels_at = x_high + 0.05 * (x_high - x_low)
    slot = (y_high - y_low) * LABEL_PIXELS / (figure.layout.height - 120)
    unbeaten = front_rows(study.rows)
    largest = max(_size(row) or 0 for row in rows) or 1
    labels = _spread(heights, slot)
    for row, x, y, label_y in zip(rows, times, heights, labels, strict=True):
        area = (_size(row) or 0) / largest
        _leader(figure, (10**x, 10**labels_at), (y, label_y))
        hollow = row is not study.rows[0] and row not in unbeaten
        _marker(figure, row, (10**x, y), area, hollow=hollow)
        figure.add_annotation(
            x=labels_at,
            y=label_y,
            text=f"<b>{style.plain(row.name, 18)}</b>",
            showarrow=False,
            xanchor="left",
            font={"size": 13},
        )
    style.verdict_legend(figure, [row.speedup for row in rows if row.speedup is not None])
    style.legend_entry(figure, "hollow: beaten, or loses too much", style.GREY, "square-open")
    ticks = style.log_ticks(10**x_low, 10**x_high, 3)
    figure.update_xaxes(
        type="log",
        range=[x_low, right],
        tickvals=ticks,
        ticktext=[seconds_text(tick) for tick in ticks],
        title="median time of one call (log scale)",
        fixedrange=True,
    )
    if with_scores:
        digits = ".1%" if y_high - y_low < 0.05 else ".0%"
        figure.update_yaxes(title=style.plain(study.score_name or "score"), tickformat=digits)
    else:
        figure.update_yaxes(title="bytes of the saved file", tickformat="~s", ticksuffix="B")
    figure.update_yaxes(range=[min(y_low, min(labels) - slot), y_high], fixedrange=True)
    return figure


def _beats(other: Row, row: Row) -> bool:
    """Whether `other` is nowhere worse than `row` and clearly better somewhere."""
    size, others_size = _size(row) or 0, _size(other) or 0
    score, others_score = row.score or 0.0, other.score or 0.0
    low, high = _interval(row)
    others_low, others_high = _interval(other)
    if other is row or others_size > size or others_score < score or others_high < low:
        return False
    return others_size < size or others_score > score or others_low > high


def _interval(row: Row) -> tuple[float, float]:
    return (1.0, 1.0) if row.speedup is None else (row.speedup.low, row.speedup.high)


def _quality(row: Row) -> str:
    if row.score is not None:
        return share_text(row.score)
    return "no score" if row.sqnr_db is None else f"SQNR {row.sqnr_db:.1f} dB"


def _size(row: Row) -> int | None:
    return None if row.footprint is None else row.footprint.bytes_on_disk


def _padded(low: float, high: float, least: float) -> tuple[float, float]:
    pad = max(0.1 * (high - low), least)
    return low - pad, high + pad


def _spread(heights: Sequence[float], slot: float) -> list[float]:
    """Where each label goes: near its point, at least `slot` apart, from the top down."""
    places = list(heights)
    above = float("inf")
    for index in sorted(range(len(heights)), key=lambda index: -heights[index]):
        places[index] = above = min(heights[index], above - slot)
    return places


def _leader(figure: go.Figure, x: tuple[float, float], y: tuple[float, float]) -> None:
    line = {"color": style.LEADER, "width": 1}
    figure.add_scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", showlegend=False)


def _marker(
    figure: go.Figure,
    row: Row,
    point: tuple[float, float],
    area: float,
    *,
    hollow: bool,
) -> None:
    color, symbol = style.mark(row.speedup)
    figure.add_scatter(
        x=[point[0]],
        y=[point[1]],
        mode="markers",
        marker={
            "color": color,
            "symbol": f"{symbol}-open" if hollow else symbol,
            "size": 10 + 20 * sqrt(area),
            "opacity": 0.8,
            "line": {"width": 2 if hollow else 0, "color": color},
        },
        hoverinfo="text",
        hovertext=f"{style.plain(row.label)}<br>{seconds_text(style.median_seconds(row))}, "
        f"{_quality(row)}, {bytes_text(_size(row))}",
        showlegend=False,
    )
