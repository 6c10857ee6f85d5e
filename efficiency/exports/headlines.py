"""The few sentences a report comes down to: the smallest, the fastest, what it costs in accuracy.

Only candidates that may be recommended count: see `efficiency.core.judgement`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from efficiency.core.judgement import acceptable
from efficiency.core.units import bytes_text, joules_text, seconds_text, share_text
from efficiency.core.values import Origin, Row, Study, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """One number with what it was before. `row` is the candidate it belongs to, None if none.

    `source` names the table behind an estimate; it is empty for what was measured.
    """

    saves: str
    value: str
    detail: str
    row: Row | None
    source: str = ""


def headlines(study: Study) -> tuple[Headline, ...]:
    """Size, time, memory and energy, as far as they were measured or estimated."""
    found = (
        _least(study, "Size", _disk, bytes_text),
        _speed(study),
        _least(study, "Memory", _peak, bytes_text),
        _energy(study),
    )
    return tuple(each for each in found if each is not None)


def kept(study: Study) -> tuple[Row, ...]:
    """The compressed candidates that may be recommended."""
    baseline, *others = study.rows
    return tuple(row for row in others if row.unavailable is None and acceptable(row, baseline))


def fastest(rows: Sequence[Row]) -> Row | None:
    """The row with the highest speed-up among those measurably faster, or None."""
    timed = [(row, row.speedup) for row in rows if row.speedup is not None]
    faster = [(row, ratio) for row, ratio in timed if ratio.verdict == Verdict.FASTER]
    return max(faster, key=lambda pair: pair[1].ratio)[0] if faster else None


def _speed(study: Study) -> Headline | None:
    baseline = study.rows[0].timing
    if baseline is None:
        return None
    before = seconds_text(baseline.median_seconds)
    row = fastest(kept(study))
    if row is None:
        detail = f"nothing that keeps the {_merit(study)} is measurably faster than {before}"
        detail += _elsewhere(study) + _too_costly(study)
        return Headline(saves="Time", value="no gain", detail=detail, row=None)
    after = seconds_text(row.timing.median_seconds if row.timing else None)
    return Headline(
        saves="Time",
        value=f"{_times(row)} as fast",
        detail=f"{before} → {after}{_too_costly(study)}",
        row=row,
    )


def _too_costly(study: Study) -> str:
    """The fastest of all with what it loses, as the end of a sentence; nothing if it is kept."""
    row = fastest(study.rows[1:])
    if row is None or acceptable(row, study.rows[0]):
        return ""
    return f"; {row.label} is {_times(row)} as fast but {loss_text(study, row)}"


def _elsewhere(study: Study) -> str:
    """The greatest measurable gain at another batch size, as the end of a sentence."""
    gains = [
        (each.speedup.ratio, each.batch_size, row.label)
        for row in kept(study)
        for each in row.at_other_batches
        if each.speedup is not None and each.speedup.verdict == Verdict.FASTER
    ]
    if not gains:
        return ""
    ratio, batch, label = max(gains)
    return f"; with {batch} inputs a call {label} is {ratio:.2f}× as fast"


def _least(
    study: Study,
    saves: str,
    number: Callable[[Row], float | None],
    text: Callable[[float | None], str],
) -> Headline | None:
    before = number(study.rows[0])
    if before is None:
        return None
    able = [(row, value) for row in kept(study) if (value := number(row)) is not None]
    row, least = min(able, key=lambda pair: pair[1], default=(None, before))
    if row is None or least >= before:
        detail = f"nothing that keeps the {_merit(study)} is below {text(before)}"
        return Headline(saves=saves, value="no gain", detail=detail, row=None)
    times = f"{before / least:.1f}× less" if least else "nothing left"
    return Headline(saves=saves, value=times, detail=f"{text(before)} → {text(least)}", row=row)


def accuracy_text(study: Study, row: Row) -> str:
    """What a candidate does to the score, in points; where nothing was scored, its SQNR."""
    before = study.rows[0].score
    if row.score is None or before is None:
        return f"accuracy not measured, {_sqnr_text(row)}"
    change = 100 * (row.score - before)
    name = study.score_name or "score"
    points = f"{change:+.1f}".replace("-", "\N{MINUS SIGN}")
    return f"{name} {share_text(row.score)} ({points} points)"


def loss_text(study: Study, row: Row) -> str:
    """Why a candidate may not be recommended: the points it loses, or how far its outputs move."""
    before = study.rows[0].score
    if row.score is None or before is None:
        return f"does not keep the outputs ({_sqnr_text(row)})"
    return f"loses {100 * (before - row.score):.1f} points of {study.score_name or 'score'}"


def sources(study: Study) -> str:
    """The tables behind the energies that are estimated; empty where there are none."""
    estimates = (row.energy for row in study.rows if row.energy is not None)
    named = (each.source for each in estimates if each.origin != Origin.MEASURED)
    parts = (part for source in named for part in source.split("; "))
    return "; ".join(dict.fromkeys(parts))


def _energy(study: Study) -> Headline | None:
    energy = study.rows[0].energy
    if energy is None:
        return None
    found = _least(study, f"Energy, {energy.origin.value}", _joules, joules_text)
    return None if found is None else replace(found, source=sources(study))


def _merit(study: Study) -> str:
    return "outputs" if study.rows[0].score is None else study.score_name or "score"


def _sqnr_text(row: Row) -> str:
    return "SQNR not known" if row.sqnr_db is None else f"SQNR {row.sqnr_db:.1f} dB"


def _times(row: Row) -> str:
    return "" if row.speedup is None else f"{row.speedup.ratio:.2f}×"


def _disk(row: Row) -> float | None:
    return None if row.footprint is None else row.footprint.bytes_on_disk


def _peak(row: Row) -> float | None:
    return None if row.footprint is None else row.footprint.peak_bytes


def _joules(row: Row) -> float | None:
    return None if row.energy is None else row.energy.joules
