"""Why mixed precision did or did not pay here, in sentences with the measured numbers."""

from collections.abc import Sequence

from efficiency.core.mixed import GradientExponents, MixedPrecision, Prediction
from efficiency.core.units import bytes_text, ratio_text, seconds_text, share_text
from efficiency.core.values import (
    Finding,
    Footprint,
    PeakMemory,
    Row,
    Verdict,
    wilson_interval,
)
from efficiency.routines.mixed_precision import sweep_findings
from efficiency.routines.mixed_precision.candidates import AMP, BASELINE
from efficiency.routines.mixed_precision.experiment import final_loss

LOSS_TOLERANCE = 0.01  # of the first loss, between the mean losses of the last epoch
CLOSE = 1.15  # a forecast that is no further off was right
GAIN = {
    Verdict.FASTER: "Mixed precision pays here",
    Verdict.SLOWER: "Mixed precision does not pay here: it is slower",
    Verdict.SAME: "Mixed precision makes no measurable difference to the speed here",
}


def findings(
    rows: Sequence[Row], mixed: MixedPrecision, score_count: int | None = None
) -> tuple[Finding, ...]:
    """Speed, memory, loss, small gradients, and where it pays; each where it was measured.

    score_count: how many independent trials a score is the share of.
    """
    known = {row.name: row for row in rows}
    baseline, amp = known[BASELINE], known[AMP]
    found = (
        _speed(baseline, amp, mixed),
        _memory(baseline.footprint, amp.footprint),
        _learning(baseline, amp, mixed, score_count),
        _small_gradients(mixed),
        *sweep_findings.findings(mixed.sweep),
    )
    return tuple(each for each in found if each is not None)


def _speed(baseline: Row, amp: Row, mixed: MixedPrecision) -> Finding | None:
    if amp.speedup is None or amp.timing is None or baseline.timing is None:
        return None
    next_step = {
        Verdict.FASTER: "Train in mixed precision, and watch the loss and the score beside it.",
        Verdict.SLOWER: "Train in float32 on this machine; the program below tells it on another.",
        Verdict.SAME: "Try larger batches or layers (the sweep), or a device with tensor cores.",
    }[amp.speedup.verdict]
    return Finding(
        finding=f"{GAIN[amp.speedup.verdict]}, {amp.speedup.ratio:.2f}× the speed of float32.",
        evidence=(
            f"A step takes {seconds_text(amp.timing.median_seconds)} instead of "
            f"{seconds_text(baseline.timing.median_seconds)}: {ratio_text(amp.speedup)}, over "
            f"{len(amp.timing.samples)} pairs of steps. "
            f"{_forecast(mixed.prediction, amp.speedup.ratio)}"
        ),
        next_step=next_step,
    )


def _forecast(prediction: Prediction, measured: float) -> str:
    """What was predicted and why; and why it was not so, where it was not."""
    if prediction.speedup is None:
        return " ".join(("No forecast was possible.", *prediction.reasons))
    off = prediction.speedup / measured
    missed = (
        " It missed: it takes every operator at the best that the machine does, and in one of the "
        "precisions these layers are further from that than in the other."
        if max(off, 1 / off) > CLOSE
        else ""
    )
    return f"The forecast was {prediction.speedup:.2f}×.{missed} {' '.join(prediction.reasons)}"


def _memory(baseline: Footprint | None, amp: Footprint | None) -> Finding | None:
    if baseline is None or amp is None or not baseline.peak_split or not amp.peak_split:
        return None
    before, after = baseline.peak_split, amp.peak_split
    less = after.total < before.total
    return Finding(
        finding=(
            f"A step needs {'less' if less else 'no less'} memory: {bytes_text(after.total)} at "
            f"its peak instead of {bytes_text(before.total)}."
        ),
        evidence=(
            f"What the forward pass keeps and its temporaries: {bytes_text(_in_between(after))} "
            f"instead of {bytes_text(_in_between(before))}. Activations are half as large, but "
            "autocast also keeps a copy of every weight that it converts; weights, gradients and "
            "the optimizer's state stay in float32 and take "
            f"{bytes_text(before.total - _in_between(before))} in both."
        ),
        next_step=(
            "Use the room for a larger batch."
            if less
            else "A larger batch turns this round: activations grow with it, the copies do not."
        ),
    )


def _in_between(peak: PeakMemory) -> int:
    return peak.activations + peak.temporary


def _learning(baseline: Row, amp: Row, mixed: MixedPrecision, count: int | None) -> Finding | None:
    """The same if the losses at the end agree within LOSS_TOLERANCE, and scores within chance."""
    curves = {curve.row: curve.losses for curve in mixed.curves}
    if mixed.sizes is None or not curves.get(BASELINE) or not curves.get(AMP):
        return None
    before, after = (final_loss(curves[name], mixed.sizes.batches) for name in (BASELINE, AMP))
    first = curves[BASELINE][0]
    if before is None or after is None or not first:
        same, evidence = False, "Some losses are NaN or infinite."
    else:
        apart = abs(after - before) / first
        same = apart <= LOSS_TOLERANCE
        evidence = (
            f"In the last epoch the mean loss is {after:.4g} instead of {before:.4g}. That is "
            f"{100 * apart:.2g} % of the {first:.4g} at the start; up to "
            f"{share_text(LOSS_TOLERANCE)} count as the same."
        )
    if amp.score is not None and baseline.score is not None and count:
        (low, high), (lowest, highest) = (
            wilson_interval(row.score or 0.0, count) for row in (amp, baseline)
        )
        same = same and high >= lowest
        evidence += (
            f" The score is {share_text(amp.score)} [{share_text(low)}, {share_text(high)}] instead"
            f" of {share_text(baseline.score)} [{share_text(lowest)}, {share_text(highest)}]."
        )
    return Finding(
        finding=f"It {'learns' if same else 'does not learn'} as float32 does.",
        evidence=evidence,
        next_step="Compare the curves: the same weights at the start, the same batches."
        if same
        else "Use bfloat16, or loss scaling; or keep the layers that suffer in float32.",
    )


def _small_gradients(mixed: MixedPrecision) -> Finding | None:
    found = mixed.activation_gradients or mixed.gradients
    if found is None or not found.counts:
        return None
    flushed, best = _flushed(found, 0), best_scale(found)
    skipped = sum(step.skipped for step in mixed.scaler)
    life = (
        f" In {len(mixed.scaler)} steps with a scaler that starts too high, {skipped} were skipped."
        if mixed.scaler
        else ""
    )
    return Finding(
        finding=(
            f"Without loss scaling float16 would turn {share_text(flushed)} of the gradients "
            "between the layers into zero."
        ),
        evidence=(
            f"With a scale of 2^{best} it is {share_text(_flushed(found, best))}, and nothing "
            f"overflows yet.{life}"
        ),
        next_step="bfloat16 has the range of float32 and needs no scaling; float16 needs it.",
    )


def best_scale(found: GradientExponents) -> int:
    """The largest k at which no gradient times 2^k overflows float16."""
    return max((k for k, count in enumerate(found.overflowed) if not count), default=0)


def _flushed(found: GradientExponents, k: int) -> float:
    """Share of the gradients that are not zero and become zero."""
    return found.flushed[k] / max(1, sum(found.counts))
