"""What a quantization study comes to: which row stands for it, its numbers, and how they were made.

The rows of a study are named <method>-<back end>; `compiled` is float32 through the same compiler,
which tells the overhead that a compiler removes from the arithmetic that int8 saves.
"""

from collections.abc import Iterator, Sequence

from efficiency.core.judgement import acceptable
from efficiency.core.units import (
    ALIKE,
    BAND_TEXT,
    INTERVAL_TEXT,
    bytes_text,
    seconds_text,
    share_text,
)
from efficiency.core.values import (
    BatchSpeed,
    Ratio,
    Row,
    Study,
    Verdict,
)
from efficiency.exports.headlines import accuracy_text
from efficiency.exports.table import card

METHODS = {"dynamic": "dynamic", "static": "static", "qat": "QAT"}
COMPILED = "compiled"
METHOD = (
    "Every candidate is saved, loaded again in a fresh process, and called in every round, in "
    "shuffled order, so that a disturbance hits all of them alike. The speed is the median of the "
    f"ratios within the rounds, with its {INTERVAL_TEXT} interval; a candidate is called "
    f"faster or slower only where all of it is more than {BAND_TEXT} away from 1. "
    "Candidates of torchao and pt2e are compiled before the first round, and compiling is not part "
    "of the times. SQNR compares outputs, and the outputs of layers, of the int8 and the float32 "
    "model on the same held-out inputs; where there are no data, on random ones. Operators are "
    "timed one by one, apart from the rounds."
)
FORMULA = (
    "q = clamp(round(x ÷ scale) + zero point, -128, 127)      x̂ = (q - zero point) × scale\n"
    "SQNR = 10 log10(sum of x² ÷ sum of (x - x̂)²) dB, about 6 dB for every bit"
)


def method_of(row: Row) -> str | None:
    """The quantization method of a row, None for the baseline and for float32 controls."""
    name = row.name.partition("-")[0]
    return name if name in METHODS else None


def measured_rows(study: Study, method: str | None = None) -> tuple[Row, ...]:
    """The int8 rows with times, of one method or of all."""
    return tuple(
        row
        for row in study.rows
        if row.timing is not None
        and (found := method_of(row)) is not None
        and method in (None, found)
    )


def best(study: Study, method: str | None = None) -> Row | None:
    """The fastest int8 row that keeps what the model can do; the fastest of all if none does."""
    rows = measured_rows(study, method)
    kept = [row for row in rows if acceptable(row, study.rows[0])]
    return max(kept or rows, key=_speed, default=None)


def chosen(study: Study) -> Row | None:
    """The row the headline is about, one that keeps what the model can do if there is any.

    The fastest of the advised method if it is faster than float32, else the fastest of any method
    if that is, else the one with the smallest file: then bytes are all that int8 saves here.
    """
    advice = None if study.quantized is None else study.quantized.advice
    advised = None if advice is None else best(study, advice.method)
    for row in (advised, best(study)):
        if row is not None and _faster(row) and acceptable(row, study.rows[0]):
            return row
    return _smallest(study) or best(study)


def _smallest(study: Study) -> Row | None:
    """Of the smallest files that keep what the model can do the fastest, without training first."""
    kept = [row for row in measured_rows(study) if acceptable(row, study.rows[0]) and disk(row)]
    if not kept:
        return None
    least = min(disk(row) or 0 for row in kept)
    small = [row for row in kept if (disk(row) or 0) <= ALIKE * least]
    return max(small, key=lambda row: (method_of(row) != "qat", _speed(row)))


def _faster(row: Row) -> bool:
    return row.speedup is not None and row.speedup.verdict == Verdict.FASTER


def compiled(study: Study) -> Row | None:
    """The control: float32 through the compiler, if it was measured."""
    return next((row for row in study.rows if row.name == COMPILED and row.speedup), None)


