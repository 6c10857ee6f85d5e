"""The verdict on the hypothesis, in words: read off the contests over all levels, nothing else."""

from collections.abc import Sequence

from efficiency.core.lottery import CONTROLS, Contest, Level, Measure, Start, Training
from efficiency.core.units import share_text
from efficiency.routines.tickets.contests import matches

NAMES = {
    Start.REINITIALISED: "re-initialised networks",
    Start.RANDOM_MASK: "networks with a random mask",
}
BY = {Measure.END_SCORE: "by accuracy at the end", Measure.STOP_ITERATION: "by early stop"}


def verdict(
    contests: Sequence[Contest],
    levels: Sequence[Level],
    trainings: Sequence[Training],
    steps: dict[Measure, float],
) -> str:
    """A sentence for each control, and one on the dense network; "" before there are contests."""
    over_all = {(each.control, each.measure): each for each in contests if each.level is None}
    if not over_all:
        return ""
    last = max(each.level for each in levels)
    seeds = len({each.seed for each in trainings})
    said = [
        f"Against {NAMES[control]}: "
        + ", ".join(_clause(over_all[control, measure]) for measure in BY)
        + "."
        for control in CONTROLS
    ]
    said[0] = said[0].replace(
        ":", f", over {_count(last, 'level')} and {_count(seeds, 'seed')}:", 1
    )
    return " ".join([*said, _against_dense(levels, trainings, steps[Measure.END_SCORE])])


def _clause(contest: Contest) -> str:
    return f"{contest.winner.value} {BY[contest.measure]} ({_numbers(contest)})"


def _numbers(contest: Contest) -> str:
    """The difference with its interval, in points or in iterations."""
    share = contest.measure is not Measure.STOP_ITERATION
    unit = "points" if share else "iterations"
    scale, digits = (100, 1) if share else (1, 0)

    def signed(number: float) -> str:
        return f"{scale * number:+.{digits}f}".replace("-", "−")

    text = f"{signed(contest.difference)} {unit}"
    if contest.low is None or contest.high is None:
        return f"{text}, one seed and so no interval"
    reach = f"{signed(contest.low)} to {signed(contest.high)}"
    return f"{text}, {100 * contest.confidence:.3g} % interval {reach}"


def _against_dense(levels: Sequence[Level], trainings: Sequence[Training], step: float) -> str:
    """Down to which share tickets end as well as the dense network, from the first level on."""
    least: Level | None = None
    for level in sorted(levels, key=lambda each: each.level)[1:]:
        matching = matches(trainings, level.level, step)
        if matching is None:
            return "With one seed nothing can be told apart from chance; take three or more."
        if not matching:
            break
        least = level
    if least is None:
        return "The ticket ends below the dense network as soon as anything is pruned."
    return (
        "No loss against the dense network can be seen in tickets down to "
        f"{share_text(least.kept)} of the weights."
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
