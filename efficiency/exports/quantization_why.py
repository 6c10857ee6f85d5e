"""Why a quantization study came out as it did: sentences with its own numbers in them."""

from collections.abc import Iterator
from statistics import mean

from efficiency.charts.quantization_calibration import sources, spread
from efficiency.charts.quantization_seeds import change, scores
from efficiency.charts.quantization_time import seconds_of
from efficiency.core.quantization import Quantization, Work
from efficiency.core.units import bytes_text, seconds_text, share_text
from efficiency.core.values import Row, Study, Verdict, wilson_interval
from efficiency.exports.columns import grouped
from efficiency.exports.quantization import (
    at_batch,
    chosen,
    compiled,
    disk,
    disk_text,
    measured_rows,
    times_smaller,
)

FEW = 3  # rows that are named one by one
NAMED = 4  # layers that are named; of more, only how many there are
UNDER_A_COMPILER = ("pt2e", "torchao")  # back ends whose rows run through it


def why(study: Study) -> tuple[tuple[str, str], ...]:
    """Pairs of what a sentence is about and the sentence, as plain text."""
    row = chosen(study)
    if row is None:
        return ()
    return tuple(
        (about, sentence)
        for about, found in (
            ("Size", _size(study, row)),
            ("Speed", _slow_and_fast(study)),
            ("Where the time goes", _time(study, row)),
            ("Compiling", _compiling(study)),
            ("Accuracy", _accuracy(study, row)),
            ("Noise", _noise(study, row)),
            ("Calibration", _calibration(study)),
            ("QAT", _qat(study)),
        )
        if (sentence := " ".join(found))
    )


def _size(study: Study, row: Row) -> Iterator[str]:
    """What the file became, and what keeps it from a quarter."""
    baseline = study.rows[0]
    times, size = times_smaller(baseline, row), disk(row)
    if times is None or size is None or baseline.footprint is None:
        return
    yield (
        f"int8 keeps one byte of every four, so a file could become 4 times smaller; that of "
        f"{row.label} becomes {times:.2f} times smaller ({disk_text(baseline, row)})."
    )
    skipped = () if row.coverage is None else row.coverage.skipped
    floats = "biases and the layers that the method leaves alone" if skipped else "the biases"
    if (rest := size - baseline.footprint.parameters) > 0:
        yield (
            f"A byte for each of the {grouped(baseline.footprint.parameters)} parameters would be "
            f"{bytes_text(baseline.footprint.parameters)}; the other {bytes_text(rest)} are "
            f"{floats}, which stay in float32, scales and zero points, and the description of the "
            "tensors or of the graph."
        )
    if skipped:
        yield f"Left in float32: {_names([each.layer for each in skipped])}."


def _names(layers: list[str]) -> str:
    listed = ", ".join(layers[:NAMED])
    more = len(layers) - NAMED
    return f"{listed} and {more} more" if more > 0 else listed


def _slow_and_fast(study: Study) -> Iterator[str]:
    """Which rows are slower with few inputs, and whether they are faster with many."""
    timed = [(row, row.speedup) for row in measured_rows(study) if row.speedup is not None]
    slow = [(row, ratio) for row, ratio in timed if ratio.verdict == Verdict.SLOWER]
    batch = f"batch {study.batch_size}"
    if len(slow) > FEW:
        ratios = [ratio.ratio for _, ratio in slow]
        yield (
            f"At {batch}, {_of_them(len(slow), len(timed))} int8 candidates are slower than "
            f"float32, {min(ratios):.2f} to {max(ratios):.2f}× as fast{_at_other_batches(study)}."
        )
    elif slow:
        said = (
            f"{row.label} is {ratio.ratio:.2f}× as fast{_elsewhere(row)}" for row, ratio in slow
        )
        yield f"Slower than float32 at {batch}: {'; '.join(said)}."
    if slow:
        yield (
            "A call has costs that are the same for one input and for many: looking up kernels, "
            "wrapping tensors in scale and zero point, converting at the border. With little "
            "arithmetic they are most of the call, with much of it they vanish beside what int8 "
            "saves."
        )
    elif timed:
        yield (
            f"No int8 candidate is measurably slower than float32 at {batch}: a call has enough "
            "arithmetic to pay for the conversions."
        )
    if "avx512_vnni" in study.environment.features:
        yield (
            "This CPU has VNNI: one instruction multiplies and adds 64 pairs of int8 where float32 "
            "has 16, which is where a factor of 4 in arithmetic comes from."
        )


def _of_them(some: int, all_: int) -> str:
    return f"all {all_}" if some == all_ else f"{some} of the {all_}"


def _at_other_batches(study: Study) -> str:
    """How many rows are faster at each other batch size, and the fastest of them."""
    said = ""
    for batch in sorted({each.batch_size for each in study.rows[0].at_other_batches}):
        ratios = [(at_batch(row, batch), row.label) for row in measured_rows(study)]
        faster = [
            (each.speedup.ratio, label)
            for each, label in ratios
            if each is not None
            and each.speedup is not None
            and each.speedup.verdict == Verdict.FASTER
        ]
        if faster:
            most, label = max(faster)
            said += f"; at batch {batch}, {len(faster)} are faster, {label} {most:.2f}×"
    return said


def _elsewhere(row: Row) -> str:
    """Where a row that is slow with few inputs is faster with many."""
    faster = [
        f"{each.speedup.ratio:.2f}× at batch {each.batch_size}"
        for each in row.at_other_batches
        if each.speedup is not None and each.speedup.verdict == Verdict.FASTER
    ]
    return f", but {', '.join(faster)}" if faster else ""


