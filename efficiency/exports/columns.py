"""Every number of a row, once: how the CSV writes it (SI units) and how people read it."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TypeVar

from efficiency.core.units import INTERVAL_TEXT, bytes_text, joules_text, seconds_text, share_text
from efficiency.core.values import (
    BatchSpeed,
    Energy,
    PeakMemory,
    Ratio,
    Row,
    Study,
    Verdict,
    wilson_interval,
)
from efficiency.exports.headlines import sources

RANDOM_INPUTS = 8  # where there is no data, a report compares outputs of this many
THIN = "\N{NARROW NO-BREAK SPACE}"
PEAK_KINDS = tuple(each.name for each in fields(PeakMemory))

Cell = str | int | float | None
Value = TypeVar("Value")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`raw` is the value in SI units for machines, `text` the same for people.

    `heading` is None for numbers that people read as part of another column. `small` stands beside
    the number, `below` and `verdict` under it; `note` explains the heading. `main` columns are
    those of the short table; `words` columns hold text that may break into lines.
    """

    csv: str
    raw: Callable[[Row], Cell]
    heading: str | None = None
    text: Callable[[Row], str] = lambda row: ""
    small: Callable[[Row], str] = lambda row: ""
    below: Callable[[Row], str] = lambda row: ""
    verdict: Callable[[Row], Verdict | None] = lambda row: None
    note: str = ""
    main: bool = False
    words: bool = False


def columns(study: Study) -> tuple[Column, ...]:
    """The columns that at least one row fills, in reading order."""
    every = (
        *_sizes(),
        *_speeds(study),
        *_other_batches(study),
        *_quality(study),
        *_peak_parts(),
        *_details(study),
    )
    return tuple(each for each in every if any(each.raw(row) is not None for row in study.rows))


def one_pass(study: Study) -> str:
    """What the numbers of an energy study or of a training are of."""
    inputs = "1 input" if study.batch_size == 1 else f"{study.batch_size} inputs"
    if study.request.get("training") or study.mixed is not None:
        return f"one training step with {inputs}"
    return "one inference" if study.batch_size == 1 else f"one pass with {inputs}"


def _sizes() -> tuple[Column, ...]:
    return (
        Column(
            heading="File",
            csv="bytes_on_disk (B)",
            raw=lambda row: _of(row.footprint, lambda it: it.bytes_on_disk),
            text=lambda row: bytes_text(_of(row.footprint, lambda it: it.bytes_on_disk)),
            note="size of the saved weights",
            main=True,
        ),
        Column(
            heading="Zipped",
            csv="bytes_zipped (B)",
            raw=lambda row: _of(row.footprint, lambda it: it.bytes_zipped),
            text=lambda row: bytes_text(_of(row.footprint, lambda it: it.bytes_zipped)),
            note="the same file in a zip archive",
            main=True,
        ),
    )


def _speeds(study: Study) -> tuple[Column, ...]:
    inputs = "1 input" if study.batch_size == 1 else f"{study.batch_size} inputs"
    call = f"one call with {inputs}" if study.mixed is None else one_pass(study)
    return (
        Column(
            heading="Time",
            csv="median (s)",
            raw=lambda row: _of(row.timing, lambda it: it.median_seconds),
            text=lambda row: seconds_text(_of(row.timing, lambda it: it.median_seconds)),
            note=f"median of {call}",
            main=True,
        ),
        Column(
            heading="Speed",
            csv="speedup (times)",
            raw=lambda row: _of(row.speedup, lambda it: it.ratio),
            text=lambda row: _times(row.speedup) if row.timing else "",
            small=lambda row: _interval(row.speedup),
            verdict=lambda row: _of(row.speedup, lambda it: it.verdict),
            note=f"times as fast as the baseline, with its {INTERVAL_TEXT} interval",
            main=True,
        ),
        Column(csv="speedup_low (times)", raw=lambda row: _of(row.speedup, lambda it: it.low)),
        Column(csv="speedup_high (times)", raw=lambda row: _of(row.speedup, lambda it: it.high)),
        Column(csv="verdict", raw=lambda row: _of(row.speedup, lambda it: it.verdict.value)),
    )


