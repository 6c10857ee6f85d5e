"""What Frankle and Carbin published about LeNet-300-100, beside what was measured here."""

from collections.abc import Callable
from dataclasses import dataclass

from efficiency.charts.lottery_levels import outcome
from efficiency.charts.lottery_looks import percent
from efficiency.core.lottery import Level, Lottery, Measure, Start
from efficiency.core.units import share_text
from efficiency.exports.lottery_dense import nearest_level, smallest_as_accurate
from efficiency.exports.table import plain_table

SOURCE = (
    "J. Frankle, M. Carbin, The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural "
    "Networks, ICLR 2019, arXiv 1803.03635, section 2"
)
SETTING = "LeNet-300-100 on MNIST, 50 000 iterations, means of 5 seeds"
HEADINGS = ("Finding", "Published", "Measured in this run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One finding of the paper at a share of weights left, and the same number of a study.

    `here` is None where the study has no level near that share.
    """

    what: str
    published: str
    share: float | None
    here: Callable[[Lottery, Level], str | None]


def published_table(found: Lottery) -> str:
    """The paper's findings and this study's, as HTML."""
    lines = []
    for each in FINDINGS:
        level = None if each.share is None else nearest_level(found, each.share)
        here = None if level is None else each.here(found, level)
        if level is None and each.share is not None:
            here = f"no level near {percent(each.share)} % left"
        lines.append((each.what, each.published, here or "not measured"))
    return plain_table(HEADINGS, [_smallest(found), *lines])


def _smallest(found: Lottery) -> tuple[str, str, str]:
    best = smallest_as_accurate(found)
    here = "none can be told with one seed" if found.settings.seeds == 1 else "none"
    if best is not None:
        here = (
            f"{percent(best.level.kept)} % of the weights left: {share_text(best.ticket)}, dense "
            f"{share_text(best.dense)}, at the end"
        )
    return (
        "Smallest ticket as accurate as the dense network",
        "3.6 % of the weights left, at early stop",
        here,
    )


def _means(
    found: Lottery, level: Level, against: tuple[int, Start], measure: Measure
) -> tuple[float, float] | None:
    """Mean of the ticket at a level, and of what it is compared with."""
    ticket = outcome(found, level.level, Start.TICKET, measure)
    other = outcome(found, *against, measure)
    return None if ticket is None or other is None else (ticket.mean, other.mean)


def _earlier_than_dense(found: Lottery, level: Level) -> str | None:
    both = _means(found, level, (0, Start.TICKET), Measure.STOP_ITERATION)
    if both is None or not both[1]:
        return None
    change = 100 * (1 - both[0] / both[1])
    word = "earlier" if change >= 0 else "later"
    return (
        f"{abs(change):.0f} % {word} at {percent(level.kept)} % left ({both[0]:.0f} against "
        f"{both[1]:.0f} iterations)"
    )


def _earlier_than_new(found: Lottery, level: Level) -> str | None:
    both = _means(found, level, (level.level, Start.REINITIALISED), Measure.STOP_ITERATION)
    if both is None or not both[0]:
        return None
    return (
        f"{both[1] / both[0]:.2f} times as early at {percent(level.kept)} % left ({both[0]:.0f} "
        f"against {both[1]:.0f} iterations)"
    )


def _points_on_dense(found: Lottery, level: Level) -> str | None:
    return _points(found, level, (0, Start.TICKET))


def _points_on_new(found: Lottery, level: Level) -> str | None:
    return _points(found, level, (level.level, Start.REINITIALISED))


def _points(found: Lottery, level: Level, against: tuple[int, Start]) -> str | None:
    both = _means(found, level, against, Measure.STOP_SCORE)
    if both is None:
        return None
    points = f"{100 * (both[0] - both[1]):+.1f}".replace("-", "\N{MINUS SIGN}")
    return f"{points} points at {percent(level.kept)} % left"


FINDINGS = (
    Published(
        what="Early stop of the ticket, against the dense network",
        published="38 % earlier at 21 % left",
        share=0.21,
        here=_earlier_than_dense,
    ),
    Published(
        what="Early stop of the ticket, against its mask with new weights",
        published="2.51 times as early at 21 % left",
        share=0.21,
        here=_earlier_than_new,
    ),
    Published(
        what="Accuracy at early stop, against the dense network",
        published="more than 0.3 points higher at 13.5 % left",
        share=0.135,
        here=_points_on_dense,
    ),
    Published(
        what="Accuracy at early stop, against its mask with new weights",
        published="half a point higher at 21 % left",
        share=0.21,
        here=_points_on_new,
    ),
)
