"""Studies for the tests of charts, exports and pages: every kind of row that can occur."""

from dataclasses import replace

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
