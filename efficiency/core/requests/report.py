"""A request for the compression report of a model."""

from dataclasses import dataclass
from typing import ClassVar

from efficiency.core.requests.base import TimedRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest(TimedRequest):
    """The compression report of a model."""

    kind: ClassVar[str] = "report"
