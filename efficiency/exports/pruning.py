"""What a pruning study comes to: the rows by their part in it, its numbers, how they were made."""

from collections.abc import Iterator, Sequence

from efficiency.charts.pruning import curve
from efficiency.core.pruning import Stored
from efficiency.core.units import (
    BAND_TEXT,
    INTERVAL_TEXT,
    bytes_text,
    ratio_text,
    seconds_text,
    share_text,
    smaller_text,
)
from efficiency.core.values import (
    Ratio,
    Row,
    Study,
    Verdict,
    wilson_interval,
)
from efficiency.exports.columns import grouped
from efficiency.exports.table import card

PRUNED, TUNED, SPARSE = "pruned", "pruned-tuned", "csr-90"
MANY_ZEROS = "zeros-90"
MINUS = "\N{MINUS SIGN}"
FEW = 2  # parameters that are named
METHOD = (
    "Every candidate is saved, loaded again in a fresh process, and called in every round, in "
    "shuffled order, so that a disturbance hits all of them alike. The speed is the median of the "
    f"ratios within the rounds, with its {INTERVAL_TEXT} interval; a candidate is called "
    f"faster or slower only where all of it is more than {BAND_TEXT} away from 1. "
    "Zeros are counted in the files. The curve sets the smallest weights of all layers together "
    "to zero; where it says fine-tuned, the network was trained on with those zeros kept, and the "
    "point at no zeros for as long. A file in CSR holds the matrices of the layers as values, "
    "column indices and row pointers. Multiply-accumulates are promised from the shapes that a "
    "plan of removal leaves, and counted while the smaller network runs."
)
FORMULA = (
    "y = w₁x₁ + w₂x₂ + …     a term with w = 0 is multiplied and added like any other\n"
    "dense file: parameters × 4 bytes     CSR: nonzeros × (4 bytes of value + bytes of its index)\n"
    "MACs of a layer = positions × inputs × outputs: half of the channels on both sides, a quarter"
)


def named(study: Study, name: str) -> Row | None:
    """The row of that name, None where it is not in the study or could not be measured."""
    return next((row for row in study.rows if row.name == name and row.unavailable is None), None)


def removed(study: Study) -> Row | None:
    """The row without channels, if it was measured."""
    found = None if study.pruned is None else study.pruned.removal
    return None if found is None else named(study, found.row)


def stored(study: Study, row: Row) -> Stored | None:
    """What its file would be in CSR, if that was computed."""
    found = () if study.pruned is None else study.pruned.stored
    return next((each for each in found if each.row == row.name), None)


def zeros_row(study: Study) -> Row | None:
    """The row that answers what 90 % zeros do; the most zeros where there is no such row."""
    row = named(study, MANY_ZEROS)
    found = curve(study)
    return row or (found[-1][1] if len(found) > 1 else named(study, PRUNED))


def zeros_share(study: Study, row: Row) -> float | None:
    """The share of zeros among the weights that are pruned, or else among all parameters."""
    footprint = row.footprint
    for each in study.rows:  # the row that computes in CSR has as many zeros as another one
        found = stored(study, each)
        other = each.footprint
        if found is not None and other is not None and footprint is not None:
            numbers = (footprint.parameters, footprint.nonzero)
            if each is row or (other.parameters, other.nonzero) == numbers:
                return found.sparsity
    return None if footprint is None else 1 - footprint.nonzero / footprint.parameters


def lede(study: Study) -> str:
    """What was asked and how much of the weights it set to zero."""
    found, row = study.pruned, named(study, PRUNED)
    if found is None or row is None or row.footprint is None:
        return "No pruned network has been measured yet."
    count = len(found.parameters)
    where = ", ".join(found.parameters) if count <= FEW else f"the weights of {count} layers"
    zeros = row.footprint.parameters - row.footprint.nonzero
    return (
        f"{row.label}, on {where or 'all weights'}: {grouped(zeros)} of "
        f"{grouped(row.footprint.parameters)} parameters are zero now."
    )


def pruning_cards(study: Study, predicted: Sequence[tuple[str, float]] = ()) -> str:
    """The headline numbers as HTML; `predicted` is what the visitor said before, by title."""
    cards = "".join(card(*each) for each in _cards(study, predicted))
    return f'<div class="lab-cards">{cards}</div>' if cards else ""


def _cards(study: Study, predicted: Sequence[tuple[str, float]]) -> Iterator[tuple[str, ...]]:
    baseline, pruned = study.rows[0], named(study, PRUNED)
    if pruned is not None:
        yield from _score_card(study, baseline, pruned)
        yield from _file_card(study, baseline, pruned)
    zeros, fewer = zeros_row(study), removed(study)
    for row in (zeros, fewer):
        if row is not None and row.speedup is not None:
            yield speed_card(study, row, row.speedup)
    for title, value in predicted:
        yield f"You predicted: {title}", f"{value:g}×"


