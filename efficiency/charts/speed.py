"""How many times as fast as the baseline, with the interval that the measurement allows."""

from math import log10

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.units import INTERVAL_TEXT, seconds_text
from efficiency.core.values import (
    EQUIVALENCE_BAND,
    Ratio,
    Row,
    Study,
    Timing,
)

Speed = tuple[Row, Timing, Ratio | None]


def speed_figure(study: Study, batch_size: int | None = None, *, band: bool = True) -> go.Figure:
    """One row per measured candidate on a logarithmic axis; a line at 1 marks the baseline.

    `batch_size` is one of the sizes that were measured besides the request's own; None is that one.
    band: draw the band of no measurable difference; it is left out where the intervals contain it.
    """
    speeds = _speeds(study, batch_size)
    ratios = [ratio for _, _, ratio in speeds if ratio is not None]
    figure = style.list_figure(len(speeds))
    if band:
        figure.add_vrect(
            x0=1 / EQUIVALENCE_BAND,
            x1=EQUIVALENCE_BAND,
            fillcolor=style.LINE,
            opacity=0.25,
            line_width=0,
            layer="below",
        )
    figure.add_vline(x=1, line={"color": style.LINE, "width": 2, "dash": "dot"})
    style.name_lines(figure, [(row.label, _number(timing, ratio)) for row, timing, ratio in speeds])
    for index, (row, timing, ratio) in enumerate(speeds):
        _point(figure, index, row, timing, ratio)
    style.verdict_legend(figure, ratios)
    low = min([0.5, *(ratio.low for ratio in ratios)]) / 1.1
    high = max([2.0, *(ratio.high for ratio in ratios)]) * 1.1
    ticks = style.log_ticks(low, high)
    figure.update_xaxes(
        type="log",
        range=[log10(low), log10(high)],
        tickvals=ticks,
        ticktext=[f"{tick:g}×" for tick in ticks],
        title=f"times as fast as the baseline ({INTERVAL_TEXT} interval)",
        fixedrange=True,
    )
    return figure


def _speeds(study: Study, batch_size: int | None) -> list[Speed]:
    if batch_size is None:
        return [(row, row.timing, row.speedup) for row in study.rows if row.timing is not None]
    return [
        (row, each.timing, each.speedup)
        for row in study.rows
        for each in row.at_other_batches
        if each.batch_size == batch_size
    ]


def _number(timing: Timing, ratio: Ratio | None) -> str:
    """The ratio with its interval; the baseline has its time instead."""
    if ratio is None:
        return seconds_text(timing.median_seconds)
    return f"{ratio.ratio:.2f}× [{ratio.low:.2f}, {ratio.high:.2f}]"


def _point(figure: go.Figure, index: int, row: Row, timing: Timing, ratio: Ratio | None) -> None:
    color, symbol = style.mark(ratio)
    value, low, high = (1.0, 1.0, 1.0) if ratio is None else (ratio.ratio, ratio.low, ratio.high)
    verdict = "baseline" if ratio is None else ratio.verdict.value
    figure.add_scatter(
        x=[value],
        y=[index],
        mode="markers",
        marker={"color": color, "symbol": symbol, "size": 13},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - value],
            "arrayminus": [value - low],
            "thickness": 3,
            "width": 5,
            "color": color,
        },
        hoverinfo="text",
        hovertext=f"{style.plain(row.label)}<br>{_number(timing, ratio)}, {verdict}"
        f"<br>median {seconds_text(timing.median_seconds)} over {len(timing.samples)} rounds",
        showlegend=False,
    )
