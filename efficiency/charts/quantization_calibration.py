"""How many calibration inputs are enough: score or noise against their number, over seeds."""

from collections.abc import Sequence
from math import log2
from statistics import median

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.quantization import CalibrationPoint
from efficiency.core.units import share_text

HEIGHT = 420
LOOKS = (
    (style.GREEN, "circle", "rgba(0, 158, 115, 0.18)"),
    (style.VERMILLION, "x", "rgba(213, 94, 0, 0.18)"),
    (style.PURPLE, "square", "rgba(204, 121, 167, 0.18)"),
    (style.BLUE, "diamond", "rgba(0, 114, 178, 0.18)"),
)


def calibration_figure(points: Sequence[CalibrationPoint], score_name: str | None) -> go.Figure:
    """Every run as a mark, the medians as a line, the spread over seeds as a band.

    `score_name` is what the height is called, None for SQNR; every point has that number.
    """
    figure = style.new_figure(HEIGHT)
    counts = sorted({each.samples for each in points})
    for place, source in enumerate(sources(points)):
        those = [each for each in points if each.source == source]
        _source(figure, source, those, score_name, LOOKS[place % len(LOOKS)])
    low, high = log2(counts[0]), log2(counts[-1])
    pad = max(0.06 * (high - low), 0.3)
    figure.update_xaxes(
        title="calibration inputs (log scale)",
        tickvals=[log2(count) for count in counts],
        ticktext=list(map(str, counts)),
        range=[low - pad, high + pad],
        fixedrange=True,
    )
    if score_name is None:
        figure.update_yaxes(title="SQNR of the output, dB", fixedrange=True)
    else:
        figure.update_yaxes(title=style.plain(score_name), tickformat=".0%", fixedrange=True)
    return figure


def sources(points: Sequence[CalibrationPoint]) -> tuple[str, ...]:
    """What the calibration inputs were; the proper ones, which come first, before the others."""
    return tuple(dict.fromkeys(each.source for each in points))


def spread(
    points: Sequence[CalibrationPoint], score_name: str | None
) -> dict[int, tuple[float, float, float]]:
    """Lowest, median and highest value over the seeds, by the number of calibration inputs."""
    values: dict[int, list[float]] = {}
    for each in points:
        value = each.sqnr_db if score_name is None else each.score
        if value is not None:
            values.setdefault(each.samples, []).append(value)
    return {count: (min(v), median(v), max(v)) for count, v in sorted(values.items())}


def reading(points: Sequence[CalibrationPoint], score_name: str | None) -> str:
    """From few to many inputs, how much the choice of inputs matters, and the wrong data."""
    first, *others = sources(points)
    found = spread([each for each in points if each.source == first], score_name)
    few, many = min(found), max(found)
    seeds = len({each.seed for each in points if each.source == first})
    what = "SQNR" if score_name is None else score_name
    said = (
        f"Each mark is one calibration, the band is the spread over {seeds} random choices of the "
        f"inputs. On {first}: with {_inputs(few)} the {what} is "
        f"{_text(found[few][0], score_name)} to {_text(found[few][2], score_name)}, with {many} it "
        f"is {_text(found[many][0], score_name)} to {_text(found[many][2], score_name)}."
    )
    for source in others:
        wrong = spread([each for each in points if each.source == source], score_name)
        count = max(wrong)
        said += (
            f" Calibrated on {source} instead ({_inputs(count)}): "
            f"{_text(wrong[count][1], score_name)}."
        )
    return f"{said} Scales of the wrong data fit numbers that never come." if others else said


def _source(
    figure: go.Figure,
    source: str,
    points: Sequence[CalibrationPoint],
    score_name: str | None,
    look: tuple[str, str, str],
) -> None:
    """Band, line of medians and marks of one kind of calibration inputs."""
    color, symbol, veil = look
    found = spread(points, score_name)
    x = [log2(count) for count in found]
    if len(x) > 1:
        figure.add_scatter(
            x=x + x[::-1],
            y=[low for low, _, _ in found.values()] + [h for _, _, h in found.values()][::-1],
            fill="toself",
            fillcolor=veil,
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_scatter(
            x=x,
            y=[middle for _, middle, _ in found.values()],
            mode="lines",
            line={"color": color, "width": 2},
            hoverinfo="skip",
            showlegend=False,
        )
    values = [each.sqnr_db if score_name is None else each.score for each in points]
    figure.add_scatter(
        x=[log2(each.samples) for each in points],
        y=values,
        mode="markers",
        name=style.plain(source, 60),
        marker={"color": color, "symbol": symbol, "size": 10},
        hoverinfo="text",
        hovertext=[
            f"{style.plain(each.source)}, {_inputs(each.samples)}<br>seed {each.seed}: "
            f"{_text(value or 0.0, score_name)}"
            for each, value in zip(points, values, strict=True)
        ],
    )


def _inputs(count: int) -> str:
    return "1 input" if count == 1 else f"{count} inputs"


def _text(value: float, score_name: str | None) -> str:
    return f"{value:.1f} dB" if score_name is None else share_text(value)