def _other_batches(study: Study) -> tuple[Column, ...]:
    found = sorted({each.batch_size for row in study.rows for each in row.at_other_batches})
    return tuple(column for batch in found for column in _batch(batch))


def _batch(batch: int) -> tuple[Column, ...]:
    def at(row: Row) -> BatchSpeed | None:
        return next((each for each in row.at_other_batches if each.batch_size == batch), None)

    def ratio(row: Row) -> Ratio | None:
        return _of(at(row), lambda it: it.speedup)

    return (
        Column(
            heading=f"Speed at batch {batch}",
            csv=f"speedup at batch {batch} (times)",
            raw=lambda row: _of(ratio(row), lambda it: it.ratio),
            text=lambda row: _times(ratio(row)) if at(row) else "",
            small=lambda row: _interval(ratio(row)),
            verdict=lambda row: _of(ratio(row), lambda it: it.verdict),
            note=f"the same with {batch} inputs in one call",
            main=True,
        ),
        Column(
            heading=f"Time at batch {batch}",
            csv=f"median at batch {batch} (s)",
            raw=lambda row: _of(at(row), lambda it: it.timing.median_seconds),
            text=lambda row: seconds_text(_of(at(row), lambda it: it.timing.median_seconds)),
        ),
        Column(
            csv=f"speedup_low at batch {batch} (times)",
            raw=lambda row: _of(ratio(row), lambda it: it.low),
        ),
        Column(
            csv=f"speedup_high at batch {batch} (times)",
            raw=lambda row: _of(ratio(row), lambda it: it.high),
        ),
    )


def _quality(study: Study) -> tuple[Column, ...]:
    score, count = study.score_name or "score", study.score_count
    estimated = sources(study)
    over = study.score_over or (f"{count} held-out examples" if count else None)
    return (
        Column(
            heading=score.capitalize(),
            csv=f"{score} (share)",
            raw=lambda row: row.score,
            text=lambda row: share_text(row.score),
            small=lambda row: _score_interval(row, count),
            note="share" if over is None else f"share of {over}, with its 95 % interval",
            main=True,
        ),
        Column(
            heading="SQNR",
            csv="sqnr (dB)",
            raw=lambda row: row.sqnr_db,
            text=lambda row: "" if row.sqnr_db is None else f"{row.sqnr_db:.1f} dB",
            note=f"signal to quantization noise against the baseline, {_compared(study)}; "
            "higher is closer",
            main=True,
        ),
        Column(
            heading="Peak memory",
            csv="peak_bytes (B)",
            raw=lambda row: _of(row.footprint, lambda it: it.peak_bytes),
            text=lambda row: bytes_text(_of(row.footprint, lambda it: it.peak_bytes)),
            note="held by tensors during one call",
            main=True,
        ),
        Column(
            heading="Energy",
            csv="energy (J)",
            raw=lambda row: _of(row.energy, lambda it: it.joules),
            text=lambda row: joules_text(_of(row.energy, lambda it: it.joules)),
            small=lambda row: _of(row.energy, _energy_range) or "",
            below=lambda row: "" if row.energy is None else row.energy.origin.value,
            note=f"of {_pass(study)}" + (f"; estimated: {estimated}" if estimated else ""),
            main=True,
        ),
        Column(csv="energy_low (J)", raw=lambda row: _of(row.energy, lambda it: it.low)),
        Column(csv="energy_high (J)", raw=lambda row: _of(row.energy, lambda it: it.high)),
        Column(csv="energy_origin", raw=lambda row: _of(row.energy, lambda it: it.origin.value)),
        Column(csv="energy_source", raw=lambda row: _of(row.energy, lambda it: it.source)),
    )


def _compared(study: Study) -> str:
    """What the noise was computed on; a report without times is one of the weights alone."""
    if study.score_over is not None:
        return "over the outputs of all held-out inputs"
    if study.score_count is not None:
        return f"over the outputs of the {study.score_count} held-out inputs"
    if study.rows[0].timing is None:
        return "over the weights"
    return f"over the outputs of {RANDOM_INPUTS} random inputs"


