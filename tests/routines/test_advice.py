"""Advice follows from the rows, and says so with their numbers."""

from dataclasses import replace

import pytest

from efficiency.core.values import (
    BatchSpeed,
    Coverage,
    Finding,
    Flops,
    Footprint,
    LayerFlops,
    Ratio,
    Row,
    Timing,
    Verdict,
)
from efficiency.routines import advice

TIMING = Timing(samples=(1e-3,))
FASTER = Ratio(ratio=2.0, low=1.9, high=2.1, verdict=Verdict.FASTER)
SAME = Ratio(ratio=1.0, low=0.95, high=1.05, verdict=Verdict.SAME)
SLOWER = Ratio(ratio=0.5, low=0.4, high=0.6, verdict=Verdict.SLOWER)
FLOPS = Flops(
    total=200, by_layer=(LayerFlops(layer="conv", macs=75), LayerFlops(layer="fc", macs=25))
)


def row(name: str, size: int, speedup: Ratio | None = SAME, **more: object) -> Row:
    made = Row(
        name=name,
        label=name,
        timing=TIMING,
        speedup=speedup,
        score=0.95,
        flops=FLOPS,
        footprint=Footprint(parameters=100, nonzero=100, bytes_on_disk=size, bytes_zipped=size),
    )
    return replace(made, **more)


BASELINE = row("baseline", 400, speedup=None)


def found(*others: Row, count: int | None = 360) -> dict[str, Finding]:
    return {each.finding: each for each in advice.findings((BASELINE, *others), count)}


def test_smallest_and_fastest_must_keep_the_score() -> None:
    good, bad = row("bf16", 200, FASTER), row("int8-static", 100, FASTER, score=0.5)
    sentences = found(good, bad)
    assert "Smallest file that keeps the score: bf16." in sentences
    assert "Fastest file that keeps the score: bf16." in sentences
    assert "2.0 times smaller" in sentences["Smallest file that keeps the score: bf16."].evidence


def test_without_a_score_outputs_decide() -> None:
    baseline = replace(BASELINE, score=None)
    near = row("bf16", 200, score=None, sqnr_db=40.0)
    far = row("int8-dynamic", 100, score=None, sqnr_db=3.0)
    sentences = [each.finding for each in advice.findings((baseline, near, far), None)]
    assert any(each.startswith("Smallest file with outputs close") for each in sentences)
    assert not any("int8" in each for each in sentences if each.startswith("Smallest"))


def test_nothing_faster_is_said() -> None:
    sentence = "No file that keeps the score is measurably faster at this batch size."
    assert "wholly above 1.03" in found(row("bf16", 200))[sentence].evidence
    worse = row("int8-static", 100, FASTER, score=0.5)
    assert "int8-static is: 2.00×" in found(worse)[sentence].evidence
    assert "50.0 %" in found(worse)[sentence].evidence


def test_a_wide_interval_is_not_called_no_gain() -> None:
    wide = Ratio(ratio=1.0, low=0.6, high=1.9, verdict=Verdict.SAME)
    said = found(row("int8-dynamic", 100, wide))
    assert "Whether int8-dynamic is faster here cannot be told." in said
    assert "int8-dynamic is not faster here." not in said
    unclear = BatchSpeed(batch_size=64, timing=TIMING, speedup=wide)
    slow = row("int8-dynamic", 100, SLOWER, at_other_batches=(unclear,))
    assert "too wide to tell" in found(slow)["int8-dynamic is not faster here."].evidence


def test_the_reason_is_told_without_a_larger_batch() -> None:
    partly = row("int8-dynamic", 100, SLOWER, coverage=Coverage(changed=("fc",)))
    said = found(partly)["int8-dynamic is not faster here."]
    assert "25.0 % of the arithmetic" in said.evidence
    assert "left as it was" in said.next_step


@pytest.mark.parametrize(
    ("at_large", "changed", "finding", "next_step"),
    [
        (FASTER, ("conv", "fc"), "because the batch is small", "batches of about 64"),
        (SAME, ("fc",), "is not faster here.", "left as it was"),
        (SLOWER, ("conv", "fc"), "is not faster here.", "another processor"),
    ],
)
def test_why_int8_is_not_faster(
    at_large: Ratio, changed: tuple[str, ...], finding: str, next_step: str
) -> None:
    other = BatchSpeed(batch_size=64, timing=TIMING, speedup=at_large)
    slow = row(
        "int8-static",
        100,
        SLOWER,
        at_other_batches=(other,),
        coverage=Coverage(changed=changed),
    )
    said = next(each for sentence, each in found(slow).items() if finding in sentence)
    assert next_step in said.next_step
    assert "0.50×" in said.evidence


def test_bf16_is_not_blamed_for_the_machine() -> None:
    slow = row("bf16", 200, SLOWER)
    machine = [each.finding for each in advice.findings((BASELINE, slow), 360, SLOWER)]
    model = [each.finding for each in advice.findings((BASELINE, slow), 360, FASTER)]
    sentence = "bf16 is not faster here because this machine's bf16 arithmetic is not."
    assert sentence in machine
    assert sentence not in model
    batched = BatchSpeed(batch_size=64, timing=TIMING, speedup=FASTER)
    pays = replace(slow, at_other_batches=(batched,))
    batch = [each.finding for each in advice.findings((BASELINE, pays), 360, SLOWER)]
    assert "bf16 is not faster here because the batch is small." in batch


def test_zeros_are_not_blamed_where_pruned_is_faster() -> None:
    footprint = Footprint(parameters=100, nonzero=10, bytes_on_disk=400, bytes_zipped=60)
    pruned = row("pruned-90", 400, footprint=footprint)
    assert "Zeros alone do not make a dense model smaller or faster." in found(pruned)
    quick = replace(pruned, speedup=FASTER)
    assert "Zeros alone do not make a dense file smaller." in found(quick)
    assert "90.0 %" in found(quick)["Zeros alone do not make a dense file smaller."].evidence


def test_rows_without_numbers_are_left_out() -> None:
    gap = Row(name="int8-static", label="int8 static", unavailable="no data")
    assert found(row("bf16", 200), gap) == found(row("bf16", 200))
