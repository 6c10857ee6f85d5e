"""The parts of an HTML report that only a quantization study has: title and HTML of each."""

from collections.abc import Iterator

from efficiency.core.values import Study
from efficiency.exports import quantization_tables as tables
from efficiency.exports.programs.quantization import programs
from efficiency.exports.quantization import FORMULA, chosen, lede, quantization_cards
from efficiency.exports.quantization_methods import (
    advised,
    decision_table,
    published_table,
    sources,
)
from efficiency.exports.quantization_why import why
from efficiency.exports.table import literal


def quantization_head(study: Study) -> str:
    """The headline numbers and whose they are."""
    return f'<p class="quiet">{literal(lede(study))}</p>{quantization_cards(study)}'


def quantization_sections(study: Study) -> Iterator[tuple[str, str]]:
    """In the order of the page; only what was recorded."""
    found = study.quantized
    if found is None:
        return
    reasons = "".join(
        f"<p><b>{literal(about)}.</b> {literal(sentence)}</p>" for about, sentence in why(study)
    )
    yield "Why?", f"{reasons}<pre>{literal(FORMULA)}</pre>"
    said = "".join(f"<p>{literal(each)}</p>" for each in advised(study))
    yield "Which method?", said + decision_table(study)
    if found.graph_before and found.graph_after:
        graphs = tables.graph_columns(found)
        yield "The model before and after", f"<p>{literal(tables.fused(found))}</p>{graphs}"
    for title, there, table in (
        ("Noise of every layer", found.layers, lambda: tables.noise_table(study, found)),
        ("Every operator", found.operators, lambda: tables.operator_table(study, found)),
        ("Every engine", found.engines, lambda: tables.engine_table(found)),
        ("Calibration", found.calibration, lambda: tables.calibration_table(study, found)),
        ("QAT over seeds", found.seeds, lambda: tables.seed_table(study, found)),
    ):
        if there:
            yield title, f"<details><summary>as a table</summary>{table()}</details>"
    published = f'<p class="quiet">{literal(sources())}</p>'
    yield "Published beside measured", published_table(by_workload(study)) + published
    row = chosen(study)
    for program in programs(study):
        if row is not None and program.title == row.label:
            source = f"<pre>{literal(program.source)}</pre>"
            code = f"<details><summary>as code</summary>{source}</details>"
            yield f"{program.title} in PyTorch", code


def by_workload(study: Study) -> dict[str, Study]:
    """The study under the name of its workload; empty for a file."""
    workload = study.request.get("workload")
    return {} if workload is None else {str(workload): study}