def _peak_parts() -> tuple[Column, ...]:
    """What the memory at the peak is held for: one cell for people, a column each for machines."""
    people = Column(
        heading="At the peak",
        csv="peak_split",
        raw=lambda row: _of(_peak(row), _peak_text),
        text=lambda row: _of(_peak(row), _peak_text) or "",
        note="what the peak memory is held for",
        words=True,
    )
    return (people, *map(_peak_part, PEAK_KINDS))


def _peak_part(kind: str) -> Column:
    return Column(csv=f"peak_{kind} (B)", raw=lambda row: _of(_peak(row), attrgetter(kind)))


def _peak(row: Row) -> PeakMemory | None:
    return _of(row.footprint, lambda it: it.peak_split)


def _peak_text(peak: PeakMemory) -> str:
    held = [(kind, getattr(peak, kind)) for kind in PEAK_KINDS]
    return ", ".join(f"{bytes_text(size)} {kind}" for kind, size in held if size) or "nothing"


def _pass(study: Study) -> str:
    return "one inference" if study.anatomy is None else one_pass(study)


def _energy_range(energy: Energy) -> str:
    if energy.low is None or energy.high is None or energy.low == energy.high:
        return ""
    return f"[{joules_text(energy.low)}, {joules_text(energy.high)}]"


def _details(study: Study) -> tuple[Column, ...]:
    return (
        Column(
            heading="Parameters",
            csv="parameters",
            raw=lambda row: _of(row.footprint, lambda it: it.parameters),
            text=lambda row: _count(_of(row.footprint, lambda it: it.parameters)),
        ),
        Column(
            heading="Not zero",
            csv="nonzero",
            raw=lambda row: _of(row.footprint, lambda it: it.nonzero),
            text=lambda row: _count(_of(row.footprint, lambda it: it.nonzero)),
        ),
        Column(
            heading="Operations",
            csv="flops (FLOP)",
            raw=lambda row: _of(row.flops, lambda it: it.total),
            text=lambda row: _count(_of(row.flops, lambda it: it.total)),
            note=f"in {_pass(study)}; 1 multiply-accumulate = 2",
        ),
        Column(
            heading="Not counted",
            csv="flops_uncounted",
            raw=lambda row: _of(row.flops, lambda it: ", ".join(it.uncounted)),
            text=lambda row: _of(row.flops, lambda it: ", ".join(it.uncounted) or "none") or "",
            note=f"operators that work in {_pass(study)} but are not part of Operations",
            words=True,
        ),
        Column(
            heading="Quartiles",
            csv="first_quartile (s)",
            raw=lambda row: _of(row.timing, lambda it: it.quartiles_seconds[0]),
            text=lambda row: (
                " to ".join(map(seconds_text, row.timing.quartiles_seconds)) if row.timing else ""
            ),
            note="half of the rounds lie between them",
        ),
        Column(
            csv="third_quartile (s)",
            raw=lambda row: _of(row.timing, lambda it: it.quartiles_seconds[1]),
        ),
        Column(
            heading="95 % under",
            csv="p95 (s)",
            raw=lambda row: _of(row.timing, lambda it: it.p95_seconds),
            text=lambda row: seconds_text(_of(row.timing, lambda it: it.p95_seconds)),
        ),
        Column(
            heading="Rounds",
            csv="rounds (n)",
            raw=lambda row: _of(row.timing, lambda it: len(it.samples)),
            text=lambda row: _count(_of(row.timing, lambda it: len(it.samples))),
        ),
    )


def _of(value: Value | None, read: Callable[[Value], Result]) -> Result | None:
    """What `read` gives for the value, or None where there is no value."""
    return None if value is None else read(value)


def _times(ratio: Ratio | None) -> str:
    return "baseline" if ratio is None else f"{ratio.ratio:.2f}×"


def _interval(ratio: Ratio | None) -> str:
    return "" if ratio is None else f"[{ratio.low:.2f}, {ratio.high:.2f}]"


def _score_interval(row: Row, count: int | None) -> str:
    if row.score is None or not count:
        return ""
    low, high = wilson_interval(row.score, count)
    return f"[{100 * low:.1f}, {100 * high:.1f}]"


def grouped(count: float) -> str:
    """A whole number with its digits in groups of three, which stay on one line."""
    return f"{int(count):,}".replace(",", THIN)


def _count(value: float | None) -> str:
    return "" if value is None else grouped(value)
