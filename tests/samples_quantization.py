"""Quantization studies for the tests of charts, exports and pages: small, losing, without data."""

from dataclasses import replace
from math import sin
from random import Random

from efficiency.core.quantization import (
    CalibrationPoint,
    EngineSpeed,
    GraphStep,
    LayerNoise,
    LayerSample,
    MethodAdvice,
    OperatorTime,
    QatSeed,
    Quantization,
    Work,
)
from efficiency.core.requests import QuantizeRequest
from efficiency.core.values import (
    BatchSpeed,
    Coverage,
    Finding,
    Footprint,
    Phase,
    Ratio,
    Row,
    Skipped,
    Study,
    Timing,
    Verdict,
)
from tests.samples import HOSTILE, MARKDOWN, environment

LAYERS = ("conv1", "conv2", "fc1", "fc2", "fc3")
LINEAR = ("fc1", "fc2", "fc3")
TRAINING, NOISE = "training inputs", "random numbers"


def row(
    name: str,
    label: str,
    seconds: float,
    *,
    ratio: float | None = None,
    at_256: float | None = None,
    parameters: int = 61_706,
    disk: int = 247_436,
    score: float | None = 0.9722,
    sqnr_db: float | None = None,
    coverage: Coverage | None = None,
    notes: tuple[str, ...] = (),
) -> Row:
    """A candidate; `seconds` is a call of the baseline, `ratio` how many times as fast it is."""
    others: tuple[BatchSpeed, ...] = ()
    if name == "baseline" or at_256 is not None:
        others = (BatchSpeed(batch_size=256, timing=timing(0.021, at_256), speedup=speed(at_256)),)
    return Row(
        name=name,
        label=label,
        timing=timing(seconds, ratio),
        speedup=speed(ratio),
        at_other_batches=others,
        footprint=Footprint(
            parameters=parameters,
            nonzero=parameters,
            bytes_on_disk=disk,
            bytes_zipped=int(0.92 * disk),
        ),
        score=score,
        sqnr_db=sqnr_db,
        coverage=coverage,
        notes=notes,
    )


def timing(seconds: float, ratio: float | None) -> Timing:
    each = seconds / (ratio or 1.0)
    return Timing(samples=tuple(each * (1 + 0.02 * sin(7 * i)) for i in range(40)))


def speed(ratio: float | None) -> Ratio | None:
    if ratio is None:
        return None
    low, high = 0.97 * ratio, 1.03 * ratio
    verdict = Verdict.FASTER if low > 1.03 else Verdict.SLOWER if high < 0.97 else Verdict.SAME
    return Ratio(ratio=ratio, low=low, high=high, verdict=verdict)


def noise(rows: tuple[str, ...], layers: tuple[str, ...] = LAYERS) -> tuple[LayerNoise, ...]:
    """Noise that grows from layer to layer; dynamic quantization leaves convolutions exact."""
    found = []
    for place, name in enumerate(rows):
        for depth, layer in enumerate(layers):
            exact = name.startswith("dynamic") and layer.startswith("conv")
            found.append(
                LayerNoise(
                    row=name,
                    layer=layer,
                    module="Conv2d" if layer.startswith("conv") else "Linear",
                    weight_sqnr_db=None if exact else 43.0 - 0.7 * place - 0.1 * depth,
                    output_sqnr_db=None if exact else 39.0 - 1.5 * place - 1.6 * depth,
                )
            )
    return tuple(found)


def operators() -> tuple[OperatorTime, ...]:
    """One call each of the baseline, of a dynamic and of a static row; seconds."""
    parts = (
        ("baseline", "aten::mkldnn_convolution", Work.FLOAT, 2, 62e-6),
        ("baseline", "aten::addmm", Work.FLOAT, 3, 41e-6),
        ("baseline", "aten::max_pool2d", Work.FLOAT, 2, 24e-6),
        ("baseline", "aten::relu_", Work.FLOAT, 4, 16e-6),
        ("baseline", "aten::flatten", Work.OTHER, 1, 9e-6),
        ("dynamic-eager", "quantized::linear_dynamic", Work.INTEGER, 3, 52e-6),
        ("dynamic-eager", "aten::mkldnn_convolution", Work.FLOAT, 2, 62e-6),
        ("dynamic-eager", "aten::max_pool2d", Work.FLOAT, 2, 24e-6),
        ("dynamic-eager", "aten::flatten", Work.OTHER, 1, 21e-6),
        ("static-fx", "quantized::conv2d_relu", Work.INTEGER, 2, 96e-6),
        ("static-fx", "quantized::linear_relu", Work.INTEGER, 2, 42e-6),
        ("static-fx", "aten::quantize_per_tensor", Work.CONVERSION, 1, 58e-6),
        ("static-fx", "aten::dequantize", Work.CONVERSION, 1, 29e-6),
        ("static-fx", "quantized::max_pool2d", Work.INTEGER, 2, 77e-6),
        ("static-fx", "aten::flatten", Work.OTHER, 1, 148e-6),
    )
    return tuple(
        OperatorTime(row=name, operator=operator, work=work, calls=calls, seconds=seconds)
        for name, operator, work, calls, seconds in parts
    )


