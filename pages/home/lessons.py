"""The pages that teach one technique each: what they ask, and one number from the last run."""

from collections.abc import Callable
from dataclasses import dataclass

from efficiency.core.units import joules_text, ratio_text
from efficiency.core.values import Study
from efficiency.exports import lottery, pruning
from efficiency.exports.columns import one_pass
from efficiency.exports.mixed import row_of
from efficiency.exports.quantization import chosen, in_short


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A page by the kind of its runs; `number` is what to tell of its last study, in plain text."""

    kind: str
    title: str
    question: str
    number: Callable[[Study], str]


def _energy(study: Study) -> str:
    energy = study.rows[0].energy
    if energy is None or energy.joules is None:
        return study.title
    return f"{study.title}: {joules_text(energy.joules)} for {one_pass(study)}, {energy.origin}."


def _mixed(study: Study) -> str:
    row = row_of(study)
    speed = None if row is None else row.speedup
    return f"{study.title}: {ratio_text(speed)} (AMP against float32, measured)."


def _quantized(study: Study) -> str:
    row = chosen(study)
    if row is None:
        return study.title
    return f"{study.title}, {row.label}: {in_short(study, row)}."


def _pruned(study: Study) -> str:
    return f"{study.title}, {pruning.in_short(study)}."


LESSONS = (
    Lesson(
        kind="energy",
        title="Energy",
        question="What does one multiplication cost, what a whole model, and where does it go?",
        number=_energy,
    ),
    Lesson(
        kind="amp",
        title="Mixed precision",
        question="What do 16 bits keep of a number, and does training with them pay here?",
        number=_mixed,
    ),
    Lesson(
        kind="quantize",
        title="Quantization",
        question="What is left of a network in 8 bits, and is it faster here?",
        number=_quantized,
    ),
    Lesson(
        kind="prune",
        title="Pruning",
        question="How many weights can be zero, and does a call become any faster?",
        number=_pruned,
    ),
    Lesson(
        kind="lottery",
        title="Lottery ticket",
        question="Does a small part of a network learn as well from its first weights?",
        number=lottery.in_short,
    ),
)
