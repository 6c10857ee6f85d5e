"""Quantization: what each method did to a model, beside the rows of its study.

All of it is read off the float model and the quantized ones, run on the same inputs.
`efficiency.core.values.Study` carries one Quantization.
"""

from dataclasses import dataclass
from enum import StrEnum


class Work(StrEnum):
    """What the time of a call goes into."""

    INTEGER = "int8 arithmetic"
    CONVERSION = "quantize and dequantize"
    FLOAT = "float operations"
    OTHER = "everything else"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSpeed:
    """Seconds a call of the same quantized model with one engine's kernels.

    None where the engine cannot run it, and `unavailable` says why.
    """

    engine: str
    seconds: float | None
    unavailable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerNoise:
    """How far one layer has moved in one row (`row` is its name), in dB; None where it is exact.

    `layer` is its path in the float model. `weight_sqnr_db` compares the weights, `output_sqnr_db`
    the layer's outputs while both models run on the same held-out inputs, so that it holds the
    noise of all layers before.
    """

    row: str
    layer: str
    module: str
    weight_sqnr_db: float | None
    output_sqnr_db: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorTime:
    """An operator of one row: what it works on, and its own seconds in one call of the model."""

    row: str
    operator: str
    work: Work
    calls: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationPoint:
    """Static quantization calibrated on `samples` inputs that `seed` chose.

    `source` says which: "training inputs", or what else to show what happens then.
    """

    source: str
    samples: int
    seed: int
    score: float | None
    sqnr_db: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QatSeed:
    """One network trained with `seed`: its score as it is, quantized afterwards, and with QAT."""

    seed: int
    float_score: float
    static_score: float
    qat_score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphStep:
    """One step of a model as it is run: the operator, what it computes in, and for which layer."""

    operator: str
    precision: str
    layer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSample:
    """Some real numbers of one layer, to be quantized by whoever looks at them.

    `weights[channel]` are weights of one output channel: as many of `channels` and of `inputs` as
    fit, evenly spaced. `activations` counts the layer's inputs on calibration data in equal bins
    from `activation_low` to `activation_high`.
    """

    layer: str
    module: str
    channels: int
    inputs: int
    weights: tuple[tuple[float, ...], ...]
    activations: tuple[int, ...] = ()
    activation_low: float | None = None
    activation_high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodAdvice:
    """Which method suits this model by what it is made of, said before anything was measured.

    `reasons` are sentences with the numbers behind it. `held` is whether the measurement agreed,
    None where it cannot be told, and `outcome` says it in a sentence.
    """

    method: str
    reasons: tuple[str, ...]
    held: bool | None = None
    outcome: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """All that was found out beside the rows of a quantization study.

    `engine` is the one that was used for the rows of the classic back ends.
    """

    engine: str | None
    advice: MethodAdvice | None = None
    engines: tuple[EngineSpeed, ...] = ()
    layers: tuple[LayerNoise, ...] = ()
    operators: tuple[OperatorTime, ...] = ()
    calibration: tuple[CalibrationPoint, ...] = ()
    seeds: tuple[QatSeed, ...] = ()
    graph_before: tuple[GraphStep, ...] = ()
    graph_after: tuple[GraphStep, ...] = ()
    samples: tuple[LayerSample, ...] = ()
