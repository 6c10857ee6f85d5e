"""The parts of an HTML report that only a mixed-precision study has: title and HTML of each."""

from collections.abc import Iterator

from efficiency.core.values import Study
from efficiency.exports.mixed import FORMULA, published_table, scales_table
from efficiency.exports.operators import Assertion, assertions, conversions, operator_table
from efficiency.exports.programs.amp import amp_program
from efficiency.exports.table import literal


def mixed_sections(study: Study) -> Iterator[tuple[str, str]]:
    """In the order of the page; only what was recorded."""
    found = study.mixed
    if found is None:
        return
    reasons = "".join(f"<li>{literal(each)}</li>" for each in found.prediction.reasons)
    yield "How it was predicted", f"<ul>{reasons}</ul><pre>{literal(FORMULA)}</pre>"
    if found.gradients is not None and found.gradients.counts:
        yield "What float16 loses at every scale", scales_table(found)
    if found.operators:
        said = "".join(map(_assertion, assertions(found)))
        counted = f'<p class="quiet">{literal(conversions(found))}</p>'
        yield "What autocast did", said + counted + operator_table(found)
    yield "Published beside measured", published_table(study)
    if found.sizes is not None:
        yield "The program that does just this", f"<pre>{literal(amp_program(study))}</pre>"


def _assertion(each: Assertion) -> str:
    verdict = {True: "Holds here: ", False: "Does not hold here: ", None: ""}[each.holds]
    return (
        f"<p><code>{literal(each.code)}</code><br>{literal(each.meaning)} {verdict}"
        f"{literal(each.evidence)}.</p>"
    )
