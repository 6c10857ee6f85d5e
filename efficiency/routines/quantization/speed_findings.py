"""Why int8 is faster or slower here: fixed costs, what the time goes into, compiler, engine."""

from collections.abc import Sequence
from dataclasses import dataclass

from efficiency.core.quantization import OperatorTime, Quantization, Work
from efficiency.core.units import ratio_text, seconds_text, share_text
from efficiency.core.values import Finding, Row, Timing, Verdict
from efficiency.routines.quantization.operator_times import BETWEEN, shares
from efficiency.routines.quantization.outcome import CONTROL, control_of, method_of

INT8 = ("dynamic", "static", "qat")
MANY = 1e6  # inputs a call from which on "never" is the better word


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Seconds of a call along a straight line through two batch sizes: fixed, and an input."""

    fixed: float
    each: float


def line(row: Row, batch_size: int) -> Line | None:
    """None where only one batch size was timed, or the line has no cost of a call in it."""
    if row.timing is None or not row.at_other_batches:
        return None
    other = row.at_other_batches[0]
    inputs = other.batch_size - batch_size
    each = (other.timing.median_seconds - row.timing.median_seconds) / inputs if inputs else 0.0
    fixed = row.timing.median_seconds - batch_size * each
    return Line(fixed=fixed, each=each) if each > 0 and fixed > 0 else None


def batches(rows: Sequence[Row], found: Quantization, batch_size: int) -> Finding | None:
    """The row that is slower in small batches and faster in large ones, and from where on.

    Of several a static one, and one whose operators were looked at.
    """
    known = {each.row for each in found.operators}
    row = min(
        (each for each in _int8(rows) if _turns(each)),
        key=lambda each: (each.name not in known, method_of(each) != "static"),
        default=None,
    )
    if row is None:
        return None
    other = row.at_other_batches[0]
    first, second = (row.speedup, batch_size), (other.speedup, other.batch_size)
    (slow, few), (fast, many) = sorted((first, second), key=lambda pair: pair[1])
    evidence = [
        f"At batch {few} {ratio_text(slow)}; at batch {many} {ratio_text(fast)}.",
        *_costs(rows[0], row, batch_size),
        *_starts(rows[0], row, found),
    ]
    even = _even(rows[0], row, batch_size)
    return Finding(
        finding=f"{row.label} is slower at batch {few} and faster at batch {many}: int8 makes "
        "inputs cheaper, and calls dearer.",
        evidence=" ".join(evidence),
        next_step=f"Collect inputs into batches of about {many}."
        if even is None
        else f"Collect inputs: it pays from about {even} a call on.",
    )


def _costs(baseline: Row, row: Row, batch_size: int) -> tuple[str, ...]:
    """What a call and an input cost in each; what an input costs, where calls cost nothing."""
    before, after = line(baseline, batch_size), line(row, batch_size)
    if before is not None and after is not None:
        return (
            f"A straight line through both: a call costs {seconds_text(after.fixed)} before its "
            f"first input in int8 and {seconds_text(before.fixed)} in float32; each input then "
            f"costs {seconds_text(after.each)} instead of {seconds_text(before.each)}.",
        )
    if row.timing is None or baseline.timing is None or not baseline.at_other_batches:
        return ()
    int8, float_ = (_inputs(each, batch_size) for each in (row, baseline))
    return (f"An input takes int8 {int8} in these batches, and float32 {float_}.",)


def _inputs(row: Row, batch_size: int) -> str:
    """Seconds of an input at both batch sizes."""
    timed = [(each.batch_size, each.timing) for each in row.at_other_batches]
    if row.timing is not None:
        timed.append((batch_size, row.timing))
    return " and ".join(
        seconds_text(timing.median_seconds / size) for size, timing in sorted(timed, key=_size)
    )


def _size(timed: tuple[int, Timing]) -> int:
    return timed[0]


def _even(baseline: Row, row: Row, batch_size: int) -> int | None:
    """Inputs a call from which on the row is the faster one, by the straight lines."""
    before, after = line(baseline, batch_size), line(row, batch_size)
    if before is None or after is None:
        return None
    if after.each >= before.each or after.fixed <= before.fixed:
        return None
    even = (after.fixed - before.fixed) / (before.each - after.each)
    return max(2, round(even)) if even < MANY else None


def time_spent(rows: Sequence[Row], found: Quantization) -> Finding | None:
    """What a call in int8 spends its time on, for the fastest row that was looked at."""
    known = {each.row for each in found.operators}
    looked = [row for row in _int8(rows) if row.name in known and row.speedup]
    row = max(looked, key=lambda each: each.speedup.ratio if each.speedup else 0, default=None)
    if row is None:
        return None
    own = _of(found, row)
    parts = shares(own)
    floats = [each for each in own if each.work is Work.FLOAT]
    conversions = share_text(parts[Work.CONVERSION])
    evidence = [
        f"{share_text(share)} {work.value}"
        for work, share in sorted(parts.items(), key=lambda each: -each[1])
    ]
    largest = f"; the longest float operation is {floats[0].operator}" if floats else ""
    return Finding(
        finding=f"{share_text(parts[Work.INTEGER])} of a call of {row.label} is int8 arithmetic, "
        f"{conversions} converts between float and int8, {share_text(parts[Work.FLOAT])} is still "
        "float.",
        evidence=f"Of {seconds_text(sum(each.seconds for each in own))}: {', '.join(evidence)}"
        f"{largest}.",
        next_step=_remedy(parts),
    )


def compiler(rows: Sequence[Row]) -> Finding | None:
    """How much of the gain of a compiled int8 row is the compiler's, which float32 gets, too."""
    control = next((row for row in rows if row.name == CONTROL and row.speedup), None)
    if control is None or control.speedup is None:
        return None
    own = [
        (row, row.speedup)
        for row in _int8(rows)
        if row.speedup is not None and control_of(row, rows) is control
    ]
    if not own:
        return None
    row, ratio = max(own, key=lambda pair: pair[1].ratio)
    gain = ratio.ratio / control.speedup.ratio
    apart = ratio.low > control.speedup.high or ratio.high < control.speedup.low
    pays = control.speedup.verdict is Verdict.FASTER
    if not pays:
        finding = (
            f"The compiler does not make float32 faster at this batch size "
            f"({control.speedup.ratio:.2f}×); {row.label} is {gain:.2f} times as fast as that."
        )
        next_step = "Compare at a larger batch: compiled code is called from Python, too."
    elif apart:
        finding = (
            f"Of the {ratio.ratio:.1f}× of {row.label}, the compiler alone gives "
            f"{control.speedup.ratio:.1f}×; int8 gives {gain:.1f}×."
        )
        next_step = "Compile first: that costs no accuracy. Then decide whether int8 is worth it."
    else:
        finding = (
            f"All of the {ratio.ratio:.1f}× of {row.label} is the compiler's: int8 adds nothing "
            "that can be measured."
        )
        next_step = "Compile, and stay in float32 unless the file must be small."
    return Finding(
        finding=finding,
        evidence=f"The same compiler on float32: {ratio_text(control.speedup)}; with int8: "
        f"{ratio_text(ratio)}; both against PyTorch without a compiler{_elsewhere(control, row)}.",
        next_step=next_step,
    )


