"""The parts of an HTML report that only a lottery ticket study has: title and HTML of each."""

from collections.abc import Iterator

from efficiency.core.values import Study
from efficiency.exports import lottery_tables as tables
from efficiency.exports.lottery_published import SETTING, SOURCE, published_table
from efficiency.exports.lottery_why import formula, why
from efficiency.exports.programs.lottery import lottery_program
from efficiency.exports.table import literal


def lottery_sections(study: Study) -> Iterator[tuple[str, str]]:
    """In the order of the page; only what was recorded."""
    found = study.lottery
    if found is None:
        return
    reasons = "".join(
        f"<p><b>{literal(about)}.</b> {literal(sentence)}</p>" for about, sentence in why(study)
    )
    if reasons:
        yield "Why?", f"{reasons}<pre>{literal(formula(found))}</pre>"
    if found.outcomes:
        source = f'<p class="quiet">Published: {literal(SETTING)}. {literal(SOURCE)}.</p>'
        yield "Published beside measured", published_table(found) + source
        yield "Every level", tables.outcome_table(found)
    if found.contests:
        yield "Ticket against its controls", tables.contest_table(found)
    if found.levels:
        yield "Weights left in every layer", tables.layer_table(found)
    yield "How the networks were trained", tables.settings_table(found)
    program = lottery_program(study)
    if program:
        source = f"<pre>{literal(program)}</pre>"
        yield "The same in PyTorch", f"<details><summary>as code</summary>{source}</details>"
