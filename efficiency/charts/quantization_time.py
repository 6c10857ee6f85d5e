"""Where the time of one call goes in every row: int8 arithmetic, conversions, float, the rest."""

from collections.abc import Sequence

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.quantization import OperatorTime, Work
from efficiency.core.units import seconds_text, share_text
from efficiency.core.values import Row

LOOKS = {
    Work.INTEGER: (style.GREEN, ""),
    Work.CONVERSION: (style.VERMILLION, "/"),
    Work.FLOAT: (style.BLUE, "x"),
    Work.OTHER: (style.GREY, "."),
}


def time_figure(operators: Sequence[OperatorTime], rows: Sequence[Row]) -> go.Figure:
    """One bar a row, in seconds, split by what the time goes into."""
    order = timed_rows(operators, rows)
    labels = {row.name: row.label for row in rows}
    figure = style.list_figure(len(order))
    figure.update_layout(barmode="stack", legend={"traceorder": "normal"})
    for work, (color, pattern) in LOOKS.items():
        seconds = [seconds_of(operators, name)[work] for name in order]
        if any(seconds):
            hovers = [f"{work.value}: {seconds_text(each)}" for each in seconds]
            style.stacked_part(figure, work.value, seconds, color, pattern, hovers)
    totals = [sum(seconds_of(operators, name).values()) for name in order]
    style.name_lines(
        figure,
        [
            (labels.get(name, name), _text(seconds_of(operators, name), total))
            for name, total in zip(order, totals, strict=True)
        ],
    )
    longest = max(totals, default=1.0) or 1.0
    ticks = style.linear_ticks(longest)
    figure.update_xaxes(
        range=[0, longest * 1.02],
        tickvals=ticks,
        ticktext=[seconds_text(tick) if tick else "0" for tick in ticks],
        title="time in the operators of one call",
        fixedrange=True,
    )
    return figure


def timed_rows(operators: Sequence[OperatorTime], rows: Sequence[Row]) -> tuple[str, ...]:
    """Names of the rows whose operators were timed, in the order of the study."""
    timed = dict.fromkeys(each.row for each in operators)
    ordered = [row.name for row in rows if row.name in timed]
    return (*ordered, *(name for name in timed if name not in ordered))


def seconds_of(operators: Sequence[OperatorTime], row: str) -> dict[Work, float]:
    """Seconds of one call of a row by what they go into; all kinds are in it."""
    found = dict.fromkeys(Work, 0.0)
    for each in operators:
        if each.row == row:
            found[each.work] += each.seconds
    return found


def reading(operators: Sequence[OperatorTime], rows: Sequence[Row]) -> str:
    """How to read the chart, and which row converts most."""
    said = (
        "Every operator of a call, timed from outside. Int8 arithmetic is what pays; quantize and "
        "dequantize is the price of getting in and out of it; float operations stayed in float32. "
        "Compiled rows are not here: they call no operators any more."
    )
    labels = {row.name: row.label for row in rows}
    shares = []
    for name in timed_rows(operators, rows):
        seconds = seconds_of(operators, name)
        if seconds[Work.INTEGER] and sum(seconds.values()):
            share = seconds[Work.CONVERSION] / sum(seconds.values())
            shares.append((share, labels.get(name, name)))
    if not shares:
        return said
    share, label = max(shares)
    return f"{said} {label} spends {share_text(share, 0)} on converting, the most of all."


def _text(seconds: dict[Work, float], total: float) -> str:
    if not total or not seconds[Work.INTEGER]:
        return seconds_text(total)
    return f"{seconds_text(total)}, {share_text(seconds[Work.INTEGER] / total, 0)} int8"
