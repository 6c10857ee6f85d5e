"""What a quantization study says of itself, with the numbers behind it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from efficiency.core.quantization import (
    CalibrationPoint,
    EngineSpeed,
    LayerNoise,
    OperatorTime,
    QatSeed,
    Quantization,
    Work,
)
from efficiency.core.values import (
    BatchSpeed,
    Coverage,
    Finding,
    Flops,
    Footprint,
    LayerFlops,
    Ratio,
    Row,
    Skipped,
    Timing,
    Verdict,
)
from efficiency.routines.quantization.calibration_study import NOT_SCALED, RIGHT
from efficiency.routines.quantization.file_parts import (
    BIASES,
    FLOATS,
    GRAPH,
    HEADER,
    NUMBERS,
    SCALES,
    WEIGHTS8,
    ZERO_POINTS,
    file_parts,
)
from efficiency.routines.quantization.findings import findings
from efficiency.routines.quantization.speed_findings import line
from efficiency.routines.recipes import packing
from tests.routines.quantized import by_fx, images, network

EMPTY = Quantization(engine="x86")


def ratio(value: float) -> Ratio:
    verdict = Verdict.FASTER if value > 1.05 else Verdict.SLOWER if value < 0.95 else Verdict.SAME
    return Ratio(ratio=value, low=value * 0.98, high=value * 1.02, verdict=verdict)


def row(name: str, seconds: float = 1e-3, at_256: float | None = None, **more: object) -> Row:
    """Against a baseline that takes 100 µs for one input and 10 ms for 256."""
    other = ()
    if at_256 is not None:
        timing = Timing(samples=(at_256,))
        other = (BatchSpeed(batch_size=256, timing=timing, speedup=ratio(10e-3 / at_256)),)
    made = Row(
        name=name,
        label=f"<{name}>",
        timing=Timing(samples=(seconds,)),
        speedup=None if name == "baseline" else ratio(100e-6 / seconds),
        at_other_batches=other,
        footprint=Footprint(parameters=1, nonzero=1, bytes_on_disk=4000),
        score=0.97,
    )
    return replace(made, **more)


BASELINE = row("baseline", 100e-6, 10e-3)


def time(name: str, operator: str, work: Work, seconds: float, calls: int = 1) -> OperatorTime:
    return OperatorTime(row=name, operator=operator, work=work, calls=calls, seconds=seconds)


def said(rows: list[Row], found: Quantization = EMPTY, **more: object) -> list[Finding]:
    told = findings((BASELINE, *rows), found, **more)
    for each in told:
        for text in (each.finding, each.evidence, each.next_step):
            assert text.endswith(".")
    return list(told)


def one(told: list[Finding], words: str) -> Finding:
    (found,) = [each for each in told if words in each.finding]
    return found


def test_slower_alone_and_faster_together_is_explained_by_both_costs() -> None:
    static = row("static-fx", 300e-6, 4e-3)
    operators = (
        time("baseline", "conv2d", Work.FLOAT, 60e-6, calls=4),
        time("static-fx", "conv2d_relu", Work.INTEGER, 160e-6, calls=4),
        time("static-fx", "quantize_per_tensor", Work.CONVERSION, 40e-6),
        time("static-fx", "between operators", Work.OTHER, 100e-6),
    )
    told = said([static], replace(EMPTY, operators=operators))
    found = one(told, "slower at batch 1 and faster at batch 256")
    assert "0.33×" in found.evidence
    assert "2.50×" in found.evidence
    # (10 ms - 100 µs) / 255 = 38.8 µs an input, and (4 ms - 300 µs) / 255 = 14.5 µs
    assert "14.5 µs instead of 38.8 µs" in found.evidence
    assert "285 µs before its first input in int8 and 61.2 µs in float32" in found.evidence
    assert "Operators take 40.0 µs each in int8 and 15.0 µs" in found.evidence
    assert "40.0 µs convert" in found.evidence
    # (285.5 - 61.2) / (38.8 - 14.5)
    assert "from about 9 a call on" in found.next_step
    spent = one(told, "is int8 arithmetic")
    assert spent.finding.startswith("53.3 % of a call of <static-fx>")
    assert "13.3 % converts" in spent.finding


def test_without_a_straight_line_the_cost_of_an_input_is_told() -> None:
    """Where the baseline takes more than its share for a large batch."""
    slow = row("baseline", 100e-6, 256 * 120e-6)
    told = findings((slow, row("static-fx", 300e-6, 4e-3)), EMPTY)
    found = one(list(told), "slower at batch 1")
    assert "int8 300 µs and 15.6 µs in these batches, and float32 100 µs and 120 µs" in (
        found.evidence
    )
    assert "batches of about 256" in found.next_step


def test_no_such_sentence_where_it_is_faster_at_once() -> None:
    assert not [each for each in said([row("static-fx", 50e-6, 2e-3)]) if "slower" in each.finding]


def test_lines_need_two_batch_sizes() -> None:
    assert line(row("static-fx"), 1) is None
    found = line(row("static-fx", 110e-6, 110e-6 + 255 * 10e-6), 1)
    assert found is not None
    assert (found.fixed, found.each) == (pytest.approx(100e-6), pytest.approx(10e-6))


def test_the_compilers_part_of_a_gain_is_told_apart() -> None:
    rows = [row("compiled", 50e-6), row("static-pt2e", 20e-6)]
    found = one(said(rows), "the compiler alone gives")
    assert (
        found.finding
    ) == "Of the 5.0× of <static-pt2e>, the compiler alone gives 2.0×; int8 gives 2.5×."
    found = one(said([rows[0], row("static-pt2e", 50e-6)]), "All of the 2.0×")
    assert "nothing" in found.finding
    assert not [each for each in said([row("static-pt2e", 20e-6)]) if "compiler" in each.finding]
    rows = [row("compiled", 200e-6, 2e-3), row("static-pt2e", 100e-6, 1e-3)]
    found = one(said(rows), "does not make float32 faster")
    assert "(0.50×); <static-pt2e> is 2.00 times as fast" in found.finding
    assert "at batch 256 5.00×" in found.evidence


def test_engines_are_compared() -> None:
    engines = (
        EngineSpeed(engine="x86", seconds=1e-3),
        EngineSpeed(engine="qnnpack", seconds=4e-3),
        EngineSpeed(engine="onednn", seconds=None, unavailable="no"),
    )
    found = one(said([], replace(EMPTY, engines=engines)), "engine matters")
    assert "qnnpack takes 4.0× as long as x86" in found.finding


def test_what_keeps_a_file_from_a_quarter_is_named_in_bytes() -> None:
    parts = {"static-fx": {WEIGHTS8: 1000, HEADER: 150, BIASES: 50, SCALES: 30, ZERO_POINTS: 20}}
    found = one(said([row("static-fx")], files=parts), "times smaller")
    assert "3.20 times smaller" in found.finding
    assert "250 B of it" in found.finding
    for words in ("int8 weights take 1,000 B", "names and shapes 150 B", "float biases 50 B"):
        assert words in found.evidence


def test_what_stayed_in_float_has_its_share() -> None:
    layers = (LayerFlops(layer="conv", macs=75), LayerFlops(layer="fc", macs=25))
    dynamic = row(
        "dynamic-eager",
        flops=Flops(total=200, by_layer=layers),
        coverage=Coverage(
            changed=("fc",), skipped=(Skipped(layer="conv", reason="Conv2d: no kernels"),)
        ),
    )
    found = one(said([dynamic]), "in float32")
    assert "75.0 %" in found.finding
    assert found.evidence == "conv. Conv2d: no kernels."


def test_scores_and_noise() -> None:
    assert one(said([row("static-fx")]), "keeps the score")
    found = one(said([row("static-fx", score=0.5), row("qat-fx")]), "loses more than 1 point")
    assert found.finding.startswith("<static-fx> loses")
    both = said([row("static-fx", score=0.5), row("static-eager", score=0.4)])
    assert one(both, "more than 1 point").finding.startswith("<static-fx> and <static-eager> lose ")


def noise(*layers: tuple[str, float]) -> Quantization:
    return replace(
        EMPTY,
        layers=tuple(
            LayerNoise(
                row="static-fx",
                layer=layer,
                module="Conv2d",
                weight_sqnr_db=30.0,
                output_sqnr_db=db,
            )
            for layer, db in layers
        ),
    )


def test_where_noise_enters() -> None:
    static = row("static-fx")
    found = one(said([static], noise(("a", 40.0), ("b", 12.0), ("c", 11.0))), "noise enters most")
    assert "at b: from 40 to 12 dB" in found.finding
    assert "weights by themselves have 30 dB" in found.evidence
    found = one(said([static], noise(("a", 40.0), ("b", 36.0), ("c", 32.0))), "no layer stands out")
    assert "40 dB above the noise after the first layer, 32 dB after the last" in found.evidence


def test_qat_over_all_seeds() -> None:
    seeds = tuple(
        QatSeed(seed=seed, float_score=0.98, static_score=static, qat_score=0.96)
        for seed, static in enumerate((0.5, 0.9, 0.97))
    )
    found = one(said([], replace(EMPTY, seeds=seeds)), "QAT is at least as accurate")
    assert "2 of 3 networks" in found.finding
    assert "+17.0 points" in found.finding
    assert "static 79.0 % in the mean (50.0 % to 97.0 %)" in found.evidence


def test_calibration_says_how_many_are_enough_and_what_is_wrong() -> None:
    def point(source: str, samples: int, db: float, score: float) -> CalibrationPoint:
        return CalibrationPoint(source=source, samples=samples, seed=0, score=score, sqnr_db=db)

    points = (
        point(RIGHT, 1, 10.0, 0.95),
        point(RIGHT, 16, 35.5, 0.97),
        point(RIGHT, 256, 36.0, 0.97),
        point(NOT_SCALED, 256, 0.0, 0.1),
    )
    told = said([], replace(EMPTY, calibration=points))
    assert "1 input, score 95.0 % to 95.0 %, 10 dB" in one(told, "16 calibration inputs").evidence
    hopeless = replace(EMPTY, calibration=(point(RIGHT, 1, 3.0, 0.5), point(RIGHT, 8, 4.0, 0.5)))
    assert "only 4 dB" in one(said([], hopeless), "do not help").finding
    wrong = one(told, "must be like the data")
    assert "256 inputs, score 10.0 % to 10.0 %, 0 dB" in wrong.evidence


def test_nothing_measured_nothing_said() -> None:
    assert said([]) == []
    gap = Row(name="static-fx", label="static", unavailable="no data")
    assert said([gap]) == []
    assert findings((), EMPTY) == ()


def test_parts_of_a_real_file_add_up(tmp_path: Path) -> None:
    inputs = images()
    quantized = by_fx(network(), inputs)
    tensors = packing.pack(quantized.state_dict())
    tensors["embedding.weight"] = torch.zeros(10, 7)
    file = tmp_path / "weights.safetensors"
    save_file(tensors, file)
    parts = file_parts(file)
    assert sum(parts.values()) == file.stat().st_size
    weights = 8 * 3 * 9 + 8 * 9 + 4 * 8 + 5 * 4
    assert parts[WEIGHTS8] == weights
    assert parts[BIASES] == 4 * (8 + 8 + 4 + 5)
    assert parts[FLOATS] == 4 * 70
    assert parts[SCALES] > 0
    assert parts[ZERO_POINTS] > 0
    assert list(parts.values()) == sorted(parts.values(), reverse=True)


def test_parts_of_a_real_program_add_up(tmp_path: Path) -> None:
    model = nn.Linear(100, 100).eval()
    program = torch.export.export(model, (torch.randn(1, 100),))
    file = tmp_path / "model.pt2"
    torch.export.save(program, file)
    parts = file_parts(file)
    assert sum(parts.values()) == file.stat().st_size
    assert parts[NUMBERS] > 4 * 100 * 101
    assert parts[GRAPH] > 0


def test_layers_left_in_float_are_said_to_be_what_makes_the_file_large() -> None:
    """BERT's embeddings are more bytes than its int8 weights; before, scales got the blame."""
    parts = {"dynamic-eager": {WEIGHTS8: 1000, FLOATS: 1100, SCALES: 30}}
    found = one(said([row("dynamic-eager")], files=parts), "times smaller")
    assert "leaves in float32" in found.next_step
