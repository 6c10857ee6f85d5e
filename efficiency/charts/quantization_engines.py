"""What one call of the same int8 model takes with each engine's kernels."""

from collections.abc import Sequence

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.quantization import EngineSpeed
from efficiency.core.units import seconds_text


def engines_figure(engines: Sequence[EngineSpeed], used: str | None) -> go.Figure:
    """One bar for each engine that can run it, the fastest first; `used` is marked."""
    timed = ranked(engines)
    figure = style.list_figure(len(timed))
    figure.update_layout(showlegend=False)
    style.stacked_part(
        figure,
        "one call",
        [seconds for _, seconds in timed],
        style.GREEN,
        "",
        [f"{style.plain(engine)}: {seconds_text(seconds)}" for engine, seconds in timed],
    )
    figure.update_traces(marker_pattern_shape=["" if name == used else "/" for name, _ in timed])
    fastest = timed[0][1] if timed else 1.0
    style.name_lines(
        figure,
        [
            (
                f"{name}, used here" if name == used else name,
                f"{seconds_text(seconds)}, {seconds / fastest:.2f}× the fastest",
            )
            for name, seconds in timed
        ],
    )
    longest = max((seconds for _, seconds in timed), default=1.0)
    ticks = style.linear_ticks(longest)
    figure.update_xaxes(
        range=[0, longest * 1.02],
        tickvals=ticks,
        ticktext=[seconds_text(tick) if tick else "0" for tick in ticks],
        title="median time of one call",
        fixedrange=True,
    )
    return figure


def ranked(engines: Sequence[EngineSpeed]) -> tuple[tuple[str, float], ...]:
    """Engine and seconds of those that can run it, the fastest first."""
    timed = [(each.engine, each.seconds) for each in engines if each.seconds is not None]
    return tuple(sorted(timed, key=lambda pair: pair[1]))


def reading(engines: Sequence[EngineSpeed], used: str | None) -> str:
    """Which one was used, how far they are apart, and which cannot run it."""
    timed = ranked(engines)
    said = "The same int8 model and the same numbers; an engine is the library of its kernels."
    if len(timed) > 1:
        said += (
            f" {timed[-1][0]} takes {timed[-1][1] / timed[0][1]:.1f} times as long as {timed[0][0]}"
            "."
        )
    if used is not None:
        said += (
            f" The classic rows were measured with {used}: the fastest by a clear margin, or "
            "PyTorch's default where none is, or the one that was asked for."
        )
    for each in engines:
        if each.seconds is None and each.unavailable:
            said += f" {each.engine}: {each.unavailable}"
    return said
