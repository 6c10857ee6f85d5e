"""The charts that suit a study, in reading order: the page and the HTML file show the same ones."""

from efficiency.charts.amp import amp_charts
from efficiency.charts.chart import Chart
from efficiency.charts.energy import energy_charts, prices_chart
from efficiency.charts.front import front_figure, plotted, scored
from efficiency.charts.lottery import lottery_charts
from efficiency.charts.pruning import pruning_charts
from efficiency.charts.quantization import quantization_charts
from efficiency.charts.size import size_figure
from efficiency.charts.speed import speed_figure
from efficiency.charts.weights import layer_bytes_figure, layer_noise_figure
from efficiency.core.values import Study


def charts(study: Study) -> tuple[Chart, ...]:
    """Speed and front where something was timed, sizes where files exist, layers where listed.

    Where a model was taken apart: where its energy goes, its roofline, what operations cost. Where
    mixed precision or a lottery ticket was recorded: its own. Where quantization or pruning was:
    its own beside the comparison.
    """
    if study.mixed is not None:
        return amp_charts(study)
    if study.lottery is not None:
        return lottery_charts(study)
    if study.anatomy is not None:
        return (*energy_charts(study.anatomy, study.batch_size), prices_chart())
    if study.pruned is not None:
        return (*pruning_charts(study), *comparison_charts(study))
    return (*comparison_charts(study), *quantization_charts(study))


def comparison_charts(study: Study) -> tuple[Chart, ...]:
    """The candidates against each other: speed, accuracy, size; and stored layers, if any."""
    found = []
    if any(row.timing is not None for row in study.rows):
        found.append(
            Chart(
                name="speed",
                title="Speed against the baseline",
                reading="A bar that touches the grey band at 1× means: no measurable difference.",
                figure=speed_figure(study),
            )
        )
    for batch in sorted({each.batch_size for row in study.rows for each in row.at_other_batches}):
        found.append(
            Chart(
                name=f"speed-{batch}",
                title=f"Speed with {batch} inputs a call",
                reading="With more inputs in one call the arithmetic outweighs the fixed costs.",
                figure=speed_figure(study, batch),
            )
        )
    if len(plotted(study.rows)) > 1:
        found.append(_front(study))
    if any(row.footprint is not None for row in study.rows):
        found.append(
            Chart(
                name="size",
                title="Size of the saved file",
                reading="Zeros do not make a file smaller until it is zipped.",
                figure=size_figure(study),
            )
        )
    if study.layers:
        found += [
            Chart(
                name="layer-bytes",
                title="Bytes of each layer",
                reading="The layers with the most parameters, one mark for each precision.",
                figure=layer_bytes_figure(study.layers),
            ),
            Chart(
                name="layer-noise",
                title="Noise in each layer",
                reading="Every bit taken away costs about 6 dB; each mark is one precision.",
                figure=layer_noise_figure(study.layers),
            ),
        ]
    return tuple(found)


def _front(study: Study) -> Chart:
    """Scores are better above; without them the height is the size, and smaller is better."""
    with_scores = scored(study.rows)
    return Chart(
        name="front",
        title="Accuracy, size and time together" if with_scores else "Size and time",
        reading=(
            "Up and left is better; the area of a mark is the size of its file."
            if with_scores
            else "Down and left is better; there is no score, so accuracy is not in this chart."
        ),
        figure=front_figure(study),
    )
