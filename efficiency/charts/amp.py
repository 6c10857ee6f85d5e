"""The charts of a mixed-precision study, in the order in which they tell the story."""

from efficiency.charts.amp_gradients import gradients_figure
from efficiency.charts.amp_gradients import reading as gradients_reading
from efficiency.charts.amp_losses import losses_figure
from efficiency.charts.amp_losses import reading as losses_reading
from efficiency.charts.amp_memory import memory_figure
from efficiency.charts.amp_scaler import reading as scaler_reading
from efficiency.charts.amp_scaler import scaler_figure
from efficiency.charts.amp_sweep import reading as sweep_reading
from efficiency.charts.amp_sweep import sweep_figure
from efficiency.charts.chart import Chart
from efficiency.charts.speed import speed_figure
from efficiency.core.units import BAND_TEXT
from efficiency.core.values import Study


def amp_charts(study: Study) -> tuple[Chart, ...]:
    """All of them: training, loss scaling, sizes."""
    return (*training_charts(study), *scaling_charts(study), *sweep_charts(study))


def training_charts(study: Study) -> tuple[Chart, ...]:
    """The pieces against plain float32: time, memory, loss."""
    found = []
    if any(row.timing is not None for row in study.rows):
        found.append(
            Chart(
                name="speed",
                title="Speed of each piece",
                reading="One training step; a bar across the line at 1× means: no measurable "
                f"difference. The bars allow {BAND_TEXT} for what differs in the "
                "next process.",
                figure=speed_figure(study, band=False),
            )
        )
    if any(row.footprint is not None and row.footprint.peak_split for row in study.rows):
        found.append(
            Chart(
                name="amp-memory",
                title="Peak memory",
                reading="Bytes of tensors at the fullest moment of one step. The weights stay in "
                "float32; autocast keeps activations in half the bytes, and copies of the weights "
                "in the lower precision come on top.",
                figure=memory_figure(study.rows),
            )
        )
    if study.mixed is not None and study.mixed.curves:
        found.append(
            Chart(
                name="amp-losses",
                title="Loss",
                reading=losses_reading(study.mixed.curves, study.rows),
                figure=losses_figure(study.mixed.curves, study.rows),
            )
        )
    return tuple(found)


def scaling_charts(study: Study) -> tuple[Chart, ...]:
    """What float16 would lose of the gradients, at every scale, and the life of a scaler."""
    mixed, found = study.mixed, []
    if mixed is None:
        return ()
    for name, title, gradients in (
        ("amp-gradients", "Gradients of the weights", mixed.gradients),
        ("amp-activations", "Gradients of the activations", mixed.activation_gradients),
    ):
        if gradients is not None and gradients.counts:
            found.append(
                Chart(
                    name=name,
                    title=title,
                    reading=gradients_reading(gradients),
                    figure=gradients_figure(gradients),
                )
            )
    if mixed.scaler:
        found.append(
            Chart(
                name="amp-scaler",
                title="The scaler's life",
                reading=scaler_reading(mixed.scaler),
                figure=scaler_figure(mixed.scaler),
            )
        )
    return tuple(found)


def sweep_charts(study: Study) -> tuple[Chart, ...]:
    """At which sizes it pays, where that was asked for."""
    if study.mixed is None or not any(each.speedup for each in study.mixed.sweep):
        return ()
    return (
        Chart(
            name="amp-sweep",
            title="Where it pays",
            reading=sweep_reading(study.mixed.sweep),
            figure=sweep_figure(study.mixed.sweep),
        ),
    )
