"""What a mixed-precision study says in numbers and sentences."""

from collections.abc import Iterator

from efficiency.charts.amp_gradients import lost_text
from efficiency.core.mixed import LossCurve, MixedPrecision
from efficiency.core.published import MIXED_PRECISION, PublishedTraining
from efficiency.core.units import BAND_TEXT, INTERVAL_TEXT, bytes_text, seconds_text, share_text
from efficiency.core.values import Row, Study
from efficiency.exports.columns import grouped
from efficiency.exports.table import card, number_table, plain_table

MIXED = "amp"  # the row that users come for
METHOD = (
    "All candidates start from the same weights and train side by side: in every round each takes "
    "one step on the same batch, in shuffled order, so that a disturbance hits all of them alike. "
    f"The speed is the median of the ratios within the rounds, with its {INTERVAL_TEXT} "
    f"interval, made {BAND_TEXT} wider on both sides for what differs in the next "
    "process; a candidate is called faster or slower only where 1 lies outside of that. The "
    "prediction was made before: every operator of the step takes at least as long "
    "as its operations do at the speed just measured for products of its dtype, and as its bytes "
    "do at the speed of main memory."
)
FORMULA = (
    "time of a step ≥ sum over its operators of "
    "max(operations ÷ peak of their dtype, bytes ÷ memory bandwidth)"
)
PUBLISHED_HEADINGS = ("Trained", "Speed", "Peak memory", "Accuracy", "Source")
NOT_PUBLISHED = "not published"


def row_of(study: Study, name: str = MIXED) -> Row | None:
    """The row of that name, if it has numbers."""
    return next((row for row in study.rows if row.name == name and row.timing is not None), None)


def amp_cards(study: Study, predicted: float | None = None) -> str:
    """The headline numbers as HTML; `predicted` is what the visitor said before."""
    return (
        f'<div class="lab-cards">{"".join(card(*each) for each in _cards(study, predicted))}</div>'
    )


def _cards(study: Study, predicted: float | None) -> Iterator[tuple[str, ...]]:
    baseline, mixed = study.rows[0], row_of(study)
    if mixed is not None and mixed.timing is not None and mixed.speedup is not None:
        before, after = (
            seconds_text(each.timing.median_seconds) if each.timing else ""
            for each in (baseline, mixed)
        )
        ratio = mixed.speedup
        yield (
            "One training step",
            f"{ratio.ratio:.2f}× as fast",
            f"[{ratio.low:.2f}, {ratio.high:.2f}] {ratio.verdict.value}",
            f"{before} → {after}",
        )
    if study.mixed is not None:
        yield from _prediction(study.mixed, mixed)
    if predicted is not None:
        yield ("Your prediction", f"{predicted:g}×")
    if mixed is not None:
        yield from _memory(baseline, mixed)
        yield from _learned(study, baseline, mixed)


def _prediction(found: MixedPrecision, mixed: Row | None) -> Iterator[tuple[str, ...]]:
    speedup = found.prediction.speedup
    if speedup is None:
        yield ("The machine's prediction", "unknown", *found.prediction.reasons[:1])
        return
    off = ""
    if mixed is not None and mixed.speedup is not None:
        times = mixed.speedup.ratio / speedup
        off = f"the measurement is {times:.2f} times that"
    yield ("The machine's prediction", f"{speedup:.2f}×", "from its own peaks", off)


def _memory(baseline: Row, mixed: Row) -> Iterator[tuple[str, ...]]:
    before = None if baseline.footprint is None else baseline.footprint.peak_bytes
    after = None if mixed.footprint is None else mixed.footprint.peak_bytes
    if before and after:
        yield (
            "Peak memory",
            f"{after / before:.2f}× as much",
            f"{bytes_text(before)} → {bytes_text(after)}",
        )


def _learned(study: Study, baseline: Row, mixed: Row) -> Iterator[tuple[str, ...]]:
    """Accuracy where there is one, else the last loss."""
    if baseline.score is not None and mixed.score is not None:
        name = (study.score_name or "score").capitalize()
        yield (name, share_text(mixed.score), f"{share_text(baseline.score)} in fp32")
        return
    losses = [last_loss(study, row.name) for row in (baseline, mixed)]
    if losses[0] is not None and losses[1] is not None:
        yield ("Last loss", f"{losses[1]:.5g}", f"{losses[0]:.5g} in fp32")


def last_loss(study: Study, name: str) -> float | None:
    """The training loss of a row's last step."""
    curves: tuple[LossCurve, ...] = () if study.mixed is None else study.mixed.curves
    return next((each.losses[-1] for each in curves if each.row == name and each.losses), None)


def scales_table(found: MixedPrecision) -> str:
    """The shares that float16 loses at every scale, as HTML: what the slider of the chart shows."""
    kinds = [
        (name, each)
        for name, each in (
            ("weights", found.gradients),
            ("activations", found.activation_gradients),
        )
        if each is not None and each.counts
    ]
    headings = ["Scale", *(f"{name} → {fate}" for name, _ in kinds for fate in ("0", "inf"))]
    scales = range(min((len(each.flushed) for _, each in kinds), default=0))
    lines = [
        (
            f"2^{scale}",
            *(
                lost_text(lost[scale], sum(each.counts))
                for _, each in kinds
                for lost in (each.flushed, each.overflowed)
            ),
        )
        for scale in scales
    ]
    return number_table(headings, lines)


def published_table(study: Study) -> str:
    """This study's own line, then what others have published, as HTML."""
    lines = [*_own_line(study), *(_published_line(each) for each in MIXED_PRECISION)]
    return plain_table(PUBLISHED_HEADINGS, lines)


def _own_line(study: Study) -> Iterator[tuple[str, ...]]:
    baseline, mixed = study.rows[0], row_of(study)
    if mixed is None or mixed.speedup is None or baseline.timing is None or mixed.timing is None:
        return
    steps = len(mixed.timing.samples)
    before, after = (seconds_text(sum(each.samples)) for each in (baseline.timing, mixed.timing))
    memory = ""
    if baseline.footprint is not None and mixed.footprint is not None:
        memory = _bytes(baseline.footprint.peak_bytes, mixed.footprint.peak_bytes)
    accuracy = "not measured"
    if baseline.score is not None and mixed.score is not None:
        accuracy = f"{share_text(baseline.score)} in fp32, {share_text(mixed.score)} mixed"
    environment = study.environment
    machine = dict.fromkeys((environment.device, environment.cpu))  # the same for a CPU
    yield (
        ", ".join((study.title, *machine)),
        f"{mixed.speedup.ratio:.2f}×: {before} → {after} for {steps} steps",
        memory,
        accuracy,
        "measured in this run",
    )


def _published_line(each: PublishedTraining) -> tuple[str, ...]:
    start = "up to " if each.low is None else "" if each.low == each.high else f"{each.low:g} to "
    speed = f"{start}{each.high:.3g}×"
    if each.before is not None and each.after is not None:
        speed += f": {_plain(each.before)} → {_plain(each.after)} {each.unit}"
    return (
        f"{each.what}, {each.lower} against {each.baseline}, {each.hardware}",
        speed,
        _bytes(each.bytes_before, each.bytes_after) or NOT_PUBLISHED,
        each.accuracy or NOT_PUBLISHED,
        f"published: {each.source}",
    )


def _plain(value: float) -> str:
    return grouped(value) if value == int(value) else f"{value:g}"


def _bytes(before: int | None, after: int | None) -> str:
    if not before or not after:
        return ""
    return f"{after / before:.2f}×: {grouped(before)} → {grouped(after)} B"
