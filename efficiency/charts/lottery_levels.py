"""How well networks learned against how many weights they have left: ticket, controls, dense."""

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.charts.lottery_looks import DENSE, LOOKS, Look, bars, counted, left_axis, percent
from efficiency.core.lottery import Lottery, Measure, Outcome, Start

HEIGHT = 440
CLOSE = 0.08  # a difference of accuracies


def levels_figure(found: Lottery, measure: Measure, *, growing: bool = False) -> go.Figure:
    """Means over the seeds with their intervals, joined for each start; dense as a line across.

    A figure that is growing has room for all rounds that are asked for.
    """
    figure = style.new_figure(HEIGHT)
    kept = {each.level: each.kept for each in found.levels}
    dense = dense_outcome(found, measure)
    if dense is not None:
        _dense(figure, dense, found.settings.seeds)
    for start, look in LOOKS.items():
        points = [
            each
            for each in found.outcomes
            if each.measure == measure
            and each.start == start
            and each.level > 0
            and each.level in kept
        ]
        if points:
            _line(figure, look, points, kept, found.settings.seeds)
    asked = found.settings
    least = (1 - asked.rate) ** asked.rounds if growing else 1.0
    left_axis(figure, [each for each in found.levels if each.level in _drawn(found)], least)
    figure.update_yaxes(
        title=measure.value,
        tickformat=None if measure is Measure.STOP_ITERATION else _ticks(found, measure),
        fixedrange=True,
    )
    return figure


def dense_outcome(found: Lottery, measure: Measure) -> Outcome | None:
    """What the networks before any pruning did, None before they have been trained."""
    return outcome(found, 0, Start.TICKET, measure)


def outcome(found: Lottery, level: int, start: Start, measure: Measure) -> Outcome | None:
    """What networks from one start did at one level, None where there are none yet."""
    return next(
        (
            each
            for each in found.outcomes
            if (each.level, each.start, each.measure) == (level, start, measure)
        ),
        None,
    )


def value_text(value: float, measure: Measure) -> str:
    """A mean as people read it: iterations, or percent."""
    if measure is Measure.STOP_ITERATION:
        return counted(value)
    return f"{100 * value:.1f} %"


def interval_text(each: Outcome) -> str:
    """The interval of a mean; says so where there is none."""
    if each.low is None or each.high is None:
        return "no interval"
    if each.measure is Measure.STOP_ITERATION:
        return f"[{value_text(each.low, each.measure)}, {value_text(each.high, each.measure)}]"
    return f"[{100 * each.low:.1f}, {100 * each.high:.1f}]"


def seeds_text(seeds: int) -> str:
    """What the intervals are over, in words."""
    if seeds == 1:
        return "One seed only, so there is no interval."
    return f"Bars are 95 % t-intervals of the mean over {seeds} seeds."


def _ticks(found: Lottery, measure: Measure) -> str:
    """With a decimal where all means lie close together."""
    means = [each.mean for each in found.outcomes if each.measure == measure]
    return ".1%" if max(means, default=0.0) - min(means, default=0.0) < CLOSE else ".0%"


def _drawn(found: Lottery) -> set[int]:
    return {each.level for each in found.outcomes} | {0}


def _line(
    figure: go.Figure, look: Look, points: list[Outcome], kept: dict[int, float], seeds: int
) -> None:
    figure.add_scatter(
        x=[kept[each.level] * look.aside for each in points],
        y=[each.mean for each in points],
        mode="lines+markers",
        name=look.name,
        line={"color": look.color, "dash": look.dash, "width": 2.5},
        marker={"color": look.color, "symbol": look.symbol, "size": 10},
        error_y=bars(
            [each.mean for each in points],
            [each.low for each in points],
            [each.high for each in points],
        ),
        hoverinfo="text",
        hovertext=[_hover(look, each, kept[each.level], seeds) for each in points],
    )


def _dense(figure: go.Figure, dense: Outcome, seeds: int) -> None:
    """A mark at 100 %, and across the figure a line with the interval as a band."""
    figure.add_hline(
        y=dense.mean, line={"color": DENSE.color, "dash": DENSE.dash, "width": 2}, layer="below"
    )
    if dense.low is not None and dense.high is not None:
        figure.add_hrect(
            y0=dense.low, y1=dense.high, fillcolor=style.GRID, line_width=0, layer="below"
        )
    figure.add_scatter(
        x=[1.0],
        y=[dense.mean],
        mode="markers",
        name=DENSE.name,
        marker={"color": DENSE.color, "symbol": DENSE.symbol, "size": 12},
        hoverinfo="text",
        hovertext=[_hover(DENSE, dense, 1.0, seeds)],
    )


def _hover(look: Look, each: Outcome, kept: float, seeds: int) -> str:
    over = "one seed" if seeds == 1 else f"{seeds} seeds"
    return (
        f"{look.name}, {percent(kept)} % left<br>{each.measure.value}: "
        f"{value_text(each.mean, each.measure)} {interval_text(each)}<br>{over}"
    )
