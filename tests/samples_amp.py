"""AMP studies for the tests of charts, exports and pages: where it loses, where it wins."""

from dataclasses import replace
from math import exp, sin

from efficiency.core.mixed import (
    GradientExponents,
    LossCurve,
    MixedPrecision,
    OperatorDtype,
    Prediction,
    ScalerStep,
    SweepPoint,
    TrainingSizes,
)
from efficiency.core.requests import AmpRequest
from efficiency.core.values import (
    Finding,
    Footprint,
    PeakMemory,
    Phase,
    Ratio,
    Row,
    Study,
    Timing,
    Verdict,
)
from tests.samples import HOSTILE, MARKDOWN, environment

LOWER, FLOAT32, WIDEST = "lower precision", "float32", "widest input"


def row(
    name: str,
    label: str,
    seconds: float,
    *,
    ratio: float | None = None,
    peak: PeakMemory,
    steps: int = 60,
    score: float | None = None,
    notes: tuple[str, ...] = (),
) -> Row:
    """A candidate of a run: `seconds` is a step of fp32, `ratio` how many times as fast it is."""
    each = seconds / (ratio or 1.0)
    speedup = None
    if ratio is not None:
        low, high = 0.985 * ratio, 1.015 * ratio
        verdict = (
            Verdict.FASTER if low > 1.03 else Verdict.SLOWER if high < 1 / 1.03 else Verdict.SAME
        )
        speedup = Ratio(ratio=ratio, low=low, high=high, verdict=verdict)
    return Row(
        name=name,
        label=label,
        timing=Timing(samples=tuple(each * (1 + 0.02 * sin(7 * i)) for i in range(steps))),
        speedup=speedup,
        footprint=Footprint(
            parameters=peak.parameters // 4,
            nonzero=peak.parameters // 4,
            peak_bytes=peak.total,
            peak_split=peak,
        ),
        score=score,
        notes=notes,
    )


def curve(name: str, steps: int, *, start: float, end: float, shift: float = 0.0) -> LossCurve:
    """A loss that falls from start to end, with noise that is the same for all candidates."""
    return LossCurve(
        row=name,
        losses=tuple(
            end + (start - end) * exp(-3 * i / steps) * (1 + 0.1 * sin(11 * i)) + shift * sin(5 * i)
            for i in range(steps)
        ),
    )


def gradients(first: int = -32, peak: int = 53_505) -> GradientExponents:
    """A hill on a logarithmic axis, with the exact answers for every scale that follow from it.

    No number is a power of two, and none lies between float16's largest number and 2^16.
    """
    counts = tuple(max(2, int(peak * exp(-(((i - 18) / 4.5) ** 2)))) for i in range(24))
    exponents = range(first, first + len(counts))

    def total(low: int, high: int) -> int:
        return sum(n for e, n in zip(exponents, counts, strict=True) if low <= e < high)

    return GradientExponents(
        first=first,
        counts=counts,
        zeros=46,
        not_finite=0,
        flushed=tuple(total(-999, -25 - k) for k in range(33)),
        overflowed=tuple(total(16 - k, 999) for k in range(33)),
    )


def scaler_life() -> tuple[ScalerStep, ...]:
    """Starts three doublings too high, then grows every sixth step and falls back at once."""
    found, scale, since = [], 2.0**27, 0
    for i in range(40):
        skipped = scale > 2.0**24
        since = 0 if skipped else since + 1
        after = scale / 2 if skipped else scale * 2 if since == 6 else scale
        since = 0 if since == 6 else since
        found.append(
            ScalerStep(
                scale=scale,
                skipped=skipped,
                next_scale=after,
                loss=None if i == 0 else 1.0 - i / 99,
            )
        )
        scale = after
    return tuple(found)


def sweep(best: float) -> tuple[SweepPoint, ...]:
    """Two batch sizes and eight widths; half of the widths are multiples of 8, the last is out."""
    found = []
    for batch in (64, 512):
        for place, width in enumerate((256, 260, 512, 516, 1024, 1028, 2048, 2052)):
            speedup = best * (0.55 + 0.065 * place) * (1.0 if batch == 512 else 0.9)
            speedup *= 1.0 if width % 8 == 0 else 0.8
            found.append(
                SweepPoint(
                    batch_size=batch,
                    width=width,
                    speedup=speedup,
                    low=0.97 * speedup,
                    high=1.04 * speedup,
                )
            )
    out = replace(found[-1], speedup=None, low=None, high=None, unavailable="It takes too long.")
    return (*found[:-1], out)


