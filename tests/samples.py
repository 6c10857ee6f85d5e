"""Studies for the tests of charts, exports and pages: every kind of row that can occur."""

from collections.abc import Iterator
from dataclasses import replace

from efficiency.core.anatomy import Anatomy, Cache, LayerWork, MeterReading, Peak, Spread, Stage
from efficiency.core.energy import FROM_DRAM, estimate
from efficiency.core.requests import EnergyRequest
from efficiency.core.values import (
    Coverage,
    Energy,
    Environment,
    Finding,
    Flops,
    Footprint,
    LayerFlops,
    LayerWeights,
    Origin,
    PeakMemory,
    PrecisionCost,
    Ratio,
    Row,
    Skipped,
    Study,
    Timing,
    Verdict,
)

HOSTILE = "<script>document.title='owned'</script>"
FORMULA = '=HYPERLINK("http://evil","x")'
MARKDOWN = "**bold** `code` [link](http://evil) :smile: $x^2$ # head"

BASELINE_SECONDS = 0.00016


def environment(**changes: object) -> Environment:
    base = Environment(
        measured_at="2026-11-22T10:00:00+00:00",
        device="cpu",
        features=("avx512_vnni", "avx512_bf16"),
        cpu="Example CPU @ 2.60GHz",
        cores=2,
        threads=1,
        memory_bytes=8_000_000_000,
        platform="Linux-6.1-x86_64",
        versions={"torch": "2.13.0", "numpy": "2.4.6"},
        load_before=0.02,
        load_during=0.05,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def row(
    name: str,
    label: str,
    *,
    ratio: float | None,
    spread: float = 0.03,
    verdict: Verdict = Verdict.SAME,
    disk: int = 247_000,
    zipped: int = 228_000,
    nonzero: int = 61_706,
    score: float | None = 0.972,
    sqnr_db: float | None = None,
    coverage: Coverage | None = None,
    notes: tuple[str, ...] = (),
) -> Row:
    seconds = BASELINE_SECONDS / (ratio or 1.0)
    samples = tuple(seconds * (1 + 0.01 * ((i * 7) % 5 - 2)) for i in range(40))
    speedup = None
    if ratio is not None:
        speedup = Ratio(
            ratio=ratio, low=ratio * (1 - spread), high=ratio * (1 + spread), verdict=verdict
        )
    return Row(
        name=name,
        label=label,
        timing=Timing(samples=samples),
        speedup=speedup,
        energy=Energy(
            joules=1.9e-6 * disk / 247_000,
            origin=Origin.ESTIMATED,
            source="Horowitz, ISSCC 2014, 45 nm: arithmetic only",
        ),
        footprint=Footprint(
            parameters=61_706,
            nonzero=nonzero,
            bytes_on_disk=disk,
            bytes_zipped=zipped,
            peak_bytes=disk + 60_000,
        ),
        flops=Flops(total=830_000, by_layer=(LayerFlops(layer="conv1", macs=36_504),)),
        score=score,
        sqnr_db=sqnr_db,
        coverage=coverage,
        notes=notes,
    )


def report() -> Study:
    """Twelve rows: baseline, faster, slower, no difference, unavailable."""
    faster, slower = Verdict.FASTER, Verdict.SLOWER
    skipped = Coverage(
        changed=("fc1", "fc2", "fc3"),
        skipped=(Skipped(layer="conv1", reason="dynamic quantization has no convolution"),),
    )
    rows = (
        row("baseline", "Untouched (fp32)", ratio=None),
        row("bf16", "bfloat16", ratio=0.81, verdict=slower, disk=125_000, zipped=98_000,
            score=0.9722, sqnr_db=46.1),
        row("int8-dynamic", "int8, dynamic", ratio=0.97, spread=0.05, disk=94_000,
            zipped=61_000, sqnr_db=35.0, coverage=skipped),
        row("int8-static", "int8, static", ratio=0.35, verdict=slower, disk=75_000,
            zipped=60_000, sqnr_db=32.4, score=0.9694,
            notes=("Fixed costs of each call outweigh the arithmetic saved.",)),
        row("pruned-50", "Half of the weights zero", ratio=1.01, zipped=140_000,
            nonzero=30_900, score=0.966, sqnr_db=20.0),
        row("pruned-80", "80 % of the weights zero", ratio=0.99, zipped=71_000,
            nonzero=12_600, score=0.842, sqnr_db=7.7),
        row("pruned-90", "90 % of the weights zero", ratio=1.0, zipped=42_000,
            nonzero=6_500, score=0.461, sqnr_db=2.9),
        row("pruned-50-tuned", "Half zero, fine-tuned", ratio=1.0, zipped=141_000,
            nonzero=30_900, score=0.9722),
        row("pruned-80-tuned", "80 % zero, fine-tuned", ratio=1.02, zipped=72_000,
            nonzero=12_600, score=0.9694),
        row("pruned-90-tuned", "90 % zero, fine-tuned", ratio=1.01, zipped=43_000,
            nonzero=6_500, score=0.9639),
        row("compiled", "Compiled", ratio=1.92, spread=0.08, verdict=faster),
        Row(name="fp16", label="float16", unavailable="This CPU has no fp16 arithmetic."),
    )  # fmt: skip
    return Study(
        kind="report",
        title="LeNet on the digits",
        request={
            "kind": "report",
            "device": "cpu",
            "seed": 0,
            "workload": "lenet",
            "model": None,
            "architecture": None,
            "input_shape": None,
            "batch_size": 1,
            "budget_seconds": 30.0,
        },
        environment=environment(),
        rows=rows,
        notes=("Trained here for 25 epochs.",),
        findings=(
            Finding(
                finding="int8 is smaller but not faster here.",
                evidence="75.0 kB against 247 kB, 0.35× the speed at batch 1.",
                next_step="Try a larger batch: the arithmetic then outweighs the fixed costs.",
            ),
        ),
        score_name="accuracy",
        score_count=360,
    )


def detailed() -> Study:
    """A study whose baseline knows what its peak memory is held for and what was not counted."""
    study = report()
    baseline = study.rows[0]
    split = PeakMemory(parameters=247_000, activations=57_000, temporary=3_000)
    known = replace(
        baseline,
        footprint=replace(baseline.footprint, peak_split=split),
        flops=replace(baseline.flops, uncounted=("aten.gelu", "aten.sort")),
    )
    return replace(study, rows=(known, *study.rows[1:]))


def hostile() -> Study:
    """Names as an attacker would choose them, wherever a file can bring a name in."""
    study = report()
    rows = tuple(
        replace(each, label=name)
        for each, name in zip(study.rows[1:4], (HOSTILE, FORMULA, MARKDOWN), strict=True)
    )
    bad = Coverage(changed=(HOSTILE,), skipped=(Skipped(layer=FORMULA, reason=MARKDOWN),))
    return replace(
        study,
        title=HOSTILE,
        rows=(study.rows[0], *rows, replace(study.rows[4], coverage=bad, notes=(HOSTILE,))),
        caveats=(HOSTILE, MARKDOWN),
        notes=(HOSTILE, MARKDOWN),
        findings=(Finding(finding=HOSTILE, evidence=MARKDOWN, next_step=FORMULA),),
        layers=layers((HOSTILE, FORMULA, MARKDOWN, "\x00\x1b[31m" + "x" * 300)),
        environment=environment(disturbed=f"Another process {HOSTILE} used the CPU."),
    )


def layers(names: tuple[str, ...] = ("conv1.weight", "fc1.weight")) -> tuple[LayerWeights, ...]:
    return tuple(
        LayerWeights(
            name=name,
            shape=(120, 400 * (place + 1)),
            dtype="float32",
            parameters=48_000 * (place + 1),
            zeros=3,
            not_finite=0,
            mean=0.0,
            std=0.05,
            low=-0.2,
            high=0.2,
            histogram=tuple(range(0, 200, 10)) + tuple(range(200, 0, -10)),
            precisions=tuple(
                PrecisionCost(precision=precision, bytes=int(48_000 * (place + 1) * size),
                              sqnr_db=noise)
                for precision, size, noise in (
                    ("fp32", 4, None), ("bf16", 2, 56.0), ("fp16", 2, 74.0),
                    ("int8", 1.01, 41.0), ("int4", 0.56, 19.0),
                )
            ),
        )
        for place, name in enumerate(names)
    )  # fmt: skip


def weights() -> Study:
    """The report of a file whose architecture is unknown: sizes and noise, no times."""
    sizes = (("fp32", 576_000, None), ("bf16", 288_000, 56.0), ("int8", 146_000, 41.0))
    rows = tuple(
        Row(
            name=name,
            label=name,
            footprint=Footprint(
                parameters=144_000, nonzero=143_994, bytes_on_disk=disk, bytes_zipped=disk - 9_000
            ),
            sqnr_db=noise,
        )
        for name, disk, noise in sizes
    )
    return replace(
        report(),
        title="unknown.safetensors",
        rows=rows,
        layers=layers(),
        findings=(),
        score_name=None,
        score_count=None,
        request=report().request | {"workload": None, "model": "ab" * 32},
    )


FP32_PEAK, DRAM_BANDWIDTH = 157e9, 12e9
NO_COUNTER = "This machine has no energy counter that PyTorch's user may read."


def work(
    layer: str, module: str, macs: int, *, weights: int, inputs: int, outputs: int, others: int = 0
) -> LayerWork:
    """One layer going forward; `others` are additions besides those of the multiply-accumulates.

    Its time is what 40 Gop/s, 8 GB/s and 5 us a call make of it.
    """
    seconds = 2 * macs / 40e9 + 4 * (weights + inputs + outputs) / 8e9 + 5e-6
    return LayerWork(
        layer=layer,
        module=module,
        stage=Stage.FORWARD,
        macs=macs,
        multiplications=macs,
        additions=macs + others,
        weights=weights,
        inputs=inputs,
        outputs=outputs,
        seconds=Spread(median=seconds, low=0.97 * seconds, high=1.06 * seconds),
    )


def lenet_layers() -> tuple[LayerWork, ...]:
    """LeNet on one 28x28 image: 416,520 multiply-accumulates."""
    return (
        work("conv1", "Conv2d", 117_600, weights=156, inputs=784, outputs=4_704),
        work("", "LeNet", 0, weights=0, inputs=12_688, outputs=9_480),
        work("pool", "AvgPool2d", 0, weights=0, inputs=6_304, outputs=1_576, others=4_728),
        work("conv2", "Conv2d", 240_000, weights=2_416, inputs=1_176, outputs=1_600),
        work("fc1", "Linear", 48_000, weights=48_120, inputs=400, outputs=120),
        work("fc2", "Linear", 10_080, weights=10_164, inputs=120, outputs=84),
        work("fc3", "Linear", 840, weights=850, inputs=84, outputs=10),
    )


def deep_layers() -> Iterator[LayerWork]:
    """A residual network of 160 layers on a 224x224 image, as large as ResNet-50."""

    def block(name: str, into: int, out: int, kernel: int, size: int) -> Iterator[LayerWork]:
        numbers, weights = out * size * size, kernel * kernel * into * out
        yield work(
            f"{name}.convolution",
            "Conv2d",
            weights * size * size,
            weights=weights,
            inputs=into * size * size,
            outputs=numbers,
        )
        yield replace(
            work(
                f"{name}.normalization",
                "BatchNorm2d",
                0,
                weights=4 * out,
                inputs=numbers,
                outputs=numbers,
                others=numbers,
            ),
            multiplications=numbers,
        )
        yield work(f"{name}.activation", "ReLU", 0, weights=0, inputs=numbers, outputs=numbers)

    yield from block("embedder.embedder", 3, 64, 7, 112)
    into = 64
    for stage, (width, blocks, size) in enumerate(
        ((64, 3, 56), (128, 4, 28), (256, 6, 14), (512, 3, 7))
    ):
        for place in range(blocks):
            path = f"encoder.stages.{stage}.layers.{place}"
            if place == 0:
                yield from block(f"{path}.shortcut", into, 4 * width, 1, size)
            yield from block(f"{path}.layer.0", into, width, 1, size)
            yield from block(f"{path}.layer.1", width, width, 3, size)
            yield from block(f"{path}.layer.2", width, 4 * width, 1, size)
            into = 4 * width
    yield work("classifier.1", "Linear", 2_048_000, weights=2_049_000, inputs=2_048, outputs=1_000)


def step(layers: tuple[LayerWork, ...]) -> tuple[LayerWork, ...]:
    """The same layers in a training step: backward does twice the work, the update its weights."""
    backward = tuple(
        replace(
            each,
            stage=Stage.BACKWARD,
            macs=2 * each.macs,
            seconds=None,
            multiplications=2 * each.multiplications,
            additions=2 * each.additions,
            inputs=2 * each.inputs,
            outputs=each.outputs + each.weights,
        )
        for each in layers
    )
    update = tuple(
        replace(
            each,
            stage=Stage.UPDATE,
            macs=0,
            seconds=None,
            multiplications=each.weights,
            additions=each.weights,
            inputs=each.weights,
            outputs=each.weights,
        )
        for each in layers
        if each.weights
    )
    return (*layers, *backward, *update)


def anatomy(layers: tuple[LayerWork, ...]) -> Anatomy:
    rates = (
        ("fp32", FP32_PEAK, "op"),
        ("bf16", 84e9, "op"),
        ("int8", 690e9, "op"),
        ("DRAM", DRAM_BANDWIDTH, "B"),
        ("L2", 60e9, "B"),
    )
    peaks = tuple(
        Peak(name=name, label=name, unit=unit, per_second=rate) for name, rate, unit in rates
    )
    slow = Peak(
        name="fp16",
        label="fp16",
        unit="op",
        per_second=None,
        unavailable="This CPU has no fp16 arithmetic.",
    )
    return Anatomy(
        layers=layers,
        uncounted=("aten.max", "aten.exp"),
        caches=(Cache(name="L1 data", bytes=32_768), Cache(name="L2", bytes=2_097_152)),
        peaks=(*peaks, slow),
        no_reading=NO_COUNTER,
    )


def energy(
    layers: tuple[LayerWork, ...] | None = None,
    *,
    title: str = "LeNet on the digits",
    batch_size: int = 1,
    training: bool = False,
) -> Study:
    """An energy study of these layers, LeNet's if none are given."""
    layers = lenet_layers() if layers is None else layers
    taken = step(layers) if training else layers
    whole = sum(each.seconds.median for each in layers if each.seconds)
    parameters = sum(each.weights for each in layers)
    estimates = tuple(
        Row(
            name=name,
            label=f"{name}, estimated",
            energy=estimate(taken, {}, FROM_DRAM, batch_size, otherwise=name),
        )
        for name in ("fp32", "fp16", "int8", "int32")
    )
    baseline = replace(
        estimates[0],
        timing=Timing(samples=(whole, 1.02 * whole, 1.1 * whole)),
        footprint=Footprint(parameters=parameters, nonzero=parameters),
        flops=Flops(total=2 * sum(each.macs for each in taken)),
    )
    request = EnergyRequest(workload="lenet", batch_size=batch_size, training=training)
    return Study(
        kind="energy",
        title=title,
        request=request.document(),
        environment=environment(),
        rows=(
            baseline,
            *estimates[1:],
            Row(name="measured", label="Measured", unavailable=NO_COUNTER),
        ),
        batch_size=batch_size,
        anatomy=anatomy(taken),
    )


def metered() -> Study:
    """An energy study of a machine with a counter: 2.4 mJ a pass, far above the estimate."""
    reading = MeterReading(
        counter="RAPL package",
        joules=Spread(median=2.4e-3, low=2.3e-3, high=2.6e-3),
        idle_watts=11.0,
        busy_watts=26.0,
        passes=4_000,
        seconds=0.64,
    )
    study = energy()
    known = replace(study.anatomy, readings=(reading,), no_reading=None)
    joules = Energy(
        joules=2.4e-3, low=2.3e-3, high=2.6e-3, origin=Origin.MEASURED, source="RAPL package"
    )
    measured = Row(name="measured", label="Measured", energy=joules)
    return replace(study, anatomy=known, rows=(*study.rows[:-1], measured))


def hostile_energy() -> Study:
    """Layers named as an attacker would."""
    layers = tuple(
        replace(each, layer=name, module=name)
        for each, name in zip(
            lenet_layers()[2:6], (HOSTILE, FORMULA, MARKDOWN, "\x1b[31m" * 60), strict=True
        )
    )
    return replace(energy(layers, title=HOSTILE), caveats=(MARKDOWN,), notes=(HOSTILE,))