def lede(study: Study) -> str:
    """Which row the headline numbers are of, and by which rule."""
    row = chosen(study)
    if row is None:
        return "No int8 candidate has been measured yet."
    kept = "outputs" if study.rows[0].score is None else study.score_name or "score"
    if not acceptable(row, study.rows[0]):
        return f"The numbers of {row.label}, the fastest; no candidate keeps the {kept}."
    if not _faster(row):
        inputs = "1 input" if study.batch_size == 1 else f"{study.batch_size} inputs"
        return (
            f"The numbers of {row.label}: with {inputs} a call nothing that keeps the {kept} is "
            "measurably faster than float32, and this one has the smallest file."
        )
    method = METHODS[method_of(row) or "static"]
    return f"The numbers of {row.label}: the fastest {method} model that keeps the {kept}."


def quantization_cards(study: Study, predicted: Sequence[tuple[str, float]] = ()) -> str:
    """The headline numbers as HTML; `predicted` is what the visitor said before, by title."""
    cards = "".join(card(*each) for each in _cards(study, predicted))
    return f'<div class="lab-cards">{cards}</div>' if cards else ""


def _cards(study: Study, predicted: Sequence[tuple[str, float]]) -> Iterator[tuple[str, ...]]:
    baseline, row = study.rows[0], chosen(study)
    if row is not None:
        if (times := times_smaller(baseline, row)) is not None:
            yield "File", f"{times:.2g}× smaller", disk_text(baseline, row)
        yield from _speeds(study, baseline, row)
        yield _quality(study, baseline, row)
    for title, value in predicted:
        yield f"You predicted: {title}", f"{value:g}×"


def _speeds(study: Study, baseline: Row, row: Row) -> Iterator[tuple[str, ...]]:
    if baseline.timing and row.timing and row.speedup:
        before, after = (
            seconds_text(each.median_seconds) for each in (baseline.timing, row.timing)
        )
        yield _speed_card(study.batch_size, row.speedup, f"{before} → {after}")
    for each in row.at_other_batches:
        if each.speedup is not None:
            slow = at_batch(baseline, each.batch_size)
            start = "" if slow is None else f"{seconds_text(slow.timing.median_seconds)} → "
            after = seconds_text(each.timing.median_seconds)
            yield _speed_card(each.batch_size, each.speedup, f"{start}{after}")


def _speed_card(batch_size: int, ratio: Ratio, times: str) -> tuple[str, ...]:
    inputs = "1 input" if batch_size == 1 else f"{batch_size} inputs"
    return (
        f"A call with {inputs}",
        f"{ratio.ratio:.2f}× as fast",
        f"[{ratio.low:.2f}, {ratio.high:.2f}] {ratio.verdict.value}",
        times,
    )


def _quality(study: Study, baseline: Row, row: Row) -> tuple[str, ...]:
    """The score where there is one, else the noise."""
    sqnr = "" if row.sqnr_db is None else f"SQNR {row.sqnr_db:.1f} dB"
    if row.score is not None and baseline.score is not None:
        name = (study.score_name or "score").capitalize()
        points = f"{100 * (row.score - baseline.score):+.1f}".replace("-", "\N{MINUS SIGN}")
        before = f"{share_text(baseline.score)} in float32, {points} points"
        return name, share_text(row.score), before, sqnr
    return "Outputs", sqnr or "not compared", "accuracy not measured: there are no data"


def times_smaller(baseline: Row, row: Row) -> float | None:
    """How many times smaller the row's file is."""
    before, after = disk(baseline), disk(row)
    return before / after if before and after else None


def disk(row: Row) -> int | None:
    """Bytes of the row's file."""
    return None if row.footprint is None else row.footprint.bytes_on_disk


def disk_text(baseline: Row, row: Row) -> str:
    """The baseline's file and the row's."""
    return f"{bytes_text(disk(baseline))} → {bytes_text(disk(row))}"


def at_batch(row: Row, batch_size: int) -> BatchSpeed | None:
    """What was measured of the row at another batch size."""
    return next((each for each in row.at_other_batches if each.batch_size == batch_size), None)


def in_short(study: Study, row: Row) -> str:
    """One row in a few words: speed, file, score or noise."""
    parts = [] if row.speedup is None else [f"{row.speedup.ratio:.2f}× as fast"]
    if disk(row) is not None:
        parts.append(bytes_text(disk(row)))
    parts.append(accuracy_text(study, row))
    return ", ".join(parts)


def _speed(row: Row) -> float:
    return 0.0 if row.speedup is None else row.speedup.ratio
