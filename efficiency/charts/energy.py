"""The charts of a model that was taken apart, for one precision and one reuse assumption."""

from collections.abc import Sequence

from efficiency.charts.chart import Chart
from efficiency.charts.energy_layers import (
    bar,
    by_layer,
    energy_figure,
    is_step,
    kind_bars,
    part_bars,
    stage_bars,
)
from efficiency.charts.energy_prices import prices_figure
from efficiency.charts.roofline import reading, roofline_figure
from efficiency.core.anatomy import Anatomy, LayerWork
from efficiency.core.energy import (
    FROM_DRAM,
    PRECISIONS,
    SOURCE,
    LayerEnergy,
    Reuse,
    layer_energies,
)
from efficiency.core.roofline import points

SHOWN_PRECISIONS = ("fp32", "fp16", "int8", "int32")  # those of the table


def energies_at(
    layers: Sequence[LayerWork], precision: str, reuse: Reuse = FROM_DRAM, batch_size: int = 1
) -> tuple[LayerEnergy, ...]:
    """Energy of every layer with all numbers in one precision."""
    return layer_energies(layers, lambda path: PRECISIONS[precision], reuse, batch_size)


def energy_charts(
    anatomy: Anatomy, batch_size: int, precision: str = "fp32", reuse: Reuse = FROM_DRAM
) -> tuple[Chart, ...]:
    """Energy by layer, by stage where there are several, by precision; the roofline if timed."""
    label = PRECISIONS[precision].label
    assumed = f"{reuse.label[:1].lower()}{reuse.label[1:]}"
    chosen = energies_at(anatomy.layers, precision, reuse, batch_size)
    found = [
        _parts(chosen, f"{label}, {assumed}"),
        Chart(
            name="energy-kinds",
            title="Kinds of layers",
            reading=f"Layers of one class together; in brackets, how many. {label}, {assumed}.",
            figure=energy_figure(kind_bars(chosen), counted=True),
        ),
        Chart(
            name="energy-precisions",
            title="All precisions",
            reading=f"The whole model with every number in one precision; {assumed}.",
            figure=energy_figure(
                [
                    bar(
                        PRECISIONS[name].label,
                        energies_at(anatomy.layers, name, reuse, batch_size),
                    )
                    for name in SHOWN_PRECISIONS
                ],
                chosen=label,
            ),
        ),
    ]
    if is_step(anatomy):
        found.append(
            Chart(
                name="energy-stages",
                title="Stages of the step",
                reading=f"Forward, backward, and the update of the weights; {label}, {assumed}.",
                figure=energy_figure(stage_bars(chosen)),
            )
        )
    if points(anatomy):
        found.append(
            Chart(
                name="roofline",
                title="Roofline",
                reading=reading(anatomy),
                figure=roofline_figure(anatomy),
            )
        )
    return tuple(found)


def _parts(energies: Sequence[LayerEnergy], settings: str) -> Chart:
    bars = part_bars(energies)
    if len(bars) == len(by_layer(energies)):
        title, reading = "Layer by layer", f"In order of execution; {settings}."
    else:
        title = "Part by part"
        reading = f"In order of execution; in brackets, how many layers a part has. {settings}."
    return Chart(
        name="energy-parts",
        title=title,
        reading=reading,
        figure=energy_figure(bars, counted=True),
    )


def prices_chart() -> Chart:
    """What single operations cost; the same for every model."""
    return Chart(
        name="energy-prices",
        title="What one operation costs",
        reading=f"Published: {SOURCE}. Every line to the right is ten times as much.",
        figure=prices_figure(),
    )