def calibration(*, scores: bool = True) -> tuple[CalibrationPoint, ...]:
    """More inputs, less spread; noise as inputs is a failure at any number of them."""
    found = []
    for samples in (1, 4, 16, 64, 256):
        for seed in range(3):
            lost = 0.05 / samples * (1 + seed)
            found.append(
                CalibrationPoint(
                    source=TRAINING,
                    samples=samples,
                    seed=seed,
                    score=0.9722 - lost if scores else None,
                    sqnr_db=30.0 - 8.0 / samples - seed / samples,
                )
            )
    for seed in range(3):
        found.append(
            CalibrationPoint(
                source=NOISE,
                samples=256,
                seed=seed,
                score=0.61 + 0.02 * seed if scores else None,
                sqnr_db=6.0 + 0.4 * seed,
            )
        )
    return tuple(found)


SEEDS = tuple(
    QatSeed(seed=seed, float_score=score, static_score=score - lost, qat_score=score - kept)
    for seed, score, lost, kept in (
        (0, 0.975, 0.061, 0.003),
        (1, 0.972, 0.047, 0.000),
        (2, 0.978, 0.083, 0.006),
        (3, 0.969, 0.036, -0.003),
        (4, 0.975, 0.055, 0.003),
    )
)


def layer(name: str, module: str, channels: int, inputs: int, *, seed: int = 0) -> LayerSample:
    """Bell-shaped weights, one channel five times as wide as the rest; inputs after a ReLU."""
    chance = Random(seed)  # noqa: S311 - an example, no secret
    shown = (min(channels, 16), min(inputs, 48))
    weights = tuple(
        tuple(round(chance.gauss(0.0, 0.4 if channel == 1 else 0.08), 5) for _ in range(shown[1]))
        for channel in range(shown[0])
    )
    return LayerSample(
        layer=name,
        module=module,
        channels=channels,
        inputs=inputs,
        weights=weights,
        activations=tuple(int(5000 * 0.93**i) + (i == 0) * 40_000 for i in range(96)),
        activation_low=0.0,
        activation_high=6.4,
    )


GRAPH_BEFORE = tuple(
    GraphStep(operator=operator, precision="float32", layer=layer)
    for operator, layer in (
        ("Conv2d", "conv1"),
        ("relu", ""),
        ("max_pool2d", ""),
        ("Conv2d", "conv2"),
        ("relu", ""),
        ("max_pool2d", ""),
        ("flatten", ""),
        ("Linear", "fc1"),
        ("relu", ""),
        ("Linear", "fc2"),
        ("relu", ""),
        ("Linear", "fc3"),
    )
)
GRAPH_AFTER = (
    GraphStep(operator="quantize_per_tensor", precision="float32 → int8"),
    GraphStep(operator="ConvReLU2d", precision="int8", layer="conv1"),
    GraphStep(operator="max_pool2d", precision="int8"),
    GraphStep(operator="ConvReLU2d", precision="int8", layer="conv2"),
    GraphStep(operator="max_pool2d", precision="int8"),
    GraphStep(operator="flatten", precision="int8"),
    GraphStep(operator="LinearReLU", precision="int8", layer="fc1"),
    GraphStep(operator="LinearReLU", precision="int8", layer="fc2"),
    GraphStep(operator="Linear", precision="int8", layer="fc3"),
    GraphStep(operator="dequantize", precision="int8 → float32"),
)


