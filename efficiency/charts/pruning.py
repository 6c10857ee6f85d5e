"""The charts that only a pruning study has: what zeros do, and which layers are fragile."""

from efficiency.charts.chart import Chart
from efficiency.charts.pruning_curve import Points, accuracy_figure, size_figure, speed_figure
from efficiency.charts.pruning_sensitivity import (
    amounts_figure,
    amounts_reading,
    reading,
    sensitivity_figure,
)
from efficiency.core.pruning import ChannelRemoval, Pruning, SparsityPoint
from efficiency.core.values import Row, Study

SPARSE_ROW = "csr-90"


def pruning_charts(study: Study) -> tuple[Chart, ...]:
    """All of them: against sparsity, then by layer."""
    return (*curve_charts(study), *layer_charts(study))


def curve_charts(study: Study) -> tuple[Chart, ...]:
    """Accuracy, size and speed against the share of zeros; none where no curve was measured."""
    found = study.pruned
    points = curve(study)
    if found is None or len(points) < 2:
        return ()
    removal = _removal(study, found)
    shown = []
    if any(row.score is not None for _, row in points):
        name = study.score_name or "score"
        shown.append(
            Chart(
                name="pruning-accuracy",
                title=f"{name.capitalize()} against zeros",
                reading=f"The smallest weights of all layers together are set to zero; bars are "
                f"95 % intervals of the {name}, the dotted line is the network as it was.",
                figure=accuracy_figure(points, name, study.score_count, found.tuning_steps),
            )
        )
    shown.append(
        Chart(
            name="pruning-size",
            title="Size against zeros",
            reading="Saved as it is, a zero takes as many bytes as any other number. CSR leaves "
            "zeros out, but has to say where the others are.",
            figure=size_figure(points, found.stored, removal),
        )
    )
    if any(row.speedup is not None for _, row in points):
        sparse = _row(study, SPARSE_ROW)
        share = next((each.sparsity for each in found.stored if each.row == SPARSE_ROW), 0.9)
        shown.append(
            Chart(
                name="pruning-speed",
                title="Speed against zeros",
                reading="A bar that touches the grey band at 1× means: no measurable difference. "
                "The star stands at the share of parameters that went with the channels.",
                figure=speed_figure(points, None if sparse is None else (share, sparse), removal),
            )
        )
    return tuple(shown)


def layer_charts(study: Study) -> tuple[Chart, ...]:
    """Sensitivity of every layer, and the amounts suggested from it."""
    found, name, shown = study.pruned, study.score_name or "score", []
    if found is None:
        return ()
    if found.sensitivity:
        shown.append(
            Chart(
                name="pruning-sensitivity",
                title="Fragile layers",
                reading=reading(found.sensitivity),
                figure=sensitivity_figure(found.sensitivity, name),
            )
        )
    if found.suggestion is not None and found.suggestion.amounts:
        shown.append(
            Chart(
                name="pruning-amounts",
                title="Suggested amounts",
                reading=amounts_reading(found.suggestion, name),
                figure=amounts_figure(found.suggestion),
            )
        )
    return tuple(shown)


def curve(study: Study) -> Points:
    """The amounts of zeros with their measured rows, from the fewest; the baseline is the first."""
    points = () if study.pruned is None else study.pruned.curve
    if points and study.rows[0].name not in {point.row for point in points}:
        points = (SparsityPoint(sparsity=0.0, row=study.rows[0].name), *points)
    pairs = ((point, _row(study, point.row)) for point in points)
    known = [(point, row) for point, row in pairs if row is not None]
    return tuple(sorted(known, key=lambda pair: pair[0].sparsity))


def _row(study: Study, name: str) -> Row | None:
    return next((row for row in study.rows if row.name == name and row.unavailable is None), None)


def _removal(study: Study, found: Pruning) -> tuple[ChannelRemoval, Row] | None:
    row = None if found.removal is None else _row(study, found.removal.row)
    return None if found.removal is None or row is None else (found.removal, row)
