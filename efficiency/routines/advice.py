"""What the numbers say: findings with their evidence and the next step. Pure: rows in, text out."""

from efficiency.core.units import bytes_text, ratio_text, share_text
from efficiency.core.values import BatchSpeed, Finding, Ratio, Row, Verdict, wilson_interval

# Without a score: noise below a hundredth of the signal's power counts as nearly the same outputs.
CLOSE_DB = 20


def findings(
    rows: tuple[Row, ...], score_count: int | None, bf16_arithmetic: Ratio | None = None
) -> tuple[Finding, ...]:
    """Advice on a finished report, the most useful first.

    `bf16_arithmetic` is how fast bfloat16 matrix products are on the machine by themselves.
    """
    baseline, *others = [row for row in rows if row.unavailable is None]
    found = [
        _smallest(baseline, others, score_count),
        _fastest(baseline, others, score_count),
        *(
            _slow_arithmetic(row, bf16_arithmetic) or _not_faster(row)
            for row in others
            if not row.name.startswith("pruned")
        ),
        _zeros(baseline, others),
    ]
    return tuple(finding for finding in found if finding is not None)


def architecture_unknown() -> Finding:
    """What to do with a file whose architecture is not known."""
    return Finding(
        finding="The architecture of this file is not known here, so it cannot be run.",
        evidence="The names and shapes of its tensors fit none of the architectures in the list.",
        next_step=(
            "Choose the architecture if it is in the list; otherwise read the size and the SQNR of "
            "each precision below: int8 usually keeps accuracy where its SQNR is above 30 dB."
        ),
    )


def keeps_score(row: Row, baseline: Row, count: int | None) -> bool | None:
    """Whether the score is above the lower end of the baseline's 95 % interval; None: unknown."""
    if row.score is None or baseline.score is None or count is None:
        return None
    return row.score >= wilson_interval(baseline.score, count)[0]


def _usable(row: Row, baseline: Row, count: int | None) -> bool:
    """Whether a file may be recommended: by its score, or without one by its outputs."""
    kept = keeps_score(row, baseline, count)
    return kept if kept is not None else (row.sqnr_db or 0) >= CLOSE_DB


def _merit(baseline: Row) -> str:
    return "that keeps the score" if baseline.score is not None else "with nearly the same outputs"


def _smallest(baseline: Row, others: list[Row], count: int | None) -> Finding | None:
    usable = [row for row in others if _usable(row, baseline, count)]
    smallest = min(usable, key=_stored_bytes, default=None)
    if smallest is None or _stored_bytes(smallest) >= _stored_bytes(baseline):
        return None
    return Finding(
        finding=f"Smallest file {_merit(baseline)}: {smallest.label}.",
        evidence=(
            f"{bytes_text(_stored_bytes(smallest))} instead of "
            f"{bytes_text(_stored_bytes(baseline))} on disk, "
            f"{_stored_bytes(baseline) / _stored_bytes(smallest):.1f} times smaller; "
            f"{_scores(smallest, baseline, count)}."
        ),
        next_step="Download it: the folder holds the weights and a loader, measured as they are.",
    )


def _fastest(baseline: Row, others: list[Row], count: int | None) -> Finding | None:
    faster = [
        row
        for row in others
        if row.speedup is not None
        and row.speedup.verdict == Verdict.FASTER
        and _usable(row, baseline, count)
    ]
    if not faster:
        return Finding(
            finding="Nothing here is faster than the baseline at this batch size.",
            evidence=f"No file {_merit(baseline)} has a speed interval above 1.",
            next_step="See below why; then try a larger batch, where arithmetic weighs more.",
        )
    fastest = max(faster, key=lambda row: row.speedup.ratio if row.speedup else 0.0)
    return Finding(
        finding=f"Fastest {_merit(baseline)}: {fastest.label}.",
        evidence=f"{ratio_text(fastest.speedup)}; {_scores(fastest, baseline, count)}.",
        next_step="Use it where latency matters; check the score on data of your own.",
    )


