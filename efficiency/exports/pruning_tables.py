"""The tables behind the pictures of a pruning study, as HTML; all text is escaped."""

from efficiency.charts.pruning import curve
from efficiency.charts.pruning_sensitivity import fragile
from efficiency.core.pruning import ChannelRemoval, Pruning, Suggestion
from efficiency.core.units import bytes_text, share_text
from efficiency.core.values import Row, Study
from efficiency.exports.columns import grouped
from efficiency.exports.pruning import removed, stored, zeros_share
from efficiency.exports.table import number_table, plain_table

SIZE_HEADINGS = (
    "Candidate",
    "zeros",
    "parameters",
    "not zero",
    "file",
    "zipped",
    "in CSR",
    "smallest",
)
NOT_MEASURED = "–"


def size_table(study: Study) -> str:
    """The size truth: every candidate's numbers and its file in every form, and the smallest."""
    lines = [_sizes(study, row) for row in study.rows if row.footprint is not None]
    return number_table(SIZE_HEADINGS, lines)


def _sizes(study: Study, row: Row) -> tuple[object, ...]:
    footprint, csr = row.footprint, stored(study, row)
    assert footprint is not None  # noqa: S101 - chosen so just above
    forms = {
        "as saved": footprint.bytes_on_disk,
        "zipped": footprint.bytes_zipped,
        "in CSR": None if csr is None else csr.csr_bytes,
    }
    known = {name: size for name, size in forms.items() if size is not None}
    before = study.rows[0].footprint
    least = min(known, key=lambda name: known[name]) if known else ""
    times = ""
    if least and before is not None and before.bytes_on_disk:
        times = f"{before.bytes_on_disk / known[least]:.1f}× less"
    label = f"{row.label} (smaller tensors)" if row is removed(study) else row.label
    return (
        label,
        share_text(zeros_share(study, row)),
        grouped(footprint.parameters),
        grouped(footprint.nonzero),
        *(NOT_MEASURED if size is None else bytes_text(size) for size in forms.values()),
        (least, times),
    )


def curve_table(study: Study) -> str:
    """Every amount of zeros with scores, files and speed."""
    score = study.score_name or "score"
    headings = ("Zeros", score, f"{score}, fine-tuned", "file", "zipped", "in CSR", "speed")
    lines = []
    for point, row in curve(study):
        footprint, csr = row.footprint, stored(study, row)
        speed: object = NOT_MEASURED if row.timing is None else "1×, baseline"
        if row.speedup is not None:
            ratio = row.speedup
            speed = (f"{ratio.ratio:.2f}×", f"[{ratio.low:.2f}, {ratio.high:.2f}]")
        lines.append(
            (
                share_text(point.sparsity),
                _share(row.score),
                _share(point.tuned_score),
                _bytes(None if footprint is None else footprint.bytes_on_disk),
                _bytes(None if footprint is None else footprint.bytes_zipped),
                _bytes(None if csr is None else csr.csr_bytes),
                speed,
            )
        )
    return number_table(headings, lines)


def _share(score: float | None) -> str:
    return NOT_MEASURED if score is None else share_text(score)


def _bytes(size: int | None) -> str:
    return NOT_MEASURED if size is None else bytes_text(size)


def sensitivity_table(found: Pruning) -> str:
    """Every layer with its score at every amount, the most fragile first."""
    amounts = sorted({each.amount for each in found.sensitivity})
    lines = []
    for name, points in fragile(found.sensitivity):
        scores = {each.amount: each.score for each in points}
        lines.append((name, *(_share(scores.get(amount)) for amount in amounts)))
    return number_table(("Pruned alone", *map(share_text, amounts)), lines)


def suggestion_table(found: Suggestion) -> str:
    """The amounts by layer, and what they came to beside one amount for all."""
    amounts = plain_table(
        ("Layer", "suggested amount"),
        [(each.parameter, share_text(each.amount)) for each in found.amounts],
    )
    both = number_table(
        ("All layers together", "zeros", "as pruned", "fine-tuned"),
        [
            (name, share_text(found.sparsity), share_text(score), _share(tuned))
            for name, score, tuned in (
                ("amounts by layer", found.score, found.tuned_score),
                ("one amount for all", found.uniform_score, found.uniform_tuned_score),
            )
        ],
    )
    return both + amounts


def removal_table(found: ChannelRemoval) -> str:
    """The groups of layers whose channels went together, and how many are left."""
    lines = [
        (", ".join(each.layers) or "no name", each.before, each.after) for each in found.groups
    ]
    return number_table(("Layers that share channels", "channels", "left"), lines)


def removal_text(study: Study, found: ChannelRemoval) -> str:
    """Multiplications and parameters before and after, and whether the promise was kept."""
    kept = (
        "as many as the plan promised"
        if found.macs_after == found.promised_macs
        else f"where the plan promised {grouped(found.promised_macs)}"
    )
    said = (
        f"{grouped(found.macs_before)} multiply-accumulates a call became "
        f"{grouped(found.macs_after)}, counted while it ran, {kept}; "
        f"{grouped(found.parameters_before)} parameters became {grouped(found.parameters_after)}."
    )
    row = removed(study)
    if found.untuned_score is not None and row is not None and row.score is not None:
        said += (
            f" {(study.score_name or 'score').capitalize()} {share_text(found.untuned_score)} "
            f"before fine-tuning, {share_text(row.score)} after."
        )
    return said
