"""Ticket minus control at every level, with intervals: zero inside one means no difference."""

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.charts.lottery_looks import LOOKS, bars, left_axis, percent
from efficiency.core.lottery import CONTROLS, Contest, Lottery, Measure, Start, Winner

HEIGHT = 440
MINUS = "\N{MINUS SIGN}"
UNIT = {
    Measure.STOP_ITERATION: "iterations",
    Measure.STOP_SCORE: "points",
    Measure.END_SCORE: "points",
}


def contests_figure(found: Lottery, measure: Measure) -> go.Figure:
    """The mean difference over the seeds against each control; filled where it is one."""
    figure = style.new_figure(HEIGHT)
    kept = {each.level: each.kept for each in found.levels}
    for control in CONTROLS:
        look = LOOKS[control]
        points = [each for each in level_contests(found, measure, control) if each.level in kept]
        if not points:
            continue
        told = [each.winner is not Winner.NEITHER for each in points]
        differences = [scaled(each.difference, measure) for each in points]
        lows = [None if each.low is None else scaled(each.low, measure) for each in points]
        highs = [None if each.high is None else scaled(each.high, measure) for each in points]
        figure.add_scatter(
            x=[kept[each.level] * look.aside for each in points if each.level is not None],
            y=differences,
            mode="markers",
            name=f"minus {look.name}",
            marker={
                "color": look.color,
                "symbol": [look.symbol if each else f"{look.symbol}-open" for each in told],
                "size": 12,
                "line": {"width": 2, "color": look.color},
            },
            error_y=bars(differences, lows, highs),
            hoverinfo="text",
            hovertext=[
                f"{percent(kept[each.level or 0])} % left<br>ticket minus {look.name}: "
                f"{difference_text(each)}<br>{each.winner.value}"
                for each in points
            ],
        )
    figure.add_hline(y=0, line={"color": style.LINE, "width": 2}, layer="below")
    left_axis(figure, [each for each in found.levels if each.level > 0])
    figure.update_yaxes(title=f"{measure.value}, {UNIT[measure]}", fixedrange=True)
    return figure


def level_contests(found: Lottery, measure: Measure, control: Start) -> tuple[Contest, ...]:
    """The contests of single levels against one control, in the order of the levels."""
    return tuple(
        sorted(
            (
                each
                for each in found.contests
                if each.measure == measure and each.control == control and each.level is not None
            ),
            key=lambda each: each.level or 0,
        )
    )


def scaled(difference: float, measure: Measure) -> float:
    """A difference in the unit in which it is said: points for shares."""
    return difference if measure is Measure.STOP_ITERATION else 100 * difference


def difference_text(each: Contest) -> str:
    """A difference with its interval, like +1.2 points [0.4, 2.0]."""
    digits = 0 if each.measure is Measure.STOP_ITERATION else 1
    middle = f"{scaled(each.difference, each.measure):+.{digits}f}"
    text = f"{middle} {UNIT[each.measure]}"
    if each.low is not None and each.high is not None:
        low, high = (f"{scaled(end, each.measure):.{digits}f}" for end in (each.low, each.high))
        text += f" [{low}, {high}]"
    return text.replace("-", MINUS)


def reading(found: Lottery, measure: Measure) -> str:
    """On which side of zero the ticket is better, and what the intervals are."""
    side = "Below" if measure is Measure.STOP_ITERATION else "Above"
    said = f"{side} the line at zero the ticket is better than its control. "
    if found.settings.seeds == 1:
        return f"{said}With one seed there is no interval, and nothing can be told from one."
    confidence = {each.confidence for each in found.contests if each.level is not None}
    each = f" of {100 * max(confidence):.3g} % each" if confidence else ""
    together = "".join(
        f" Over all levels, against {LOOKS[one.control].name}: {difference_text(one)}, "
        f"{one.winner.value}."
        for one in found.contests
        if one.level is None and one.measure == measure
    )
    return (
        f"{said}Intervals are over {found.settings.seeds} seeds{each}, wide enough to hold for all "
        "levels at once; one that crosses zero, with a hollow mark, means: no difference was found "
        f"at that level.{together}"
    )