def small() -> Study:
    """LeNet: a third of the bytes, slower at batch 1 and faster at batch 256."""
    whole = Coverage(changed=LAYERS)
    linear = Coverage(
        changed=LINEAR,
        skipped=tuple(
            Skipped(
                layer=each,
                reason="Conv2d: dynamic quantization in PyTorch covers linear and recurrent "
                "layers only",
            )
            for each in ("conv1", "conv2")
        ),
    )
    seconds = 0.000163
    rows = (
        row("baseline", "baseline (fp32)", seconds),
        row("dynamic-eager", "dynamic (eager)", seconds, ratio=0.97, at_256=1.04,
            disk=71_300, sqnr_db=36.1, coverage=linear),
        Row(name="dynamic-torchao", label="dynamic (torchao, compiled)",
            unavailable="There is no C++ compiler, and uncompiled it is slower than float32."),
        row("dynamic-pt2e", "dynamic (pt2e, compiled)", seconds, ratio=1.31, at_256=1.2,
            disk=74_100, sqnr_db=35.7, coverage=linear),
        Row(name="static-eager", label="static (eager)",
            unavailable="The model has no QuantStub, and eager mode cannot add one."),
        row("static-fx", "static (FX)", seconds, ratio=0.35, at_256=1.93,
            disk=75_212, sqnr_db=31.2, coverage=whole,
            notes=("Calibrated on 256 training inputs.",)),
        row("static-pt2e", "static (pt2e, compiled)", seconds, ratio=1.72, at_256=2.61,
            disk=76_400, sqnr_db=30.9, coverage=whole),
        row("qat-fx", "QAT (FX)", seconds, ratio=0.36, at_256=1.9,
            disk=75_212, score=0.975, sqnr_db=24.3, coverage=whole,
            notes=("Fine-tuned for 23 steps with fake quantization.",)),
        row("compiled", "fp32, compiled", seconds, ratio=1.58, at_256=1.22),
    )  # fmt: skip
    named = tuple(each.name for each in rows if each.unavailable is None)[1:-1]
    return Study(
        kind="quantize",
        title="LeNet",
        request=QuantizeRequest(workload="lenet").document(),
        environment=environment(),
        rows=rows,
        notes=("One thread.",),
        findings=(
            Finding(
                finding="Static int8 is the smallest.",
                evidence="75.2 kB against 247 kB.",
                next_step="Put more inputs into one call: at 256 it is 1.93× as fast.",
            ),
        ),
        phases=(Phase(name="calibration", seconds=2.0), Phase(name="timing", seconds=30.0)),
        score_name="accuracy",
        score_count=360,
        score_over="360 held-out digits",
        quantized=Quantization(
            engine="x86",
            advice=MethodAdvice(
                method="static",
                reasons=(
                    "86.0 % of the time of a call goes into convolutions and linear layers whose "
                    "inputs are activations.",
                    "All 5 layers with weights can be quantized with calibrated scales.",
                ),
                held=False,
                outcome="At batch 1 static int8 is 0.35× as fast as float32: little arithmetic.",
            ),
            engines=(
                EngineSpeed(engine="x86", seconds=0.000466),
                EngineSpeed(engine="onednn", seconds=0.000512),
                EngineSpeed(engine="fbgemm", seconds=0.00091),
                EngineSpeed(
                    engine="qnnpack",
                    seconds=None,
                    unavailable="qnnpack has no kernels for per-channel weights here.",
                ),
            ),
            layers=noise(named),
            operators=operators(),
            calibration=calibration(),
            seeds=SEEDS,
            graph_before=GRAPH_BEFORE,
            graph_after=GRAPH_AFTER,
            samples=(
                layer("conv1", "Conv2d", 6, 9),
                layer("conv2", "Conv2d", 16, 54, seed=1),
                layer("fc1", "Linear", 120, 400, seed=2),
            ),
        ),
    )


def losing() -> Study:
    """A network of depthwise convolutions: static int8 loses 6 points, QAT gets them back."""
    study = small()
    assert study.quantized is not None
    seconds = 0.0031
    coverage = Coverage(changed=("stem", "blocks.0", "head"))
    rows = (
        row("baseline", "baseline (fp32)", seconds, score=0.975, disk=910_000, parameters=221_000),
        row("static-fx", "static (FX)", seconds, ratio=2.4, score=0.9139,
            sqnr_db=11.2, disk=270_000, parameters=221_000, coverage=coverage),
        row("qat-fx", "QAT (FX)", seconds, ratio=2.38, score=0.9722,
            sqnr_db=9.1, disk=270_000, parameters=221_000, coverage=coverage),
    )  # fmt: skip
    return replace(
        study,
        title="MobileNetV2 style, on digits",
        request=QuantizeRequest(workload="mobilenet").document(),
        rows=rows,
        findings=(),
        quantized=replace(
            study.quantized,
            advice=MethodAdvice(
                method="qat",
                reasons=("Depthwise convolutions have few weights for each scale.",),
                held=True,
                outcome="QAT keeps the accuracy and static int8 loses 6.1 points.",
            ),
            layers=noise(("static-fx", "qat-fx"), ("stem", "blocks.0", "blocks.1", "head")),
        ),
    )