def _elsewhere(control: Row, row: Row) -> str:
    """The same two at the other batch size."""
    if not control.at_other_batches or not row.at_other_batches:
        return ""
    first, second = (each.at_other_batches[0] for each in (control, row))
    return (
        f"; at batch {first.batch_size} {ratio_text(first.speedup)} and "
        f"{ratio_text(second.speedup)}"
    )


def engine(found: Quantization) -> Finding | None:
    """The fastest and the slowest of the engines."""
    timed = [(each.seconds, each.engine) for each in found.engines if each.seconds]
    if len(timed) < 2:
        return None
    (best, fastest), (worst, slowest) = min(timed), max(timed)
    use = f"Set torch.backends.quantized.engine = {found.engine!r} before loading the model."
    if found.engine != fastest:
        use += f" {fastest} was not asked for, or leads by too little to leave the default for it."
    return Finding(
        finding=f"The engine matters: {slowest} takes {worst / best:.1f}× as long as {fastest}.",
        evidence="The same integers, a call each: "
        + ", ".join(f"{name} {seconds_text(seconds)}" for seconds, name in sorted(timed))
        + ".",
        next_step=use,
    )


def _int8(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if method_of(row) in INT8]


def _of(found: Quantization, row: Row) -> list[OperatorTime]:
    return [each for each in found.operators if each.row == row.name]


def _turns(row: Row) -> bool:
    """Slower at the smaller batch, and faster at the larger one."""
    if row.speedup is None or not row.at_other_batches:
        return False
    other = row.at_other_batches[0].speedup
    if other is None:
        return False
    return {row.speedup.verdict, other.verdict} == {Verdict.FASTER, Verdict.SLOWER}


def _starts(baseline: Row, row: Row, found: Quantization) -> tuple[str, ...]:
    """Operators of a small call compared: what converts, and what an operator takes in each."""
    float_, int8 = _of(found, baseline), _of(found, row)
    if not float_ or not int8:
        return ()
    per_call = [_each(times) for times in (int8, float_)]
    converting = sum(each.seconds for each in int8 if each.work is Work.CONVERSION)
    return (
        f"Operators take {seconds_text(per_call[0])} each in int8 and {seconds_text(per_call[1])} "
        f"in float32 at the batch size of this run; {seconds_text(converting)} convert.",
    )


def _each(times: Sequence[OperatorTime]) -> float:
    """Mean seconds of an operator that computes."""
    computing = [each for each in times if each.operator != BETWEEN and each.work is not Work.OTHER]
    calls = sum(each.calls for each in computing)
    return sum(each.seconds for each in computing) / calls if calls else 0.0


def _remedy(parts: dict[Work, float]) -> str:
    if parts[Work.FLOAT] > 0.3:
        return "A method that covers the float operators, too, is what can still be gained."
    if parts[Work.CONVERSION] > 0.2:
        return "Fewer changes between float and int8 help: static quantization of neighbours."
    if parts[Work.OTHER] > 0.3:
        return "A compiler, or larger batches: much of the time is neither arithmetic nor copies."
    return "It is int8 where it counts; what is left is the engine's and the machine's."