def _slow_arithmetic(row: Row, arithmetic: Ratio | None) -> Finding | None:
    """Why bf16 does not pay on a machine whose bfloat16 arithmetic is no faster by itself."""
    if row.name != "bf16" or row.speedup is None or row.speedup.verdict == Verdict.FASTER:
        return None
    if arithmetic is None or arithmetic.verdict == Verdict.FASTER:
        return None
    return Finding(
        finding=f"{row.label} is not faster here because this machine's bf16 arithmetic is not.",
        evidence=(
            f"The model: {ratio_text(row.speedup)}; a bare matrix product in bfloat16 against "
            f"float32: {ratio_text(arithmetic)}."
        ),
        next_step="Use it for size; on a processor with AMX or on a GPU, measure again.",
    )


def _not_faster(row: Row) -> Finding | None:
    """Why fewer bits do not pay at this batch size, told by another batch size."""
    if row.speedup is None or row.speedup.verdict == Verdict.FASTER or not row.at_other_batches:
        return None
    other = row.at_other_batches[0]
    evidence = (
        f"One call: {ratio_text(row.speedup)}; at batch {other.batch_size}: "
        f"{ratio_text(other.speedup)}."
    )
    if _is_faster(other):
        return Finding(
            finding=f"{row.label} is not faster here because the batch is small.",
            evidence=evidence,
            next_step=(
                "Converting the numbers and starting the kernels costs the same for one input as "
                f"for many; collect inputs into batches of about {other.batch_size} and it pays."
            ),
        )
    share = _share_of_arithmetic(row)
    return Finding(
        finding=f"{row.label} is not faster here, at small or large batches.",
        evidence=f"{evidence} The changed layers do {share_text(share)} of the arithmetic.",
        next_step=(
            "Most of the arithmetic is still float32, so little can be gained; use it for size."
            if share is not None and share < 0.5
            else "Converting between formats costs as much as it saves here; use it for size."
        ),
    )


def _share_of_arithmetic(row: Row) -> float | None:
    """The part of the counted multiply-accumulates that lies in the changed layers."""
    if row.flops is None or row.coverage is None:
        return None
    total = sum(layer.macs for layer in row.flops.by_layer)
    changed = sum(layer.macs for layer in row.flops.by_layer if layer.layer in row.coverage.changed)
    return changed / total if total else None


def _zeros(baseline: Row, others: list[Row]) -> Finding | None:
    """What zeros do and do not buy."""
    pruned = [row for row in others if row.name.startswith("pruned") and row.footprint]
    if not pruned or not baseline.footprint:
        return None
    most = min(pruned, key=lambda row: row.footprint.nonzero if row.footprint else 0)
    if most.footprint is None:
        return None
    faster = any(row.speedup and row.speedup.verdict == Verdict.FASTER for row in pruned)
    zeros = 1 - most.footprint.nonzero / most.footprint.parameters
    return Finding(
        finding=(
            "Zeros alone do not make a dense file smaller."
            if faster
            else "Zeros alone do not make a dense model smaller or faster."
        ),
        evidence=(
            f"{most.label}: {share_text(zeros)} of the numbers are zero, the file takes "
            f"{bytes_text(most.footprint.bytes_on_disk)} "
            f"(baseline {bytes_text(baseline.footprint.bytes_on_disk)}), zipped "
            f"{bytes_text(most.footprint.bytes_zipped)}; speed: {ratio_text(most.speedup)}."
        ),
        next_step=(
            "Dense kernels multiply zeros like any number. Zip the file to ship it; to gain speed, "
            "remove whole channels instead of single weights."
        ),
    )


def _is_faster(speed: BatchSpeed) -> bool:
    return speed.speedup is not None and speed.speedup.verdict == Verdict.FASTER


def _stored_bytes(row: Row) -> int:
    if row.footprint is None or row.footprint.bytes_on_disk is None:
        raise AssertionError("a measured row has a file")
    return row.footprint.bytes_on_disk


def _scores(row: Row, baseline: Row, count: int | None) -> str:
    if row.score is None or baseline.score is None or count is None:
        sqnr = "not defined" if row.sqnr_db is None else f"{row.sqnr_db:.0f} dB"
        return f"SQNR of the outputs {sqnr}, score not measured for want of data"
    low, high = wilson_interval(baseline.score, count)
    return (
        f"score {share_text(row.score)}, baseline {share_text(baseline.score)} "
        f"(95 % interval {share_text(low)} to {share_text(high)}, n = {count})"
    )
