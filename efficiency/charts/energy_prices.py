"""What one operation costs: arithmetic, memory and instructions on one logarithmic axis.

Every figure is one of `efficiency.core.energy`'s tables; nothing here is measured.
"""

from dataclasses import dataclass
from math import log10, sqrt

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.energy import (
    ACCESS_BITS,
    DRAM_PICOJOULES,
    HOROWITZ_2014,
    INSTRUCTION_PICOJOULES,
    SRAM_PICOJOULES,
    Picojoules,
)

MULTIPLICATION, ADDITION = "multiplication", "addition"
MEMORY, INSTRUCTION = f"{ACCESS_BITS} bits from memory", "instruction"
LOOK = {
    MULTIPLICATION: (style.BLUE, "x"),
    ADDITION: (style.GREEN, "cross"),
    MEMORY: (style.VERMILLION, "square"),
    INSTRUCTION: (style.GREY, "diamond"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Picojoules of one thing: `line` names what it is done to, `action` what is done."""

    line: str
    action: str
    cost: Picojoules

    @property
    def text(self) -> str:
        """The figure of the source, or its range."""
        low, high = (f"{each:g}" for each in (self.cost.low, self.cost.high))
        return f"{low} pJ" if low == high else f"{low} to {high} pJ"


def prices() -> tuple[Price, ...]:
    """Every figure: arithmetic by precision, memories by size, the instruction around it all."""
    arithmetic = [
        Price(line=name, action=action, cost=_exactly(cost))
        for name, energy in HOROWITZ_2014.items()
        for action, cost in ((MULTIPLICATION, energy.multiply), (ADDITION, energy.add))
    ]
    memories = [
        Price(line=f"{_size(size)} SRAM", action=MEMORY, cost=_exactly(cost))
        for size, cost in SRAM_PICOJOULES.items()
    ]
    return (
        *arithmetic,
        *memories,
        Price(line="DRAM", action=MEMORY, cost=DRAM_PICOJOULES),
        Price(
            line="instruction overhead", action=INSTRUCTION, cost=_exactly(INSTRUCTION_PICOJOULES)
        ),
    )


def prices_figure() -> go.Figure:
    """One line per number format and memory; multiplication and addition share a line."""
    found = prices()
    lines = list(dict.fromkeys(each.line for each in found))
    figure = style.list_figure(len(lines))
    for action, (color, symbol) in LOOK.items():
        _marks(figure, [each for each in found if each.action == action], lines, color, symbol)
    style.name_lines(
        figure,
        [(line, " and ".join(each.text for each in found if each.line == line)) for line in lines],
    )
    for index, line in enumerate(lines):
        if index and _group(found, line) != _group(found, lines[index - 1]):
            figure.add_hline(y=index - 0.75, line={"color": style.GRID, "width": 2})
    low, high = min(each.cost.low for each in found) / 2, max(each.cost.high for each in found) * 2
    ticks = style.log_ticks(low, high)
    figure.update_xaxes(
        type="log",
        range=[log10(low), log10(high)],
        tickvals=ticks,
        ticktext=[f"{tick:g}" for tick in ticks],
        title="picojoules (log scale)",
        fixedrange=True,
    )
    return figure


def _group(found: tuple[Price, ...], line: str) -> str:
    """Arithmetic, memory or instruction: which part of the picture a line belongs to."""
    action = next(each.action for each in found if each.line == line)
    return "arithmetic" if action in (MULTIPLICATION, ADDITION) else action


def _marks(
    figure: go.Figure, found: list[Price], lines: list[str], color: str, symbol: str
) -> None:
    """The prices of one kind; a range is a line with the mark at its geometric middle."""
    places = [lines.index(each.line) for each in found]
    for each, place in zip(found, places, strict=True):
        if each.cost.low < each.cost.high:
            figure.add_scatter(
                x=[each.cost.low, each.cost.high],
                y=[place, place],
                mode="lines+markers",
                line={"color": color, "width": 3},
                marker={"symbol": "line-ns", "size": 14, "line": {"color": color, "width": 3}},
                hoverinfo="skip",
                showlegend=False,
            )
    figure.add_scatter(
        x=[sqrt(each.cost.low * each.cost.high) for each in found],
        y=places,
        mode="markers",
        name=found[0].action,
        marker={"color": color, "symbol": symbol, "size": 12},
        hoverinfo="text",
        hovertext=[_hover(each) for each in found],
    )


def _hover(price: Price) -> str:
    """The price, and how many 8-bit and 32-bit multiplications it would pay for."""
    title = price.line if price.action in (MEMORY, INSTRUCTION) else f"{price.line} {price.action}"
    times = "<br>".join(
        f"{times_text(price.cost, HOROWITZ_2014[name].multiply)} × {name} multiplication"
        for name in ("int8", "fp32")
    )
    return f"<b>{title}</b>: {price.text}<br>{times}"


def times_text(cost: Picojoules, unit: float) -> str:
    """How many times `unit` it is, three significant digits; both ends of a range."""
    low, high = (f"{float(f'{each / unit:.3g}'):g}" for each in (cost.low, cost.high))
    return low if low == high else f"{low} to {high}"


def _exactly(cost: float) -> Picojoules:
    return Picojoules(low=cost, high=cost)


def _size(size: int) -> str:
    return f"{size >> 20} MB" if size >= 1 << 20 else f"{size >> 10} KB"
