"""The few sentences a report comes down to: the smallest, the fastest, what it costs in accuracy.

Only candidates that keep the score within a tolerance count; where nothing was scored, all count
and the headline says that accuracy was not measured.
"""

from collections.abc import Callable
from dataclasses import dataclass

from efficiency.core.units import bytes_text, joules_text, seconds_text, share_text
from efficiency.core.values import Row, Study, Verdict

TOLERANCE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """One number with what it was before. `row` is the candidate it belongs to, None if none."""

    saves: str
    value: str
    detail: str
    row: Row | None


def headlines(study: Study, tolerance: float = TOLERANCE) -> tuple[Headline, ...]:
    """Size, time, memory and energy, as far as they were measured or estimated."""
    found = (
        _least(study, tolerance, "Size", _disk, bytes_text),
        _speed(study, tolerance),
        _least(study, tolerance, "Memory", _peak, bytes_text),
        _least(study, tolerance, _energy_name(study), _joules, joules_text),
    )
    return tuple(each for each in found if each is not None)


def kept(study: Study, tolerance: float = TOLERANCE) -> tuple[Row, ...]:
    """The compressed candidates whose score is at most `tolerance` below the baseline's."""
    baseline = study.rows[0].score
    return tuple(
        row
        for row in study.rows[1:]
        if row.unavailable is None
        and (baseline is None or (row.score is not None and row.score >= baseline - tolerance))
    )


def fastest(study: Study, tolerance: float = TOLERANCE) -> Row | None:
    """The candidate with the highest speed-up among those measurably faster, or None."""
    timed = [(row, row.speedup) for row in kept(study, tolerance) if row.speedup is not None]
    faster = [(row, ratio) for row, ratio in timed if ratio.verdict == Verdict.FASTER]
    return max(faster, key=lambda pair: pair[1].ratio)[0] if faster else None


def _speed(study: Study, tolerance: float) -> Headline | None:
    baseline = study.rows[0].timing
    if baseline is None:
        return None
    before = seconds_text(baseline.median_seconds)
    row = fastest(study, tolerance)
    if row is None:
        detail = f"nothing is faster than {before}"
        return Headline(
            saves="Time", value="no gain", detail=detail + _elsewhere(study, tolerance), row=None
        )
    return Headline(
        saves="Time",
        value=f"{row.speedup.ratio:.2f}× as fast" if row.speedup else "",
        detail=f"{before} → {seconds_text(row.timing.median_seconds if row.timing else None)}",
        row=row,
    )


def _elsewhere(study: Study, tolerance: float) -> str:
    """The greatest measurable gain at another batch size, as the end of a sentence."""
    gains = [
        (each.speedup.ratio, each.batch_size, row.label)
        for row in kept(study, tolerance)
        for each in row.at_other_batches
        if each.speedup is not None and each.speedup.verdict == Verdict.FASTER
    ]
    if not gains:
        return ""
    ratio, batch, label = max(gains)
    return f"; with {batch} inputs a call {label} is {ratio:.2f}× as fast"


def _least(
    study: Study,
    tolerance: float,
    saves: str,
    number: Callable[[Row], float | None],
    text: Callable[[float | None], str],
) -> Headline | None:
    before = number(study.rows[0])
    if before is None:
        return None
    able = [(row, value) for row in kept(study, tolerance) if (value := number(row)) is not None]
    row, least = min(able, key=lambda pair: pair[1], default=(None, before))
    if row is None or least >= before:
        return Headline(
            saves=saves, value="no gain", detail=f"nothing is below {text(before)}", row=None
        )
    times = f"{before / least:.1f}× less" if least else "nothing left"
    return Headline(saves=saves, value=times, detail=f"{text(before)} → {text(least)}", row=row)


def accuracy_text(study: Study, row: Row) -> str:
    """What a candidate does to the score, in points; says so where nothing was scored."""
    before = study.rows[0].score
    if row.score is None or before is None:
        return "accuracy not measured"
    change = 100 * (row.score - before)
    name = study.score_name or "score"
    points = f"{change:+.1f}".replace("-", "\N{MINUS SIGN}")
    return f"{name} {share_text(row.score)} ({points} points)"


def _energy_name(study: Study) -> str:
    energy = study.rows[0].energy
    return "Energy" if energy is None else f"Energy, {energy.origin.value}"


def _disk(row: Row) -> float | None:
    return None if row.footprint is None else row.footprint.bytes_on_disk


def _peak(row: Row) -> float | None:
    return None if row.footprint is None else row.footprint.peak_bytes


def _joules(row: Row) -> float | None:
    return None if row.energy is None else row.energy.joules