def operators(lower: str = "bfloat16", device: str = "cpu") -> tuple[OperatorDtype, ...]:
    """One step of the tutorial's network, as it is recorded on a CPU."""
    back = f"{lower} → float32"
    return (
        operator("_to_copy", f"float32 → {lower}", 7, function="linear"),
        operator("addmm", lower, 3, function="linear", listed=LOWER),
        operator("relu", lower, 2, function="relu"),
        operator("_to_copy", back, 1, function="mse_loss"),
        operator("mse_loss", "float32", 1, function="mse_loss", listed=FLOAT32),
        operator("ones_like", "float32", backward=1),
        operator("mse_loss_backward", "float32", backward=1),
        operator("_to_copy", f"float32 → {lower}", backward=1),
        operator("mm", lower, backward=5),
        operator("sum", lower, backward=3),
        operator("_to_copy", back, backward=6),
        operator("threshold_backward", lower, backward=2),
        operator("add_", "float32", update=6),
    )


def operator(
    name: str,
    dtype: str,
    forward: int = 0,
    backward: int = 0,
    update: int = 0,
    *,
    function: str | None = None,
    listed: str | None = None,
) -> OperatorDtype:
    return OperatorDtype(
        operator=name,
        dtype=dtype,
        forward=forward,
        backward=backward,
        update=update,
        function=function,
        listed=listed,
    )


def many_operators() -> tuple[OperatorDtype, ...]:
    """Sixty of a transformer: all kinds of promise, two dtypes at once, an unlisted function."""
    kinds = (
        operator("embedding", "float32", 1, function="embedding"),
        operator("native_layer_norm", "float32", 5, function="layer_norm"),
        operator("_to_copy", "float32 → bfloat16", 35, function="linear"),
        operator("addmm", "bfloat16", 13, function="linear", listed=LOWER),
        operator(
            "_scaled_dot_product_flash_attention_for_cpu",
            "bfloat16 → bfloat16 + float32",
            2,
            function="scaled_dot_product_attention",
            listed=LOWER,
        ),
        operator("add", "bfloat16 + float32 → float32", 4, function="add"),
        operator("cat", "float32", 1, function="cat", listed=WIDEST),
        operator("_log_softmax", "float32", 1, function="cross_entropy", listed=FLOAT32),
        operator("nll_loss_forward", "float32", 1, function="cross_entropy", listed=FLOAT32),
    )
    others = tuple(
        operator(f"elementwise_{i}", "bfloat16" if i % 3 else "float32", backward=1 + i)
        for i in range(60 - len(kinds))
    )
    return kinds + others


def losing() -> Study:
    """The tutorial's network, quick, on a CPU whose bf16 products are slower than fp32."""
    request = AmpRequest(workload="mlp", sweep=True)
    whole = PeakMemory(
        parameters=12_595_200, gradients=12_595_200, activations=14_680_064, temporary=4_194_304
    )
    mixed = replace(whole, activations=9_437_184, temporary=12_582_912)
    seconds, steps = 0.0621, 60
    rows = (
        row("fp32", "fp32", seconds, peak=whole, notes=("Final loss 1.0021.",)),
        row("amp", "AMP, bf16", seconds, ratio=0.556, peak=mixed, notes=("Final loss 1.0022.",)),
        Row(
            name="autocast",
            label="autocast only, bf16",
            unavailable="In bfloat16 this is AMP itself: see that row.",
        ),
        row("scaler", "GradScaler only, fp32", seconds, ratio=0.953, peak=whole),
        row("disabled", "AMP with enabled=False", seconds, ratio=0.998, peak=whole),
        row("zero-grad", "fp32, zero_grad(set_to_none=False)", seconds, ratio=0.99, peak=whole),
    )
    return Study(
        kind="amp",
        title="MLP, 3 layers 1024 wide, bfloat16",
        request=request.document(),
        environment=environment(),
        rows=rows,
        batch_size=512,
        notes=("One thread: on two cores, two threads wait for each other.",),
        findings=(
            Finding(
                finding="Mixed precision does not pay here.",
                evidence="bfloat16 products run at 84 Gop/s, float32 ones at 157 Gop/s.",
                next_step="Try int8: its products run at 690 Gop/s on this machine.",
            ),
        ),
        phases=(Phase(name="training", seconds=22.0),),
        mixed=MixedPrecision(
            dtype="bfloat16",
            sizes=TrainingSizes(batch_size=512, batches=20, epochs=3, width=1024, layers=3),
            prediction=Prediction(
                speedup=0.58,
                reasons=(
                    "Matrix products were measured just now: 157 Gop/s in float32 and 84 Gop/s in "
                    "bfloat16, 0.54 times as fast.",
                    "The device lists avx512_bf16, which promises faster bfloat16; here that "
                    "misleads.",
                ),
                seconds=31.0,
            ),
            curves=tuple(
                curve(each.name, steps, start=1.02, end=1.0, shift=2e-5 * place)
                for place, each in enumerate(rows)
                if each.timing is not None
            ),
            operators=operators(),
            gradients=gradients(),
            activation_gradients=gradients(first=-38, peak=400_000),
            scaler=scaler_life(),
            sweep=sweep(0.6),
        ),
    )