def _time(study: Study, row: Row) -> Iterator[str]:
    """The shares of a call's time, of the chosen row and of the slowest one."""
    found = study.quantized
    if found is None:
        return
    timed = {each.row for each in found.operators}
    slowest = min(measured_rows(study), key=lambda it: it.speedup.ratio if it.speedup else 1.0)
    float_each = _per_call(found, study.rows[0], Work.FLOAT)
    for each in dict.fromkeys((row, slowest)):
        seconds = seconds_of(found.operators, each.name)
        total = sum(seconds.values())
        if each.name not in timed or not total:
            continue
        parts = ", ".join(
            f"{share_text(seconds[work] / total, 0)} {work.value}" for work in Work if seconds[work]
        )
        yield f"In {each.label} the time of a call goes into {parts}."
        own = _per_call(found, each, Work.INTEGER)
        if own is not None and float_each is not None:
            yield (
                f"Its int8 operators take {seconds_text(own)} each, those of float32 "
                f"{seconds_text(float_each)}."
            )


def _per_call(found: Quantization, row: Row, work: Work) -> float | None:
    """Seconds that an operator of this kind takes on average; None where there is none."""
    those = [each for each in found.operators if each.row == row.name and each.work == work]
    calls = sum(each.calls for each in those)
    return sum(each.seconds for each in those) / calls if calls else None


def _compiling(study: Study) -> Iterator[str]:
    """What of the compiled rows' gain is the compiler's, which float32 has too."""
    control = compiled(study)
    if control is None or control.speedup is None:
        return
    rows = [row for row in measured_rows(study) if row.name.partition("-")[2] in UNDER_A_COMPILER]
    for batch in (None, *sorted(each.batch_size for each in control.at_other_batches)):
        alone = _ratio(control, batch)
        able = [(ratio, row.label) for row in rows if (ratio := _ratio(row, batch)) is not None]
        if alone is None or not able:
            continue
        ratio, label = max(able)
        yield (
            f"At batch {batch or study.batch_size} the compiler alone makes float32 {alone:.2f}× "
            f"as fast, without saving any arithmetic. {label} is {ratio:.2f}× as fast, so int8 "
            f"itself is worth {ratio / alone:.2f}×."
        )


def _ratio(row: Row, batch: int | None) -> float | None:
    """Times as fast as the baseline at another batch size; None is that of the request."""
    if batch is None:
        return None if row.speedup is None else row.speedup.ratio
    other = at_batch(row, batch)
    return None if other is None or other.speedup is None else other.speedup.ratio


def _accuracy(study: Study, row: Row) -> Iterator[str]:
    """Whether the scores can be told apart."""
    before, after, count = study.rows[0].score, row.score, study.score_count
    if before is None or after is None:
        yield (
            "It was not measured, since there are no data for this model: SQNR says how far the "
            "outputs moved, not whether the answers are still right."
        )
        return
    change = 100 * (after - before)
    said = f"{share_text(before)} in float32, {share_text(after)} in {row.label}"
    if not count:
        yield f"{said}."
        return
    low, high = wilson_interval(before, count)
    inside = low <= after <= high
    yield (
        f"{said}, {change:+.1f} points. With {study.score_over or f'{count} examples'} the 95 % "
        f"interval of float32 alone is {share_text(low)} to {share_text(high)}, so this is "
        + ("no difference that these data could show." if inside else "more than chance in them.")
    ).replace(" -", " \N{MINUS SIGN}")


def _noise(study: Study, row: Row) -> Iterator[str]:
    """The error of the output beside its size, and where in the network it grows."""
    if row.sqnr_db is None:
        return
    error = 10 ** (-row.sqnr_db / 20)
    yield (
        f"The output of {row.label} has an SQNR of {row.sqnr_db:.1f} dB: its error is "
        f"{share_text(error)} of its size."
    )
    layers = () if study.quantized is None else study.quantized.layers
    known = [
        (each.layer, each.output_sqnr_db)
        for each in layers
        if each.row == row.name and each.output_sqnr_db is not None
    ]
    if len(known) > 1:
        (first, start), (last, end) = known[0], known[-1]
        worst, lowest = min(known, key=lambda pair: pair[1])
        yield (
            f"Layers pass it on: {start:.1f} dB behind {first}, {end:.1f} dB behind {last}"
            + (f", lowest behind {worst} ({lowest:.1f} dB)." if worst not in (first, last) else ".")
        )


def _calibration(study: Study) -> Iterator[str]:
    """How many inputs it takes, in SQNR because scores are coarse."""
    points = () if study.quantized is None else study.quantized.calibration
    points = tuple(each for each in points if each.sqnr_db is not None)
    if not points:
        return
    first, *others = sources(points)
    found = spread([each for each in points if each.source == first], None)
    few, many = min(found), max(found)
    if few != many:
        yield (
            f"With {few} calibration input{'s' if few > 1 else ''} the SQNR is "
            f"{found[few][0]:.1f} to {found[few][2]:.1f} dB, depending on which; with {many} it is "
            f"{found[many][0]:.1f} to {found[many][2]:.1f} dB."
        )
    for source in others:
        wrong = spread([each for each in points if each.source == source], None)
        count = max(wrong)
        yield f"Calibrated on {source} instead it is {wrong[count][1]:.1f} dB."


def _qat(study: Study) -> Iterator[str]:
    found: Quantization | None = study.quantized
    if found is None or not found.seeds:
        return
    static, qat = (mean(scores(each)[stage] for each in found.seeds) for stage in (1, 2))
    yield (
        f"Over {len(found.seeds)} seeds static int8 changes the {study.score_name or 'score'} by "
        f"{change(found.seeds, 1)} points and QAT by {change(found.seeds, 2)}."
    )
    if qat > static:
        yield "Weights that were trained with the rounding in the way have moved out of its way."
