"""The parts of an HTML report that only a pruning study has: title and HTML of each."""

from collections.abc import Iterator

from efficiency.core.values import Study
from efficiency.exports import pruning_tables as tables
from efficiency.exports.programs.pruning import programs
from efficiency.exports.pruning import FORMULA, PRUNED, lede, pruning_cards
from efficiency.exports.pruning_anatomy import whole_anatomy
from efficiency.exports.pruning_masks import mask_pictures
from efficiency.exports.pruning_why import why
from efficiency.exports.table import literal


def pruning_head(study: Study) -> str:
    """The headline numbers and what they are of."""
    return f'<p class="quiet">{literal(lede(study))}</p>{pruning_cards(study)}'


def pruning_sections(study: Study) -> Iterator[tuple[str, str]]:
    """In the order of the page; only what was recorded."""
    found = study.pruned
    if found is None:
        return
    reasons = "".join(
        f"<p><b>{literal(about)}.</b> {literal(sentence)}</p>" for about, sentence in why(study)
    )
    if reasons:
        yield "Why?", f"{reasons}<pre>{literal(FORMULA)}</pre>"
    yield "The truth about size", tables.size_table(study)
    if found.removal is not None:
        said = f"<p>{literal(tables.removal_text(study, found.removal))}</p>"
        yield "Channels taken out", said + tables.removal_table(found.removal)
    if pictures := mask_pictures(found):
        yield "What is left of every layer", pictures
    if found.curve:
        yield "Every amount of zeros", _folded(tables.curve_table(study))
    if found.sensitivity:
        yield "Every layer pruned alone", _folded(tables.sensitivity_table(found))
    if found.suggestion is not None:
        yield "Suggested amounts", _folded(tables.suggestion_table(found.suggestion))
    if found.anatomies:
        yield "The module step by step", "".join(map(whole_anatomy, found.anatomies))
    for program in programs(study):
        if program.file_name == f"{PRUNED}.py":
            source = f"<pre>{literal(program.source)}</pre>"
            yield (
                f"{program.title} in PyTorch",
                f"<details><summary>as code</summary>{source}</details>",
            )


def _folded(table: str) -> str:
    return f"<details><summary>as a table</summary>{table}</details>"
