"""What the numbers say: findings with their evidence and the next step. Pure: rows in, text out.

Only causes that were measured are named; an interval too wide to tell is said to be that.
"""

from efficiency.core.judgement import CLOSE_DB, acceptable
from efficiency.core.units import bytes_text, ratio_text, seconds_text, share_text
from efficiency.core.values import (
    EQUIVALENCE_BAND,
    BatchSpeed,
    Finding,
    Ratio,
    Row,
    Timing,
    Verdict,
    wilson_interval,
)

# An interval wider than this around "no measurable difference" hides differences that matter.
WIDE = 1.2


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
        evidence="The names and shapes of its tensors fit none of the known architectures.",
        next_step=(
            "Compare size and SQNR of each precision below: they tell how much the weights change, "
            "not what that does to accuracy."
        ),
    )


def _merit(baseline: Row) -> str:
    if baseline.score is not None:
        return "that keeps the score"
    return f"with outputs close to the baseline's (SQNR at least {CLOSE_DB} dB)"


def _smallest(baseline: Row, others: list[Row], count: int | None) -> Finding | None:
    usable = [row for row in others if acceptable(row, baseline)]
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
    timed = [(row, row.speedup) for row in others if row.speedup is not None]
    if not timed:
        return None
    faster = [(row, ratio) for row, ratio in timed if ratio.verdict == Verdict.FASTER]
    usable = [(row, ratio) for row, ratio in faster if acceptable(row, baseline)]
    if usable:
        row, ratio = max(usable, key=lambda pair: pair[1].ratio)
        return Finding(
            finding=f"Fastest file {_merit(baseline)}: {row.label}.",
            evidence=f"{ratio_text(ratio)}; {_scores(row, baseline, count)}.",
            next_step="Use it where latency matters; check the score on data of your own.",
        )
    if faster:
        row, ratio = max(faster, key=lambda pair: pair[1].ratio)
        evidence = f"{row.label} is: {ratio_text(ratio)}, but {_scores(row, baseline, count)}."
    else:
        evidence = f"No speed interval lies wholly above {EQUIVALENCE_BAND}."
    return Finding(
        finding=f"No file {_merit(baseline)} is measurably faster at this batch size.",
        evidence=evidence,
        next_step="See below what was found out about the reasons.",
    )


def _slow_arithmetic(row: Row, arithmetic: Ratio | None) -> Finding | None:
    """Why bf16 does not pay on a machine whose bfloat16 arithmetic is no faster by itself."""
    if row.name != "bf16" or row.speedup is None or row.speedup.verdict == Verdict.FASTER:
        return None
    if arithmetic is None or arithmetic.verdict == Verdict.FASTER or _unclear(arithmetic):
        return None
    if _faster_at(row) is not None:
        return None  # so it is not the arithmetic
    return Finding(
        finding=f"{row.label} is not faster here because this machine's bf16 arithmetic is not.",
        evidence=(
            f"The model: {ratio_text(row.speedup)}; a bare matrix product in bfloat16 against "
            f"float32: {ratio_text(arithmetic)}."
        ),
        next_step="Use it for size; on a processor with AMX or on a GPU, measure again.",
    )


def _not_faster(row: Row) -> Finding | None:
    """What is known of why fewer bits do not pay, told by another batch size and the arithmetic."""
    if row.speedup is None or row.timing is None or row.speedup.verdict == Verdict.FASTER:
        return None
    if _unclear(row.speedup):
        return Finding(
            finding=f"Whether {row.label} is faster here cannot be told.",
            evidence=f"{ratio_text(row.speedup)}: the interval holds too much.",
            next_step="Measure again with a larger timing budget, when the machine is quiet.",
        )
    better = _faster_at(row)
    if better is not None:
        return _small_batch(row, row.timing, row.speedup, better)
    other = row.at_other_batches[0] if row.at_other_batches else None
    share = _share_of_arithmetic(row)
    evidence = [ratio_text(row.speedup)]
    if other is not None:
        unclear = other.speedup is not None and _unclear(other.speedup)
        told = " (too wide to tell)" if unclear else ""
        evidence.append(f"at batch {other.batch_size} {ratio_text(other.speedup)}{told}")
    if share is not None:
        evidence.append(f"the changed layers do {share_text(share)} of the arithmetic")
    return Finding(
        finding=f"{row.label} is not faster here.",
        evidence="; ".join(evidence) + ".",
        next_step=(
            "Most of the arithmetic was left as it was, so little can be gained; use it for size."
            if share is not None and share < 0.5
            else "Use it for size; a larger batch or another processor may change the answer."
        ),
    )


def _small_batch(row: Row, alone: Timing, speedup: Ratio, other: BatchSpeed) -> Finding:
    """The same file pays with more inputs a call: what a call costs whatever is in it."""
    each = other.timing.median_seconds / other.batch_size
    return Finding(
        finding=f"{row.label} is not faster here because the batch is small.",
        evidence=(
            f"{ratio_text(speedup)}, but at batch {other.batch_size} {ratio_text(other.speedup)}. "
            f"Alone an input takes it {seconds_text(alone.median_seconds)}, among "
            f"{other.batch_size} only {seconds_text(each)}: every call has a cost of its own."
        ),
        next_step=f"Collect inputs into batches of about {other.batch_size}, and it pays.",
    )


def _faster_at(row: Row) -> BatchSpeed | None:
    """The other batch size at which the row is faster than the baseline, if there is one."""
    faster = (
        each
        for each in row.at_other_batches
        if each.speedup is not None and each.speedup.verdict == Verdict.FASTER
    )
    return next(faster, None)


def _unclear(ratio: Ratio) -> bool:
    return ratio.verdict == Verdict.SAME and ratio.high > WIDE * ratio.low


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


def _stored_bytes(row: Row) -> int:
    if row.footprint is None or row.footprint.bytes_on_disk is None:
        raise AssertionError("a measured row has a file")
    return row.footprint.bytes_on_disk


def _scores(row: Row, baseline: Row, count: int | None) -> str:
    if row.score is None or baseline.score is None or count is None:
        sqnr = "not defined" if row.sqnr_db is None else f"{row.sqnr_db:.0f} dB on random inputs"
        return f"SQNR of the outputs {sqnr}, score not measured for want of data"
    low, high = wilson_interval(baseline.score, count)
    return (
        f"score {share_text(row.score)}, baseline {share_text(baseline.score)} "
        f"(95 % interval {share_text(low)} to {share_text(high)}, "
        f"n = {count} independent predictions)"
    )
