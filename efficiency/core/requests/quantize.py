"""A request to make a model int8."""

from dataclasses import dataclass
from typing import ClassVar

from efficiency.core.errors import BadInput
from efficiency.core.requests.base import TimedRequest, check_known, option

QUANTIZATION_METHODS = ("all", "dynamic", "static", "qat")
BACK_ENDS = ("all", "classic", "torchao", "pt2e")
ENGINES = ("fastest", "x86", "onednn", "fbgemm", "qnnpack")
OBSERVERS = ("histogram", "minmax", "moving-average")
GRANULARITIES = ("per-channel", "per-tensor")
SCHEMES = ("affine", "symmetric")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizeRequest(TimedRequest):
    """A model in int8 by every method that it can take, against itself in float32."""

    kind: ClassVar[str] = "quantize"

    method: str = option(
        "all",
        "dynamic: activations become int8 as they come; static: with scales from calibration; qat: "
        "trained with the rounding; or all of them.",
    )
    back_end: str = option(
        "all",
        "classic: torch.ao, eager and FX; torchao: quantize_; pt2e: an exported graph; the last "
        "two are compiled, which takes a while the first time.",
    )
    engine: str = option(
        "fastest",
        "Kernels of the classic back end: x86, onednn, fbgemm, qnnpack, or the fastest measured.",
    )
    observer: str = option(
        "histogram",
        "How the range of activations is found in calibration: histogram, minmax or "
        "moving-average.",
    )
    granularity: str = option(
        "per-channel",
        "One scale per output channel of the weights (per-channel), or one for all (per-tensor).",
    )
    scheme: str = option(
        "affine", "Activations with a zero point (affine) or without one (symmetric)."
    )
    calibration_samples: int = option(256, "Inputs that static quantization is calibrated on.")
    calibration_seed: int = option(0, "Which training inputs those are.")
    no_fusion: bool = option(False, "Leave convolution, normalization and ReLU apart.")
    qat_epochs: float = option(2.0, "Passes over the training data with fake quantization.")
    seeds: int = option(
        0, "Networks to train, each with a seed of its own, to see how far QAT and static vary."
    )

    def __post_init__(self) -> None:
        TimedRequest.__post_init__(self)
        check_known("method", self.method, QUANTIZATION_METHODS)
        check_known("back end", self.back_end, BACK_ENDS)
        check_known("engine", self.engine, ENGINES)
        check_known("observer", self.observer, OBSERVERS)
        check_known("granularity", self.granularity, GRANULARITIES)
        check_known("scheme", self.scheme, SCHEMES)
        if self.calibration_samples < 1:
            raise BadInput(
                f"{self.calibration_samples} calibration inputs are none; give at least 1."
            )
        if self.calibration_seed < 0:
            raise BadInput(f"The seed is {self.calibration_seed}; it must be 0 or more.")
        if not 0 < self.qat_epochs <= 100:
            raise BadInput("QAT takes more than 0 and at most 100 epochs.")
        if not 0 <= self.seeds <= 20:
            raise BadInput(f"{self.seeds} networks is not between 0 and 20.")
