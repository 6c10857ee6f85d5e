"""Automatic mixed precision: what was seen while a network was trained with it and without.

But for the prediction nothing here is computed from a formula: curves, dtypes, exponents and scales
are recorded from the real run. `efficiency.core.values.Study` carries one MixedPrecision beside its
rows.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSizes:
    """How much is trained: steps of `batch_size` examples, `batches` of them in each epoch.

    `width` and `layers` are those of the tutorial's network, None for any other.
    """

    batch_size: int
    batches: int
    epochs: int
    width: int | None = None
    layers: int | None = None

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.batches * self.epochs


# The sizes of the mlp. With the quick ones arithmetic still takes most of a step, and all are
# multiples of 8, as the tutorial's are.
PRESETS = {
    "quick": TrainingSizes(batch_size=512, batches=20, epochs=3, width=1024, layers=3),
    "tutorial": TrainingSizes(batch_size=512, batches=50, epochs=3, width=4096, layers=3),
}
MLP_RATE = 1e-3  # of SGD


@dataclass(frozen=True, slots=True, kw_only=True)
class LossCurve:
    """Training loss of one candidate (`row` is the name of its row), one value a step.

    NaN and infinity are None: the loss was there, and no number.
    """

    row: str
    losses: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorDtype:
    """How often an operator ran in a dtype in one step of one candidate.

    `operator` is what ran, and `function` what was called in the forward pass to run it (addmm
    for linear); None in the other passes, which nobody calls by name. `dtype` is that of its
    floating-point arguments and results, with an arrow from the former to the latter where they
    differ ("float32 → bfloat16").
    `listed` is what PyTorch's documentation of autocast promises for the function, or for the
    operator, on this device: "lower precision", "float32", "widest input"; None where it is not in
    its lists, and outside of the forward pass, where autocast is off.
    """

    operator: str
    dtype: str
    forward: int
    backward: int
    listed: str | None
    function: str | None = None
    update: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientExponents:
    """Gradients of one real step, by exponent, and what float16 does to them.

    counts[i] numbers have floor(log2 |g|) = first + i; `zeros` are exactly 0, `not_finite` are NaN
    or infinite. flushed[k] and overflowed[k] are how many of the numbers that are neither become 0
    or infinite in float16 when all are multiplied by 2^k first.
    """

    first: int
    counts: tuple[int, ...]
    zeros: int
    not_finite: int
    flushed: tuple[int, ...]
    overflowed: tuple[int, ...]

    @property
    def total(self) -> int:
        """All gradients of the step."""
        return sum(self.counts) + self.zeros + self.not_finite


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalerStep:
    """One step of a gradient scaler: the scale the loss was multiplied with, and what came of it.

    `skipped` if an overflow was found, so that the weights were not updated; `next_scale` is the
    scale for the step after (halved after an overflow, doubled after enough steps without).
    """

    scale: float
    skipped: bool
    next_scale: float
    loss: float | None


# How a refusal ends that is for slowness alone: the page offers to start it all the same.
CONFIRM = "confirm it, or choose another precision."


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What mixed precision can gain here, said before it was measured.

    `speedup` comes from the machine's own peaks and the operations counted in one step, None where
    a peak is unknown; `reasons` are sentences with the numbers behind it. `needs_confirmation` says
    why somebody should think twice before starting, None otherwise.
    """

    speedup: float | None
    reasons: tuple[str, ...]
    seconds: float | None = None
    needs_confirmation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPoint:
    """Speed of mixed precision at one size of the tutorial's network, with its interval.

    `speedup` is None where the size was left out, and `unavailable` says why.
    """

    batch_size: int
    width: int
    speedup: float | None
    low: float | None = None
    high: float | None = None
    unavailable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedPrecision:
    """All that was recorded beside the rows of an AMP study.

    `gradients` are those of the parameters, which the update is made of; `activation_gradients`
    those of each layer's output, which in mixed precision flow back through the network in the
    lower precision.
    """

    dtype: str
    prediction: Prediction
    sizes: TrainingSizes | None = None
    curves: tuple[LossCurve, ...] = ()
    operators: tuple[OperatorDtype, ...] = ()
    gradients: GradientExponents | None = None
    activation_gradients: GradientExponents | None = None
    scaler: tuple[ScalerStep, ...] = ()
    sweep: tuple[SweepPoint, ...] = ()
