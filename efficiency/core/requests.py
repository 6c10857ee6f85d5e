"""What a user can ask for: one frozen class per routine, with the help text of every field.

A request is plain data, so that it crosses processes as JSON, and `key()` is the same for the same
question: equal requests share one run.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib.metadata import version
from typing import Any, ClassVar

import msgspec

import efficiency
from efficiency.core.errors import BadInput, UnknownName

DEVICES = ("cpu", "cuda")
VERSIONS_THAT_MATTER = ("torch", "torchao", "numpy", "transformers")


def option(default: Any, help: str) -> Any:  # noqa: A002
    """A request field with the help text that the page and the command line both show."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Base of all requests. `seed` makes training and sampling repeatable."""

    kind: ClassVar[str] = ""

    device: str = option("cpu", "Where to run: cpu or cuda.")
    seed: int = option(0, "Seed of everything random: training, calibration order, rounds.")

    def key(self) -> str:
        """Hash of every field that can change the answer, and of the versions that matter."""
        question: dict[str, object] = {each.name: getattr(self, each.name) for each in fields(self)}
        question["kind"] = self.kind
        question["versions"] = {name: version(name) for name in VERSIONS_THAT_MATTER}
        question["efficiency"] = efficiency.__version__
        return hashlib.sha256(msgspec.json.encode(question, order="deterministic")).hexdigest()

    def document(self) -> dict[str, object]:
        """Plain data from which `parse` makes the same request again."""
        return {"kind": self.kind, **msgspec.to_builtins(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest(Request):
    """Base of what is asked about one model: an example workload or an accepted file, not both."""

    workload: str | None = option(None, "An example network instead of a file.")
    model: str | None = option(None, "Id of an accepted file: the hash of its weights.")
    architecture: str | None = option(
        None, "Architecture of the file's weights; recognised from names and shapes if left out."
    )
    input_shape: tuple[int, ...] | None = option(
        None,
        "Shape of an input batch, the batch size first, like 1,3,224,224; the architecture's own "
        "if left out.",
    )
    batch_size: int = option(1, "Inputs in one call: 1 is latency, more is throughput.")

    def __post_init__(self) -> None:
        if (self.workload is None) == (self.model is None):
            raise BadInput("Give either an example workload or a file, not both and not neither.")
        if self.batch_size < 1:
            raise BadInput(f"The batch size is {self.batch_size}; it must be at least 1.")
        if self.seed < 0:
            raise BadInput(f"The seed is {self.seed}; it must be 0 or more.")
        _known("device", self.device, DEVICES)
        if self.input_shape is not None and (not self.input_shape or min(self.input_shape) < 1):
            raise BadInput(
                f"{self.input_shape} is not an input shape; all its numbers must be at least 1."
            )
        if self.input_shape is not None and self.input_shape[0] != self.batch_size:
            raise BadInput(
                f"The input shape begins with {self.input_shape[0]} and the batch size is "
                f"{self.batch_size}; make them the same."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRequest(ModelRequest):
    """Base of what compresses a model in several ways and times the files against each other."""

    budget_seconds: float = option(
        30.0, "Seconds to spend in the timing loops; more gives narrower intervals."
    )

    def __post_init__(self) -> None:
        ModelRequest.__post_init__(self)  # super() does not find its way in a class with slots
        if not 1 <= self.budget_seconds <= 600:
            raise BadInput("The timing budget must be between 1 and 600 seconds.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest(TimedRequest):
    """The compression report of a model."""

    kind: ClassVar[str] = "report"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyRequest(ModelRequest):
    """What one pass through a model costs in energy, layer by layer."""

    kind: ClassVar[str] = "energy"

    training: bool = option(
        False, "Count a training step (forward, backward and update) instead of an inference."
    )


AMP_WORKLOADS = ("mlp", "lenet", "cnn", "transformer")
AMP_PRESETS = ("quick", "tutorial")
AMP_DTYPES = ("bfloat16", "float16")


@dataclass(frozen=True, slots=True, kw_only=True)
class AmpRequest(Request):
    """Training in float32 against automatic mixed precision, on the same data and weights.

    Sizes that are None are those of the preset (mlp) or of the workload.
    """

    kind: ClassVar[str] = "amp"

    workload: str = option(
        "mlp", "What to train: the tutorial's network (mlp) on random data, or one on real data."
    )
    preset: str = option(
        "quick", "Sizes and number of steps: tutorial is the tutorial's own, quick a minute's."
    )
    dtype: str = option("bfloat16", "The lower precision: bfloat16 or float16.")
    batch_size: int | None = option(None, "Examples in a step.")
    width: int | None = option(None, "Inputs and outputs of every layer of the mlp.")
    layers: int | None = option(None, "Linear layers of the mlp.")
    batches: int | None = option(None, "Steps in an epoch.")
    epochs: int | None = option(None, "Passes over the data.")
    sweep: bool = option(False, "Also find out at which batch sizes and widths it pays.")
    confirm_slow: bool = option(
        False, "Start although the prediction says that it will be very slow."
    )

    def __post_init__(self) -> None:
        _known("workload", self.workload, AMP_WORKLOADS)
        _known("preset", self.preset, AMP_PRESETS)
        _known("dtype", self.dtype, AMP_DTYPES)
        _known("device", self.device, DEVICES)
        if self.seed < 0:
            raise BadInput(f"The seed is {self.seed}; it must be 0 or more.")
        for name in ("batch_size", "width", "layers", "batches", "epochs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise BadInput(f"The {name.replace('_', ' ')} is {value}; it must be at least 1.")


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
        _known("method", self.method, QUANTIZATION_METHODS)
        _known("back end", self.back_end, BACK_ENDS)
        _known("engine", self.engine, ENGINES)
        _known("observer", self.observer, OBSERVERS)
        _known("granularity", self.granularity, GRANULARITIES)
        _known("scheme", self.scheme, SCHEMES)
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


def parse_shape(text: str) -> tuple[int, ...] | None:
    """The shape that somebody typed, like 1,3,224,224; None for nothing. Raises BadInput."""
    if not text.strip():
        return None
    try:
        return tuple(int(size) for size in text.split(","))
    except ValueError:
        raise BadInput(
            f"{text!r} is not an input shape; write whole numbers with commas, like 1,3,224,224."
        ) from None


def _known(what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise UnknownName(what, name, known)


REQUESTS: dict[str, type[Request]] = {
    each.kind: each for each in (AmpRequest, EnergyRequest, QuantizeRequest, ReportRequest)
}


def parse(document: Mapping[str, object]) -> Request:
    """The request that `Request.document` was made from. Raises BadInput if it is not one."""
    plain = dict(document)
    kind = plain.pop("kind", None)
    if kind not in REQUESTS:
        raise BadInput(f"There is no kind of run called {kind!r}; try {', '.join(REQUESTS)}.")
    try:
        return msgspec.convert(plain, REQUESTS[str(kind)])
    except msgspec.ValidationError as error:
        raise BadInput(f"This is not a valid {kind} request: {error}.") from None
