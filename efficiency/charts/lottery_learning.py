"""How networks learned, iteration by iteration: ticket and controls of one level, beside dense.

The slider chooses the level, in the browser; a long training is thinned to POINTS checkpoints.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from statistics import mean

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.charts.lottery_looks import DENSE, LOOKS, Look, percent
from efficiency.core.lottery import Lottery, Start, Training

HEIGHT, WITH_SLIDER = 440, 520
POINTS = 60
DIGITS = 4  # after the point: finer than a pixel, and the page stays light
SETTLED = 8  # the axis shows what comes after this part of the training, as learning is steep first
SHADE = "2b"  # of a colour, as its last two hexadecimal digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The mean over the seeds at every checkpoint, and the lowest and the highest seed."""

    at: tuple[int, ...]
    means: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]


EMPTY = Curve(at=(), means=(), lows=(), highs=())


def learning_figure(
    found: Lottery, *, losses: bool, level: int | None = None, slider: bool = True
) -> go.Figure:
    """Test accuracy, or validation loss, against the iteration; of `level`, or begins with it."""
    figure = style.new_figure(HEIGHT)
    chosen = trained_levels(found)
    first = level if level in chosen else middle_level(found)
    dense = curve(found, 0, Start.TICKET, losses=losses)
    if dense.at:
        _add(figure, DENSE, dense)
    fixed = len(figure.data)
    for start, look in LOOKS.items():
        _add(figure, look, curve(found, first or 0, start, losses=losses) if first else EMPTY)
    moving = list(range(fixed, len(figure.data)))
    if slider and len(chosen) > 1 and first is not None:
        figure.update_layout(
            height=WITH_SLIDER,
            sliders=[
                {
                    "active": chosen.index(first),
                    "steps": [_step(found, each, losses, moving, dense) for each in chosen],
                    "currentvalue": {"prefix": "", "suffix": " % of the weights left"},
                    "pad": {"t": 50},
                    "ticklen": 5,
                    "minorticklen": 0,
                }
            ],
        )
    figure.update_xaxes(title="iteration", rangemode="tozero", fixedrange=True)
    figure.update_yaxes(fixedrange=True, title="validation loss" if losses else "test accuracy")
    if losses:
        ticks = style.log_ticks(1e-4, 10, most=20)
        figure.update_yaxes(type="log", tickvals=ticks, ticktext=[f"{each:g}" for each in ticks])
    else:
        figure.update_yaxes(tickformat=".0%")
    curves = [curve(found, first, start, losses=losses) for start in LOOKS] if first else []
    figure.update_yaxes(range=_range([dense, *curves], losses))
    return figure


def trained_levels(found: Lottery) -> list[int]:
    """Levels at which a network has begun to learn, but for dense."""
    kept = {each.level for each in found.levels}
    return sorted({each.level for each in found.trainings if each.losses} & kept - {0})


def middle_level(found: Lottery) -> int | None:
    """The level that lies nearest to a fifth of the weights; None before any was trained."""
    kept = {each.level: each.kept for each in found.levels}
    return min(
        trained_levels(found), key=lambda level: abs(log10(kept[level]) - log10(0.2)), default=None
    )


def curve(found: Lottery, level: int, start: Start, *, losses: bool) -> Curve:
    """How the networks from one start learned at one level, over the seeds."""
    same = [each for each in found.trainings if (each.level, each.start) == (level, start)]
    lines = [_line(each, losses) for each in same]
    longest = min(max(map(len, lines), default=0), len(found.checkpoints))
    if not longest:
        return EMPTY
    every = -(-longest // POINTS)
    places = [*range(0, longest - 1, every), longest - 1]
    at_each = [[line[place] for line in lines if len(line) > place] for place in places]
    return Curve(
        at=tuple(found.checkpoints[place] for place in places),
        means=tuple(round(mean(each), DIGITS) for each in at_each),
        lows=tuple(round(min(each), DIGITS) for each in at_each),
        highs=tuple(round(max(each), DIGITS) for each in at_each),
    )


def reading(found: Lottery) -> str:
    """What the lines and the bands are."""
    if found.settings.seeds == 1:
        return "Each line is one network; the slider chooses how many weights are left."
    return (
        f"Lines are means over {found.settings.seeds} seeds, bands reach from the lowest to the "
        "highest seed; the slider chooses how many weights are left."
    )


def _line(each: Training, losses: bool) -> tuple[float, ...]:
    return each.losses if losses else each.scores


def _add(figure: go.Figure, look: Look, drawn: Curve) -> None:
    """A band and the line in it."""
    x, y = _band(drawn)
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        fill="toself",
        fillcolor=f"{look.color}{SHADE}",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=drawn.at,
        y=drawn.means,
        mode="lines",
        name=look.name,
        line={"color": look.color, "dash": look.dash, "width": 2.5},
        hovertemplate=f"{look.name}<br>iteration %{{x}}: %{{y:.4g}}<extra></extra>",
    )


def _band(drawn: Curve) -> tuple[list[int], list[float]]:
    """The outline of the band: along its upper edge, and back along the lower one."""
    return [*drawn.at, *reversed(drawn.at)], [*drawn.highs, *reversed(drawn.lows)]


def _step(
    found: Lottery, level: int, losses: bool, moving: list[int], dense: Curve
) -> dict[str, object]:
    """What the slider puts into the moving traces for a level."""
    curves = [curve(found, level, start, losses=losses) for start in LOOKS]
    data: dict[str, list[object]] = {"x": [], "y": []}
    for each in curves:
        x, y = _band(each)
        data["x"] += [x, each.at]
        data["y"] += [y, each.means]
    kept = next(each.kept for each in found.levels if each.level == level)
    layout = {"yaxis.range": _range([dense, *curves], losses)}
    return {"label": percent(kept), "method": "update", "args": [data, layout, moving]}


def _range(curves: Sequence[Curve], losses: bool) -> list[float]:
    """From the lowest to the highest once the first steep part is over; logarithms of losses."""
    lows: list[float] = []
    highs: list[float] = []
    for each in curves:
        begun = 0 if losses else len(each.at) // SETTLED
        lows += each.lows[begun:]
        highs += each.highs[begun:]
    low, high = (min(lows), max(highs)) if lows else (0.0, 1.0)
    if losses:
        return [log10(max(low, 1e-6)) - 0.05, log10(max(high, 1e-6)) + 0.05]
    return [low - 0.02, min(high + 0.02, 1.005)]