def _score_card(study: Study, baseline: Row, pruned: Row) -> Iterator[tuple[str, ...]]:
    """The score before, pruned and fine-tuned; without data the noise."""
    if pruned.score is None or baseline.score is None:
        if pruned.sqnr_db is not None:
            yield "Outputs", f"SQNR {pruned.sqnr_db:.1f} dB", "accuracy not measured: no data"
        return
    tuned = named(study, TUNED)
    last = tuned if tuned is not None and tuned.score is not None else pruned
    points = f"{100 * ((last.score or 0) - baseline.score):+.1f}".replace("-", MINUS)
    said = f"{share_text(baseline.score)} before, {share_text(pruned.score)} pruned"
    said += "" if last is pruned else f", {share_text(last.score)} fine-tuned"
    name = (study.score_name or "score").capitalize()
    yield f"{name}, {pruned.label}", f"{points} points", said


def _file_card(study: Study, baseline: Row, pruned: Row) -> Iterator[tuple[str, ...]]:
    before, after = baseline.footprint, pruned.footprint
    if before is None or after is None or not before.bytes_on_disk or not after.bytes_on_disk:
        return
    times = before.bytes_on_disk / after.bytes_on_disk
    details = [f"{bytes_text(before.bytes_on_disk)} → {bytes_text(after.bytes_on_disk)}"]
    if before.bytes_zipped and after.bytes_zipped:
        details.append(
            f"zipped {bytes_text(before.bytes_zipped)} → {bytes_text(after.bytes_zipped)}"
        )
    yield f"File, {pruned.label}", smaller_text(times), ", ".join(details)


def speed_card(study: Study, row: Row, ratio: Ratio) -> tuple[str, ...]:
    """Title, ratio, interval with verdict, and the times of a call."""
    before, after = study.rows[0].timing, row.timing
    times = ""
    if before is not None and after is not None:
        times = f"{seconds_text(before.median_seconds)} → {seconds_text(after.median_seconds)}"
    found = None if study.pruned is None else study.pruned.removal
    if found is not None and found.row == row.name and found.macs_after:
        fewer = found.macs_before / found.macs_after
        times += f", {fewer:.1f} times fewer multiplications"
    return (
        f"One call, {row.label}",
        f"{ratio.ratio:.2f}× as fast",
        f"[{ratio.low:.2f}, {ratio.high:.2f}] {ratio.verdict.value}",
        times,
    )


def measured_facts(study: Study, row: Row, tuned: float | None = None) -> list[tuple[str, ...]]:
    """Name, value and what belongs to it small, of all that was measured of a row.

    tuned: the score after fine-tuning, None where there was none.
    """
    found: list[tuple[str, ...]] = []
    name = (study.score_name or "score").capitalize()
    if row.score is not None:
        found.append((name, share_text(row.score), _interval(row.score, study.score_count)))
    if tuned is not None:
        found.append(
            (f"{name}, fine-tuned", share_text(tuned), _interval(tuned, study.score_count))
        )
    footprint = row.footprint
    if footprint is not None and footprint.bytes_on_disk is not None:
        found.append(("File", bytes_text(footprint.bytes_on_disk), ""))
        if footprint.bytes_zipped is not None:
            found.append(("File, zipped", bytes_text(footprint.bytes_zipped), ""))
    if (csr := stored(study, row)) is not None:
        found.append(("File in CSR", bytes_text(csr.csr_bytes), ""))
    if row.speedup is not None:
        ratio = row.speedup
        span = f"[{ratio.low:.2f}, {ratio.high:.2f}] {ratio.verdict.value}"
        found.append(("Speed of a call", f"{ratio.ratio:.2f}×", span))
    elif row.timing is not None:
        found.append(("Speed of a call", "1×", seconds_text(row.timing.median_seconds)))
    return found


def _interval(score: float, count: int | None) -> str:
    if not count:
        return ""
    low, high = wilson_interval(score, count)
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def in_short(study: Study) -> str:
    """What zeros do and what removal does, in a few words."""
    parts = []
    zeros, fewer = zeros_row(study), removed(study)
    if zeros is not None:
        parts.append(f"{zeros.label}: {ratio_text(zeros.speedup)}")
    if fewer is not None:
        score = "" if fewer.score is None else f", {study.score_name} {share_text(fewer.score)}"
        parts.append(f"{fewer.label}: {ratio_text(fewer.speedup)}{score}")
    return "; ".join(parts)


def same_speed(rows: Sequence[Row]) -> bool:
    """Whether no row is measurably faster or slower than the baseline."""
    return all(row.speedup is None or row.speedup.verdict == Verdict.SAME for row in rows)