def winning() -> Study:
    """The tutorial's own sizes in fp16 with loss scaling on a GPU with tensor cores."""
    study = losing()
    assert study.mixed is not None
    request = AmpRequest(workload="mlp", preset="tutorial", dtype="float16", device="cuda")
    whole = PeakMemory(
        parameters=201_375_744, gradients=201_375_744, activations=33_554_432, temporary=8_388_608
    )
    mixed = replace(whole, activations=25_165_824, temporary=117_440_512)
    seconds, steps = 0.01310, 150
    rows = (
        row("fp32", "fp32", seconds, peak=whole, steps=steps),
        row("amp", "AMP, fp16 with loss scaling", seconds, ratio=3.41, peak=mixed, steps=steps),
        row("autocast", "autocast only, fp16", seconds, ratio=3.52, peak=mixed, steps=steps),
        row("scaler", "GradScaler only, fp32", seconds, ratio=0.981, peak=whole, steps=steps),
        row("disabled", "AMP with enabled=False", seconds, ratio=1.001, peak=whole, steps=steps),
        row(
            "zero-grad",
            "fp32, zero_grad(set_to_none=False)",
            seconds,
            ratio=0.94,
            peak=whole,
            steps=steps,
        ),
        row("tf32", "fp32, products in TF32", seconds, ratio=2.6, peak=whole, steps=steps),
    )
    return replace(
        study,
        title="MLP, 3 layers 4096 wide, float16",
        request=request.document(),
        environment=environment(
            device="cuda: Example GPU", features=("sm_80", "tensor cores"), cpu="Example host"
        ),
        rows=rows,
        findings=(
            Finding(
                finding="Mixed precision makes a step 3.41 times as fast.",
                evidence="98 % of a step is matrix products, which tensor cores do in float16.",
                next_step="Use the memory that is saved for larger batches.",
            ),
        ),
        mixed=replace(
            study.mixed,
            dtype="float16",
            sizes=TrainingSizes(batch_size=512, batches=50, epochs=3, width=4096, layers=3),
            prediction=Prediction(speedup=4.1, reasons=("Tensor cores do float16.",), seconds=9.0),
            curves=tuple(curve(each.name, steps, start=1.02, end=1.0) for each in rows),
            operators=operators("float16", "cuda"),
            sweep=sweep(3.6),
        ),
    )


def learning() -> Study:
    """A transformer on real data: accuracy, a loss that falls far, sixty operators, no sweep."""
    study = losing()
    assert study.mixed is not None
    steps = 150
    scores = {"fp32": 0.912, "amp": 0.909, "scaler": 0.912, "disabled": 0.912, "zero-grad": 0.912}
    curves = [curve(name, steps, start=2.9, end=0.12) for name in scores]
    broken = curves[1].losses[:100] + (None,) * 3 + curves[1].losses[103:]
    curves[1] = replace(curves[1], losses=broken)
    return replace(
        study,
        title="Transformer, 64 tokens, bfloat16",
        request=AmpRequest(workload="transformer").document(),
        rows=tuple(replace(each, score=scores.get(each.name)) for each in study.rows),
        score_name="accuracy",
        score_count=600,
        mixed=replace(
            study.mixed,
            sizes=TrainingSizes(batch_size=64, batches=75, epochs=2),
            curves=tuple(curves),
            operators=many_operators(),
            sweep=(),
        ),
    )


def hostile() -> Study:
    """Markup wherever a study can carry text from elsewhere."""
    study = losing()
    assert study.mixed is not None
    bad = operator(HOSTILE, MARKDOWN, 1, function=HOSTILE, listed=HOSTILE)
    return replace(
        study,
        title=HOSTILE,
        rows=(study.rows[0], replace(study.rows[1], label=HOSTILE), *study.rows[2:]),
        caveats=(MARKDOWN,),
        notes=(HOSTILE,),
        findings=(Finding(finding=HOSTILE, evidence=MARKDOWN, next_step=HOSTILE),),
        mixed=replace(
            study.mixed,
            operators=(bad, *study.mixed.operators),
            prediction=replace(study.mixed.prediction, reasons=(HOSTILE, MARKDOWN)),
            sweep=(SweepPoint(batch_size=1, width=8, speedup=None, unavailable=MARKDOWN),),
        ),
    )


def bare() -> Study:
    """The first rows of a run that is still on its way: no curves, no recordings."""
    study = losing()
    assert study.mixed is not None
    return replace(
        study,
        rows=study.rows[:1],
        findings=(),
        complete=False,
        mixed=MixedPrecision(
            dtype="bfloat16", prediction=Prediction(speedup=None, reasons=("Not known.",))
        ),
    )
