"""The tables behind the pictures of a quantization study, as HTML; all text is escaped."""

from collections import defaultdict
from collections.abc import Callable

from efficiency.charts.quantization_calibration import sources, spread
from efficiency.charts.quantization_engines import ranked
from efficiency.core.quantization import GraphStep, LayerNoise, Quantization
from efficiency.core.units import seconds_text, share_text
from efficiency.core.values import Row, Study
from efficiency.exports.table import literal, number_table, plain_table

EXACT = "exact"
COVERAGE_HEADINGS = ("Candidate", "in int8", "left in float32", "why")
NAMED = 6  # layers listed by name; of more, only how many there are


def noise_table(study: Study, found: Quantization) -> str:
    """Every layer in order: SQNR of its outputs in each row, that of its weights below."""
    rows = list(dict.fromkeys(each.row for each in found.layers))
    labels = {row.name: row.label for row in study.rows}
    by_place = {(each.row, each.layer): each for each in found.layers}
    modules = {each.layer: each.module for each in found.layers}
    lines = [
        (layer, module, *(_noise(by_place.get((row, layer))) for row in rows))
        for layer, module in modules.items()
    ]
    headings = ("Layer", "type", *(labels.get(row, row) for row in rows))
    return number_table(headings, lines, words=2)


def _noise(each: LayerNoise | None) -> tuple[str, str] | str:
    if each is None:
        return ""
    if each.weight_sqnr_db is None and each.output_sqnr_db is None:
        return EXACT
    return _decibel(each.output_sqnr_db), f"weights {_decibel(each.weight_sqnr_db)}"


def _decibel(value: float | None) -> str:
    return EXACT if value is None else f"{value:.1f} dB"


def operator_table(study: Study, found: Quantization) -> str:
    """Every operator of one call of each row, the longest first."""
    labels = {row.name: row.label for row in study.rows}
    totals: dict[str, float] = defaultdict(float)
    for each in found.operators:
        totals[each.row] += each.seconds
    order = list(totals)
    lines = [
        (
            labels.get(each.row, each.row),
            each.operator,
            each.work.value,
            each.calls,
            seconds_text(each.seconds),
            share_text(each.seconds / totals[each.row], 0) if totals[each.row] else "",
        )
        for each in sorted(found.operators, key=lambda it: (order.index(it.row), -it.seconds))
    ]
    headings = ("Candidate", "operator", "works on", "calls", "time", "share")
    return number_table(headings, lines, words=3)


def engine_table(found: Quantization) -> str:
    """Every engine with its time, or why it has none."""
    timed = [
        (f"{name}, used here" if name == found.engine else name, seconds_text(seconds))
        for name, seconds in ranked(found.engines)
    ]
    others = [
        (each.engine, each.unavailable or "not measured")
        for each in found.engines
        if each.seconds is None
    ]
    return plain_table(("Engine", "one call"), [*timed, *others])


def calibration_table(study: Study, found: Quantization) -> str:
    """Median and range over the seeds for every number of inputs and every source."""
    lines = []
    for source in sources(found.calibration):
        those = [each for each in found.calibration if each.source == source]
        noise, score = spread(those, None), spread(those, study.score_name or "score")
        for count in sorted({each.samples for each in those}):
            seeds = sum(each.samples == count for each in those)
            cells = (
                _range(score.get(count), share_text),
                _range(noise.get(count), lambda value: f"{value:.1f} dB"),
            )
            lines.append((source, count, seeds, *cells))
    headings = ("Calibrated on", "inputs", "seeds", study.score_name or "score", "SQNR")
    return number_table(headings, lines)


def _range(
    values: tuple[float, float, float] | None, text: Callable[[float], str]
) -> tuple[str, str] | str:
    if values is None:
        return "not measured"
    low, middle, high = (text(value) for value in values)
    return middle, f"{low} to {high}"


def seed_table(study: Study, found: Quantization) -> str:
    """Every training with its three scores."""
    lines = [
        (
            f"seed {each.seed}",
            *map(share_text, (each.float_score, each.static_score, each.qat_score)),
        )
        for each in found.seeds
    ]
    return number_table(("Trained with", "float32", "static int8", "QAT int8"), lines)


def coverage_table(study: Study) -> str:
    """How many layers each row has in int8 and which it left, with every reason once."""
    return plain_table(COVERAGE_HEADINGS, [_covered(row) for row in study.rows if row.coverage])


def _covered(row: Row) -> tuple[str, ...]:
    assert row.coverage is not None  # noqa: S101 - chosen so just above
    changed, skipped = row.coverage.changed, row.coverage.skipped
    reasons = dict.fromkeys(each.reason for each in skipped)
    left = [each.layer for each in skipped]
    return row.label, _listed(changed), _listed(left), "; ".join(reasons) or "nothing was left"


def _listed(layers: tuple[str, ...] | list[str]) -> str:
    if not layers:
        return "none"
    more = f" and {len(layers) - NAMED} more" if len(layers) > NAMED else ""
    return f"{len(layers)}: {', '.join(layers[:NAMED])}{more}"


def graph_columns(found: Quantization) -> str:
    """The model as it runs in float32 and in int8, step by step beside each other."""
    before, after = (
        "".join(f"<li>{_step(each)}</li>" for each in steps)
        for steps in (found.graph_before, found.graph_after)
    )
    return (
        '<div class="lab-graphs">'
        f"<div><h4>float32: {_steps(found.graph_before)}</h4><ol>{before}</ol></div>"
        f"<div><h4>int8: {_steps(found.graph_after)}</h4><ol>{after}</ol></div></div>"
    )


def _steps(steps: tuple[GraphStep, ...]) -> str:
    return f"{len(steps)} step" + ("" if len(steps) == 1 else "s")


def _step(each: GraphStep) -> str:
    kind = "int8" if "int8" in each.precision else "float"
    if "→" in each.precision:
        kind = "conversion"
    layer = f"<small>{literal(each.layer)}</small>" if each.layer else ""
    return (
        f'<span class="{kind}"><b>{literal(each.operator)}</b>{layer}'
        f"<i>{literal(each.precision)}</i></span>"
    )


def fused(found: Quantization) -> str:
    """How fusion shortened the model, in a sentence."""
    before, after = len(found.graph_before), len(found.graph_after)
    converting = sum("→" in each.precision for each in found.graph_after)
    said = f"{before} steps in float32 became {after}, of which {converting} only convert."
    if after - converting >= before:
        return f"{said} Nothing was fused: every step is still one of its own."
    return (
        f"{said} A convolution, its normalization and its ReLU are one step now: the numbers "
        "between them are never written to memory, and never rounded."
    )
