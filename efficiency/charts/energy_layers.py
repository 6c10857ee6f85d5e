"""Where the energy of a model goes: by part, by kind of layer, by stage, by precision.

Arithmetic and movement are stacked, told apart by colour and by pattern; lengths are the middle of
the source's range, which stands as an error bar at the end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.anatomy import Anatomy, Stage
from efficiency.core.energy import NOTHING, LayerEnergy, Picojoules, total
from efficiency.core.units import joules_text, share_text

MOST_BARS = 15
LONGEST_NAME = 24  # beside the numbers on a phone
ITSELF = "(the model itself)"
ARITHMETIC, MOVEMENT = "arithmetic", "data movement"

Groups = Mapping[str, Sequence[LayerEnergy]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One line of a chart: what it is, how many layers it stands for, and its two parts."""

    label: str
    layers: int
    arithmetic: Picojoules
    movement: Picojoules

    @property
    def total(self) -> Picojoules:
        """Both parts."""
        return self.arithmetic + self.movement

    @property
    def share_moved(self) -> float:
        """Share of the energy that moving numbers takes; 0 where nothing was counted."""
        return self.movement.middle / self.total.middle if self.total.middle else 0.0


def bar(label: str, energies: Sequence[LayerEnergy]) -> Bar:
    """The sum of several layers."""
    return Bar(
        label=label,
        layers=len({each.work.layer for each in energies}),
        arithmetic=sum((each.arithmetic for each in energies), NOTHING),
        movement=sum((each.movement for each in energies), NOTHING),
    )


def by_layer(energies: Iterable[LayerEnergy]) -> dict[str, list[LayerEnergy]]:
    """All stages of each layer, by its path."""
    return _grouped((each.work.layer, each) for each in energies)


def part_bars(energies: Sequence[LayerEnergy]) -> tuple[Bar, ...]:
    """Every layer where there are few; else parts, in order of execution.

    The parts are modules: from the outermost inwards, the one that takes most energy is opened as
    long as no more than MOST_BARS are left to show.
    """
    opened: set[str] = set()
    parts = _parts(energies, opened)
    while (wider := _opened_further(energies, opened, parts)) is not None:
        opened = wider
        parts = _parts(energies, opened)
    named = {
        (each[0].work.layer if len(by_layer(each)) == 1 else part) or ITSELF: each
        for part, each in parts.items()
    }
    return _bars(named, "parts")


def kind_bars(energies: Sequence[LayerEnergy]) -> tuple[Bar, ...]:
    """The layers of each class together, those that take most first."""
    kinds = _grouped((each.work.module, each) for each in energies)
    ranked = sorted(kinds, key=lambda kind: total(kinds[kind]).middle, reverse=True)
    return _bars({kind: kinds[kind] for kind in ranked}, "kinds")


def stage_bars(energies: Sequence[LayerEnergy]) -> tuple[Bar, ...]:
    """Forward, backward and update, as far as they occur."""
    found = {stage: [each for each in energies if each.work.stage == stage] for stage in Stage}
    return tuple(bar(stage.value, each) for stage, each in found.items() if each)


def is_step(anatomy: Anatomy) -> bool:
    """Whether it is a training step and not an inference."""
    return any(each.stage != Stage.FORWARD for each in anatomy.layers)


def energy_figure(bars: Sequence[Bar], *, counted: bool = False, chosen: str = "") -> go.Figure:
    """Stacked bars, one line each, the range as an error bar.

    With `counted`, a bar of several layers says how many; `chosen` is a label to point at.
    """
    figure = style.list_figure(len(bars))
    figure.update_layout(barmode="stack", legend_traceorder="normal")
    for name, color, pattern, parts in (
        (ARITHMETIC, style.BLUE, "", [each.arithmetic for each in bars]),
        (MOVEMENT, style.VERMILLION, "/", [each.movement for each in bars]),
    ):
        style.stacked_part(
            figure,
            name,
            [part.middle for part in parts],
            color,
            pattern,
            [
                f"<b>{style.plain(each.label, 80)}</b><br>{name}: {range_text(part)}"
                for each, part in zip(bars, parts, strict=True)
            ],
        )
    _ranges(figure, bars)
    names = [_name(each, counted=counted, chosen=chosen) for each in bars]
    style.name_lines(figure, names, LONGEST_NAME)
    largest = max((each.total.high for each in bars), default=0) or 1.0
    ticks = style.linear_ticks(largest)
    figure.update_xaxes(
        range=[0, 1.02 * largest],
        tickvals=ticks,
        ticktext=["0", *(joules_text(each * 1e-12) for each in ticks[1:])],
        title="estimated energy",
        fixedrange=True,
    )
    return figure


