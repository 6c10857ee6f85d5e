"""A request for what a model costs in energy."""

from dataclasses import dataclass
from typing import ClassVar

from efficiency.core.requests.base import ModelRequest, option


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyRequest(ModelRequest):
    """What one pass through a model costs in energy, layer by layer."""

    kind: ClassVar[str] = "energy"

    training: bool = option(
        False, "Count a training step (forward, backward and update) instead of an inference."
    )
