"""What all requests share: plain data with a help text for every field, and a key.

A request crosses processes as JSON, and `key()` is the same for the same question: equal requests
share one run.
"""

import hashlib
from dataclasses import dataclass, field, fields
from importlib.metadata import version
from typing import Any, ClassVar

import msgspec

import efficiency
from efficiency.core.errors import BadInput, UnknownName

DEVICES = ("cpu", "cuda")
VERSIONS_THAT_MATTER = ("torch", "torchao", "torch-pruning", "numpy", "transformers")


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
        return {"kind": self.kind, **msgspec.json.decode(msgspec.json.encode(self))}


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
        check_known("device", self.device, DEVICES)
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


def check_known(what: str, name: str, known: tuple[str, ...]) -> None:
    """Raise UnknownName for a name that is not among the known ones."""
    if name not in known:
        raise UnknownName(what, name, known)