def short_path(path: str, longest: int = LONGEST_NAME - len(" (99)")) -> str:
    """A module's path that fits: its first words become letters, as far as that is needed."""
    words = path.split(".")
    for place in range(len(words) - 1):
        if len(".".join(words)) <= longest:
            break
        words[place] = words[place][:1]
    return ".".join(words)


def range_text(energy: Picojoules) -> str:
    """An energy with the range of its source, if that has one."""
    text = joules_text(energy.middle * 1e-12)
    if energy.low == energy.high:
        return text
    return f"{text} ({joules_text(energy.low * 1e-12)} to {joules_text(energy.high * 1e-12)})"


def _name(each: Bar, *, counted: bool, chosen: str) -> tuple[str, str]:
    """What stands above a bar, on the left and on the right."""
    name = short_path(each.label)
    if counted and each.layers > 1:
        name += f" ({each.layers})"
    if each.label == chosen:
        name += " ◀"
    moved = f"{share_text(each.share_moved)} moved"
    return name, f"{joules_text(each.total.middle * 1e-12)}, {moved}"


def _grouped(named: Iterable[tuple[str, LayerEnergy]]) -> dict[str, list[LayerEnergy]]:
    found: dict[str, list[LayerEnergy]] = {}
    for name, each in named:
        found.setdefault(name, []).append(each)
    return found


def _parts(energies: Sequence[LayerEnergy], opened: set[str]) -> dict[str, list[LayerEnergy]]:
    """The layers by the innermost module around them that is not opened, or by themselves."""

    def part(path: str) -> str:
        words = path.split(".")
        for count in range(1, len(words)):
            if ".".join(words[:count]) not in opened:
                return ".".join(words[:count])
        return path

    return _grouped((part(each.work.layer), each) for each in energies)


def _opened_further(
    energies: Sequence[LayerEnergy], opened: set[str], parts: Groups
) -> set[str] | None:
    """One part more opened, that with most energy that can be; None if that gives too many bars."""
    for part in sorted(parts, key=lambda part: total(parts[part]).middle, reverse=True):
        wider = opened | {part}
        inner = _parts(energies, wider)
        while len(inner) == len(parts) and (only := set(inner) - wider - set(parts)):
            wider = wider | only  # a module that holds a single one is opened with it
            inner = _parts(energies, wider)
        if len(parts) < len(inner) <= MOST_BARS:
            return wider
    return None


def _bars(groups: Groups, what: str) -> tuple[Bar, ...]:
    """A bar a group; where they are too many, those that take least become one."""
    ranked = sorted(groups, key=lambda name: total(groups[name]).middle, reverse=True)
    shown, others = set(ranked[:MOST_BARS]), ranked[MOST_BARS:]
    bars = [bar(name, groups[name]) for name in groups if name in shown]
    if others:
        rest = [each for name in others for each in groups[name]]
        bars.append(bar(f"the other {len(others)} {what}", rest))
    return tuple(bars)


def _ranges(figure: go.Figure, bars: Sequence[Bar]) -> None:
    figure.add_scatter(
        x=[each.total.middle for each in bars],
        y=[index + 0.02 for index in range(len(bars))],
        mode="markers",
        marker={"symbol": "line-ns", "size": 1, "color": style.GREY},
        error_x={
            "type": "data",
            "array": [(each.total.high - each.total.low) / 2 for each in bars],
            "thickness": 2,
            "width": 4,
            "color": style.GREY,
        },
        hoverinfo="skip",
        showlegend=False,
    )
    style.legend_entry(figure, "range of the source", style.GREY, "line-ew-open")
