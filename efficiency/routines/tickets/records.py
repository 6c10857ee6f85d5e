"""From what networks learned to what a study says of them: trainings, rows, notes."""

from math import isfinite
from statistics import fmean

from efficiency.core.lottery import Level, Start, Training, TrainingSettings
from efficiency.core.requests import LotteryRequest
from efficiency.core.units import share_text
from efficiency.core.values import Footprint, Row
from efficiency.routines.tickets.contestants import Images, Learned
from efficiency.routines.tickets.settings import networks

LARGEST_LOSS = 1e9  # stands for infinity and NaN, which JSON does not have
CENSORED_SHARE = 0.2  # of early stops that may be at the end before it has to be said
CHANCE = 0.1  # of guessing one of ten classes
DIGITS = 6  # that are kept of losses and scores: a study holds some hundred thousand


def training(
    learned: Learned, checkpoints: tuple[int, ...], *, start: Start, level: int, seed: int
) -> Training:
    """One network's record; of one that still learns, as far as it has got."""
    losses = tuple(_finite(each) for each in learned.losses)
    scores = tuple(round(each, DIGITS) for each in learned.scores)
    stop = min(range(len(losses)), key=losses.__getitem__)
    return Training(
        start=start,
        level=level,
        seed=seed,
        losses=losses,
        scores=scores,
        stop_iteration=checkpoints[stop],
        stop_score=scores[stop],
        end_score=scores[-1],
    )


def rows(
    levels: tuple[Level, ...], trainings: tuple[Training, ...], parameters: int
) -> tuple[Row, ...]:
    """Dense, then ticket and controls of each level; the score is the mean over the seeds."""
    scores: dict[tuple[int, Start], list[float]] = {}
    for each in trainings:
        scores.setdefault((each.level, each.start), []).append(each.end_score)
    found = []
    for level in levels:
        pruned = sum(size - left for _, left, size in level.by_layer)
        footprint = Footprint(parameters=parameters, nonzero=parameters - pruned)
        for start in Start if level.level else (Start.TICKET,):
            reached = scores.get((level.level, start))
            if reached is None and level.level:
                continue
            found.append(
                Row(
                    name=f"{start.value}-{level.level}".replace(" ", "-")
                    if level.level
                    else "dense",
                    label=f"{start.value}, {share_text(level.kept)} left"
                    if level.level
                    else "dense",
                    footprint=footprint,
                    score=None if reached is None else fmean(reached),
                )
            )
    return tuple(found)


def data_text(images: Images) -> str:
    """What was learned, and how many of them."""
    return (
        f"{images.label}: {len(images.train_labels):,} to train on, "
        f"{len(images.validation_labels):,} to stop by, {len(images.test_labels):,} to score on"
    )


def notes(request: LotteryRequest, settings: TrainingSettings) -> tuple[str, ...]:
    """How the experiment was made."""
    where = "its dense network's first weights"
    rewound = ""
    if settings.rewind_iteration:
        where = f"its dense network's weights after {settings.rewind_iteration} iterations"
        rewound = (
            " So tickets and random masks have these iterations behind them, and re-initialised "
            "networks have not."
        )
    output = f", {100 * settings.output_rate:.3g} % in the output layer"
    return (
        f"{networks(settings)} networks were trained for {settings.iterations:,} iterations with "
        f"Adam at {settings.learning_rate:g}, in batches of {settings.batch_size}: one dense "
        f"network for each of {settings.seeds} seeds, then at each of {settings.rounds} levels the "
        "ticket and two controls. Networks of one seed see the same batches.",
        f"Each level prunes {100 * settings.rate:.3g} % of the weights left"
        f"{output if settings.scope == 'layer' else ''}: those of smallest magnitude after "
        f"training, {'layer by layer' if settings.scope == 'layer' else 'of all layers together'}. "
        "Biases are not pruned.",
        f"A ticket starts from {where}; a re-initialised network has the ticket's mask and new "
        "random weights; a random mask has the ticket's starting weights and as many of them left "
        f"in each layer, but any.{rewound}",
        "Early stop is the iteration of the smallest validation loss, looked at every "
        f"{settings.check_every} iterations. Intervals are Student's t over the seeds; ticket and "
        "control are compared seed by seed. No difference is told apart that is smaller than what "
        "these steps, or one test image, allow.",
    )


def caveats(settings: TrainingSettings, trainings: tuple[Training, ...]) -> tuple[str, ...]:
    """What must be known before the numbers are read."""
    found = []
    if settings.seeds == 1:
        found.append("With one seed nothing can be told apart from chance; take three or more.")
    last = sum(each.stop_iteration == settings.iterations for each in trainings)
    if last > CENSORED_SHARE * len(trainings):
        found.append(
            f"{last} of {len(trainings)} networks had their smallest validation loss at the last "
            f"look, after {settings.iterations:,} iterations: they were still learning, and their "
            "early stops would come later. Train for more iterations to compare early stops."
        )
    dead = [each for each in trainings if each.end_score < 2 * CHANCE]
    if dead:
        starts = [start for start in Start if any(each.start is start for each in dead)]
        counts = (f"{sum(each.start is start for each in dead)} {start.value}" for start in starts)
        found.append(
            f"{len(dead)} of {len(trainings)} networks learned next to nothing ({', '.join(counts)}"
            f"; below {200 * CHANCE:.0f} % where guessing gives {100 * CHANCE:.0f} %), which can "
            "happen where little of a small layer is left; they count, and make intervals wide."
        )
    return tuple(found)


def _finite(loss: float) -> float:
    return float(f"{loss:.{DIGITS}g}") if isfinite(loss) else LARGEST_LOSS
