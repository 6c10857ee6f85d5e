"""What a lottery ticket study comes to: its numbers, in short, and how they were made."""

import re
from collections.abc import Iterator, Sequence

from efficiency.charts.lottery_contests import difference_text
from efficiency.charts.lottery_levels import outcome, value_text
from efficiency.charts.lottery_looks import LOOKS, percent
from efficiency.core.lottery import CONTROLS, Contest, Lottery, Measure, Start
from efficiency.core.units import share_text
from efficiency.core.values import Study
from efficiency.exports.lottery_dense import against_dense, smallest_as_accurate
from efficiency.exports.table import card, literal

METHOD = (
    "A network is trained, the smallest of its weights are pruned, the rest is set back to the "
    "values from before the training, and it is trained again, from round to round (iterative "
    "magnitude pruning with rewinding). At every level two controls start with as many weights in "
    "every layer: the ticket's mask with new random weights, and the first weights with the mask "
    "shuffled within each layer. All are trained with Adam for the same number of iterations; "
    "networks of one seed see the same batches. The early-stop iteration is that of the smallest "
    "validation loss; accuracy is the share of test images that are right, and no test image is "
    "used to choose anything. Intervals are 95 % t-intervals of the mean over the seeds. Ticket "
    "and control are compared in pairs of the same seed; who is better is decided by the interval "
    "of the difference alone, at single levels corrected for how many of them are looked at. "
    "Nothing was timed: zeros do not make these trainings faster."
)


def verdict(study: Study) -> str:
    """What the experiment says, in a sentence; before there is an answer, that there is none."""
    found = study.lottery
    if found is None or not found.verdict:
        return "There is no verdict yet: no level has been trained with its controls."
    return found.verdict


def sentences(study: Study) -> tuple[str, ...]:
    """The verdict, sentence by sentence."""
    return tuple(re.split(r"(?<=\.) (?=[A-Z])", verdict(study)))


def in_short(study: Study) -> str:
    """One line about a study, in plain text."""
    found = study.lottery
    best = None if found is None else smallest_as_accurate(found)
    if best is None:
        return f"{study.title}. {verdict(study)}"
    return (
        f"{study.title}: a ticket with {percent(best.level.kept)} % of the weights is as accurate "
        f"as the dense network ({share_text(best.ticket)} and {share_text(best.dense)})."
    )


def lottery_head(study: Study) -> str:
    """The verdict and the headline numbers, as HTML."""
    said = "".join(f"<li>{literal(each)}</li>" for each in sentences(study))
    return f"<ul>{said}</ul>{lottery_cards(study)}"


def lottery_cards(study: Study, predicted: Sequence[tuple[str, str]] = ()) -> str:
    """The headline numbers as HTML; `predicted` is what the visitor said before, by title."""
    found = study.lottery
    cards = [] if found is None else [*_cards(found)]
    cards += [(f"You predicted: {title}", value) for title, value in predicted]
    inside = "".join(card(*each) for each in cards)
    return f'<div class="lab-cards">{inside}</div>' if inside else ""


def overall(found: Lottery, control: Start, measure: Measure) -> Contest | None:
    """Ticket against a control over all levels, None before there is such a contest."""
    return next(
        (
            each
            for each in found.contests
            if (each.level, each.control, each.measure) == (None, control, measure)
        ),
        None,
    )


def _cards(found: Lottery) -> Iterator[tuple[str, ...]]:
    yield from _smallest(found)
    for control in CONTROLS:
        each = overall(found, control, Measure.END_SCORE)
        if each is not None:
            middle, _, interval = difference_text(each).partition(" [")
            yield (
                f"Accuracy, ticket minus {LOOKS[control].name}",
                middle,
                f"[{interval} over all levels" if interval else "one seed, so no interval",
                each.winner.value,
            )
    stop = overall(found, Start.REINITIALISED, Measure.STOP_ITERATION)
    if stop is not None:
        middle, _, interval = difference_text(stop).partition(" [")
        yield (
            f"Early stop, ticket minus {LOOKS[Start.REINITIALISED].name}",
            middle,
            f"[{interval}, fewer is better" if interval else "one seed, so no interval",
            stop.winner.value,
        )


def _smallest(found: Lottery) -> Iterator[tuple[str, ...]]:
    """The smallest ticket that is as accurate as dense, or why there is none."""
    compared = against_dense(found, Measure.END_SCORE)
    best = smallest_as_accurate(found)
    if best is not None:
        yield (
            "Smallest ticket as accurate as dense",
            f"{percent(best.level.kept)} % left",
            f"accuracy {share_text(best.ticket)}, dense {share_text(best.dense)}",
        )
        return
    dense = outcome(found, 0, Start.TICKET, Measure.END_SCORE)
    if dense is not None:
        yield ("Dense network", value_text(dense.mean, dense.measure), "accuracy at the end")
    if compared and compared[0].worse:
        first = compared[0]
        yield (
            "Smallest ticket as accurate as dense",
            "none",
            f"with {percent(first.level.kept)} % left it already loses: {share_text(first.ticket)}",
        )
