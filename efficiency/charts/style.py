"""The look that all charts share: palette, shapes, spacing, and how names from files are shown.

Colours are from Okabe and Ito's palette (Color Universal Design, 2008), with enough contrast
on white and on near-black; each colour has a shape of its own, so nothing depends on colour.
Backgrounds are transparent and text has no colour here: the page or the HTML file gives it one.
"""

from collections.abc import Sequence
from html import escape
from math import floor, log10, nan

import plotly.graph_objects as go

from efficiency.core.values import Ratio, Row, Verdict

BLUE, GREEN, VERMILLION, PURPLE, GREY = "#0072B2", "#009E73", "#D55E00", "#CC79A7", "#7E8790"

VERDICT_COLOR = {Verdict.FASTER: GREEN, Verdict.SAME: GREY, Verdict.SLOWER: VERMILLION}
VERDICT_SYMBOL = {
    Verdict.FASTER: "triangle-right",
    Verdict.SAME: "circle",
    Verdict.SLOWER: "triangle-left",
}
BASELINE_COLOR, BASELINE_SYMBOL = BLUE, "diamond"

PRECISION_COLOR = {
    "fp32": BLUE,
    "bf16": PURPLE,
    "fp16": GREY,
    "int8": GREEN,
    "int4": VERMILLION,
}
PRECISION_SYMBOL = {
    "fp32": "diamond",
    "bf16": "circle-open",
    "fp16": "cross-thin-open",
    "int8": "square",
    "int4": "triangle-down",
}

GRID = "rgba(126, 135, 144, 0.25)"
LEADER = "rgba(126, 135, 144, 0.45)"
LINE = "rgba(126, 135, 144, 0.7)"
ROW_PIXELS = 50
NAME_ABOVE = 0.42  # of a row, from a mark up to its name: on a phone nothing may touch either
LONGEST_NAME = 34


def plain(name: object, longest: int = LONGEST_NAME) -> str:
    """A name from outside as plotly shows it literally: no tags, no controls, cut in the middle."""
    text = "".join(
        each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in str(name)
    )
    if len(text) > longest:
        text = f"{text[: longest // 2]}…{text[-(longest - longest // 2 - 1) :]}"
    return escape(text, quote=False).replace("$", "&#36;")  # or plotly looks for MathJax


def new_figure(height: int) -> go.Figure:
    """An empty figure of `height` pixels with the shared layout; it takes the width it is given."""
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 40, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"size": 14},
        hoverlabel={"align": "left"},
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "xanchor": "left"},
        dragmode=False,
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, automargin=True, title_standoff=10)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True, title_standoff=10)
    return figure


def list_figure(rows: int) -> go.Figure:
    """A figure with one line per row, the first on top; row i lies at y = i, its name above it."""
    figure = new_figure(rows * ROW_PIXELS + 110)
    figure.update_yaxes(range=[rows - 0.5, -0.75], visible=False, fixedrange=True)
    return figure


def stacked_part(
    figure: go.Figure,
    name: str,
    values: Sequence[float],
    color: str,
    pattern: str,
    hovers: Sequence[str],
) -> None:
    """One part of every line's bar; told apart by pattern too, not by colour alone."""
    figure.add_bar(
        name=name,
        x=list(values),
        y=list(range(len(values))),
        orientation="h",
        width=0.36,
        offset=-0.16,
        marker={
            "color": color,
            "line": {"width": 1, "color": color},
            "pattern": {"shape": pattern, "solidity": 0.35, "size": 7},
        },
        hoverinfo="text",
        hovertext=list(hovers),
    )


def name_lines(
    figure: go.Figure, lines: Sequence[tuple[str, str]], longest: int = LONGEST_NAME
) -> None:
    """Write each row's name on the left and its number on the right, just above the row's marks.

    All at once: plotly looks at every annotation again when one is added.
    """
    figure.update_layout(
        annotations=[
            {
                "text": text,
                "x": x,
                "xref": "paper",
                "xanchor": anchor,
                "y": index - NAME_ABOVE,
                "yref": "y",
                "showarrow": False,
                "font": {"size": 14},
            }
            for index, (name, value) in enumerate(lines)
            for text, x, anchor in (
                (f"<b>{plain(name, longest)}</b>", 0, "left"),
                (plain(value, 80), 1, "right"),
            )
        ]
    )


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round tick values (1, 2, 5 times powers of ten) covering low to high, at most `most`."""
    first, last = floor(log10(low)), floor(log10(high))
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= most:
            return ticks
    return ticks[:: -(-len(ticks) // most)]


def linear_ticks(high: float, most: int = 5) -> list[float]:
    """Round tick values from 0 up to high, at most `most` besides 0."""
    if high <= 0:
        return [0.0]
    power = 10.0 ** floor(log10(high / most))
    step = next(power * each for each in (1, 2, 5, 10) if high / (power * each) <= most)
    return [step * place for place in range(int(high / step) + 1)]


def legend_entry(figure: go.Figure, name: str, color: str, symbol: str) -> None:
    """An entry in the legend that belongs to no single point."""
    figure.add_scatter(
        x=[None],
        y=[None],
        mode="markers",
        name=name,
        marker={"color": color, "symbol": symbol, "size": 12},
    )


def mark(ratio: Ratio | None) -> tuple[str, str]:
    """Colour and symbol of a verdict; None is the baseline."""
    if ratio is None:
        return BASELINE_COLOR, BASELINE_SYMBOL
    return VERDICT_COLOR[ratio.verdict], VERDICT_SYMBOL[ratio.verdict]


def verdict_legend(figure: go.Figure, ratios: Sequence[Ratio]) -> None:
    """Legend entries of the baseline and of every verdict that occurs."""
    legend_entry(figure, "baseline", BASELINE_COLOR, BASELINE_SYMBOL)
    for verdict in Verdict:
        if any(ratio.verdict == verdict for ratio in ratios):
            legend_entry(figure, verdict.value, VERDICT_COLOR[verdict], VERDICT_SYMBOL[verdict])


def enlarge(figure: go.Figure, times: float) -> go.Figure:
    """A copy with larger type and more height, for a projector."""
    large = go.Figure(figure)
    large.update_layout(font_size=14 * times, height=figure.layout.height * times)
    large.update_annotations(font_size=14 * times)
    return large


def median_seconds(row: Row) -> float:
    """The median time of one call; NaN for a row that was not timed."""
    return nan if row.timing is None else row.timing.median_seconds


def measured(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows that have numbers on this machine."""
    return tuple(row for row in rows if row.unavailable is None)