def untrained() -> Study:
    """BERT-base with random weights: no score, 74 layers, embeddings stay in float32."""
    study = small()
    assert study.quantized is not None
    linears = tuple(f"bert.encoder.layer.{block}.{part}" for block in range(12) for part in (
        "attention.query", "attention.key", "attention.value", "attention.output", "intermediate",
        "output"))  # fmt: skip
    kept = tuple(
        Skipped(layer=f"bert.embeddings.{each}", reason="Embedding: stays in float32")
        for each in ("word", "position", "token_type")
    )
    coverage = Coverage(changed=linears, skipped=kept)
    seconds = 0.31
    rows = (
        row("baseline", "baseline (fp32)", seconds, score=None, disk=437_957_240,
            parameters=109_483_778),
        row("dynamic-eager", "dynamic (eager)", seconds, ratio=3.0, score=None, sqnr_db=28.0,
            disk=181_400_000, parameters=109_483_778, coverage=coverage),
        Row(name="static-fx", label="static (FX)",
            unavailable="torch.fx cannot trace this model."),
        row("dynamic-pt2e", "dynamic (pt2e, compiled)", seconds, ratio=3.4, score=None,
            sqnr_db=27.1, disk=182_100_000, parameters=109_483_778, coverage=coverage),
        row("compiled", "fp32, compiled", seconds, ratio=1.24, score=None, disk=437_957_240,
            parameters=109_483_778),
    )  # fmt: skip
    return replace(
        study,
        title="BERT-base, 128 tokens",
        request=QuantizeRequest(workload="bert", method="dynamic").document(),
        rows=tuple(replace(each, at_other_batches=()) for each in rows),
        findings=(),
        score_name=None,
        score_count=None,
        score_over=None,
        quantized=replace(
            study.quantized,
            advice=MethodAdvice(
                method="dynamic",
                reasons=("97.3 % of the multiply-accumulates are in linear layers.",),
                held=True,
                outcome="Dynamic int8 is 3.4× as fast as float32.",
            ),
            layers=noise(("dynamic-eager", "dynamic-pt2e"), linears),
            calibration=calibration(scores=False),
            seeds=(),
            graph_before=(),
            graph_after=(),
        ),
    )


def hostile() -> Study:
    """Markup wherever a study can carry text from a file."""
    study = small()
    found = study.quantized
    assert found is not None
    bad = LayerNoise(
        row="static-fx", layer=HOSTILE, module=MARKDOWN, weight_sqnr_db=3.0, output_sqnr_db=2.0
    )
    step = GraphStep(operator=HOSTILE, precision=MARKDOWN, layer=HOSTILE)
    timed = OperatorTime(
        row="static-fx", operator=HOSTILE, work=Work.INTEGER, calls=1, seconds=1e-5
    )
    return replace(
        study,
        title=HOSTILE,
        rows=tuple(
            replace(
                each,
                label=HOSTILE if each.name == "static-fx" else each.label,
                coverage=Coverage(changed=(HOSTILE,), skipped=(Skipped(layer="x", reason=HOSTILE),))
                if each.coverage
                else None,
                unavailable=MARKDOWN if each.unavailable else None,
            )
            for each in study.rows
        ),
        caveats=(MARKDOWN,),
        findings=(Finding(finding=HOSTILE, evidence=MARKDOWN, next_step=HOSTILE),),
        quantized=replace(
            found,
            engine=HOSTILE,
            advice=MethodAdvice(method="static", reasons=(HOSTILE,), outcome=MARKDOWN),
            engines=(EngineSpeed(engine=HOSTILE, seconds=None, unavailable=MARKDOWN),),
            layers=(*found.layers, bad),
            operators=(*found.operators, timed),
            calibration=(replace(found.calibration[0], source=HOSTILE), *found.calibration[1:]),
            graph_before=(step, *found.graph_before),
            graph_after=(step, *found.graph_after),
            samples=(replace(found.samples[0], layer=HOSTILE, module=MARKDOWN), *found.samples),
        ),
    )


def bare() -> Study:
    """The first rows of a run that is on its way: nothing beside them yet."""
    study = small()
    return replace(
        study,
        rows=study.rows[:2],
        findings=(),
        complete=False,
        quantized=Quantization(engine=None),
    )
