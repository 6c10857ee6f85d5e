"""The dtype that every operator of a training step ran in, beside what autocast promises."""

from dataclasses import dataclass

from efficiency.core.mixed import MixedPrecision, OperatorDtype
from efficiency.exports.table import number_table

LOWER, FLOAT32 = "lower precision", "float32"  # of the documented lists
CONVERSION = "_to_copy"
LOSSES = ("mse_loss", "cross_entropy")
ARROW = " → "
HEADINGS = (
    "Operator",
    "called as",
    "ran in",
    "documented",
    "holds",
    "forward",
    "backward",
    "update",
)
WORDS = 5  # the columns before the counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """One of the two lines in which the tutorial asserts a dtype, and whether it holds here.

    `holds` is None where no such operator ran.
    """

    code: str
    meaning: str
    holds: bool | None
    evidence: str


def assertions(found: MixedPrecision) -> tuple[Assertion, Assertion]:
    """The output of a linear layer is in the lower precision, the loss in float32."""
    linear = _results(found, ("linear",))
    loss = _results(found, LOSSES)
    return (
        Assertion(
            code=f"assert output.dtype is torch.{found.dtype}",
            meaning="Linear layers put out the lower precision.",
            holds=_only(linear, found.dtype),
            evidence=_said(linear, "linear"),
        ),
        Assertion(
            code="assert loss.dtype is torch.float32",
            meaning="The loss is computed in float32.",
            holds=_only(loss, "float32"),
            evidence=_said(loss, "the loss"),
        ),
    )


def holds(each: OperatorDtype, lower: str) -> bool | None:
    """Whether it ran in what is documented for it; None where nothing is."""
    given = each.dtype.partition(ARROW)[0]
    if each.listed == LOWER:
        return given == lower
    if each.listed == FLOAT32:
        return given == "float32"
    return None


def conversions(found: MixedPrecision) -> str:
    """How much of a step is autocast's own work."""
    own = [each for each in found.operators if each.operator == CONVERSION]
    every = sum(map(_calls, found.operators))
    count = sum(map(_calls, own))
    if not every:
        return "No operators were recorded."
    return (
        f"{count} of the {every} operator calls of a step are conversions from one dtype to "
        "another, which plain float32 does not need."
    )


def operator_table(found: MixedPrecision) -> str:
    """Every operator and dtype of the step, in order, as HTML."""
    lines = []
    for each in found.operators:
        promise = holds(each, found.dtype)
        lines.append(
            (
                "conversion (_to_copy)" if each.operator == CONVERSION else each.operator,
                each.function or "",
                each.dtype,
                each.listed or "",
                "" if promise is None else "yes" if promise else "no",
                *(count or "" for count in (each.forward, each.backward, each.update)),
            )
        )
    return number_table(HEADINGS, lines, words=WORDS)


def _results(found: MixedPrecision, functions: tuple[str, ...]) -> dict[str, int]:
    """The dtypes that these functions put out in the forward pass, with the number of calls."""
    counts: dict[str, int] = {}
    for each in found.operators:
        if each.function in functions and each.forward and each.operator != CONVERSION:
            made = each.dtype.rpartition(ARROW)[2]
            counts[made] = counts.get(made, 0) + each.forward
    return counts


def _only(counts: dict[str, int], dtype: str) -> bool | None:
    return set(counts) == {dtype} if counts else None


def _said(counts: dict[str, int], what: str) -> str:
    if not counts:
        return f"{what} did not run in this step"
    return f"{what}: " + ", ".join(f"{count} × {dtype}" for dtype, count in counts.items())


def _calls(each: OperatorDtype) -> int:
    return each.forward + each.backward + each.update
