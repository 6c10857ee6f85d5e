"""The charts of a lottery ticket study, in the order in which they tell the story."""

from efficiency.charts import lottery_contests, lottery_learning, lottery_masks
from efficiency.charts.chart import Chart
from efficiency.charts.lottery_contests import contests_figure
from efficiency.charts.lottery_learning import learning_figure, trained_levels
from efficiency.charts.lottery_levels import levels_figure, seeds_text
from efficiency.charts.lottery_looks import percent
from efficiency.charts.lottery_masks import mask_figure
from efficiency.core.lottery import LevelMask, Lottery, Measure
from efficiency.core.values import Study

LEVELS = (
    ("lottery-accuracy", "Accuracy at the end", Measure.END_SCORE, "Higher is better."),
    (
        "lottery-stop",
        "Early-stop iteration",
        Measure.STOP_ITERATION,
        "The iteration of the smallest validation loss, at which one would stop: lower is faster.",
    ),
    (
        "lottery-stop-accuracy",
        "Accuracy at early stop",
        Measure.STOP_SCORE,
        "On the test images, at the iteration of the smallest validation loss.",
    ),
)


def lottery_charts(study: Study) -> tuple[Chart, ...]:
    """All of them: by level, ticket against controls, learning, and the smallest ticket's mask."""
    found = study.lottery
    if found is None:
        return ()
    return (
        *levels_charts(found),
        *contest_charts(found),
        *learning_charts(found),
        *_smallest_masks(found),
    )


def levels_charts(found: Lottery, *, growing: bool = False) -> tuple[Chart, ...]:
    """Each measure against the share of weights left."""
    if not found.outcomes:
        return ()
    seeds = seeds_text(found.settings.seeds)
    return tuple(
        Chart(
            name=name,
            title=title,
            reading=f"{said} {seeds} Grey: the dense network.",
            figure=levels_figure(found, measure, growing=growing),
        )
        for name, title, measure, said in LEVELS
    )


def contest_charts(found: Lottery) -> tuple[Chart, ...]:
    """Ticket minus control for each measure, where there were controls."""
    if not any(each.level is not None for each in found.contests):
        return ()
    return tuple(
        Chart(
            name=name.replace("lottery", "lottery-contest"),
            title=f"Difference in {measure.value}",
            reading=lottery_contests.reading(found, measure),
            figure=contests_figure(found, measure),
        )
        for name, _, measure, _ in LEVELS
    )


def learning_charts(found: Lottery, level: int | None = None) -> tuple[Chart, ...]:
    """Accuracy and loss while learning, where a level was trained; begins with `level`."""
    if not trained_levels(found):
        return ()
    said = lottery_learning.reading(found)
    return tuple(
        Chart(
            name=f"lottery-{name}",
            title=title,
            reading=said,
            figure=learning_figure(found, losses=losses, level=level),
        )
        for name, title, losses in (
            ("learning", "Test accuracy while learning", False),
            ("loss", "Validation loss while learning", True),
        )
    )


def live_charts(found: Lottery) -> tuple[Chart, ...]:
    """What is drawn while a run is on its way: few, and light.

    The accuracy at every level so far, how the newest networks learn, and the newest mask of the
    layer with most weights.
    """
    if not found.levels:
        return ()
    charts = list(levels_charts(found, growing=True)[:1])
    begun = max((each.level for each in found.trainings if each.losses), default=None)
    newest = next((each for each in found.levels if each.level == begun), None)
    if newest is not None:
        charts.append(
            Chart(
                name="lottery-learning",
                title="Test accuracy while learning",
                reading=f"The newest networks, with {percent(newest.kept)} % of the weights left.",
                figure=learning_figure(found, losses=False, level=newest.level, slider=False),
            )
        )
    if found.masks:
        last = lottery_masks.masks_at(found, max(each.level for each in found.masks))
        charts.append(_mask(max(last, key=lambda each: each.image.parameters)))
    return tuple(charts)


def mask_chart(found: Lottery, level: int, parameter: str) -> Chart | None:
    """The mask of one layer at one level, None if it is not known."""
    every = lottery_masks.masks_at(found, level)
    return next((_mask(each) for each in every if each.image.parameter == parameter), None)


def _mask(each: LevelMask) -> Chart:
    return Chart(
        name="lottery-mask",
        title="Mask",
        reading=lottery_masks.reading(each.image),
        figure=mask_figure(each.image),
    )


def _smallest_masks(found: Lottery) -> tuple[Chart, ...]:
    """The masks of the smallest ticket, a chart for each layer: what a file can show."""
    last = max((each.level for each in found.masks), default=0)
    return tuple(
        Chart(
            name=f"lottery-mask-{place}",
            title=f"Mask of {each.image.parameter}",
            reading=lottery_masks.reading(each.image),
            figure=mask_figure(each.image),
        )
        for place, each in enumerate(lottery_masks.masks_at(found, last))
    )
