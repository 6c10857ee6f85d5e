"""What a user can ask for: one frozen class per routine; its kind is the name of the routine."""

from collections.abc import Mapping

import msgspec

from efficiency.core.errors import BadInput
from efficiency.core.requests.amp import AMP_DTYPES, AMP_PRESETS, AMP_WORKLOADS, AmpRequest
from efficiency.core.requests.base import (
    DEVICES,
    VERSIONS_THAT_MATTER,
    ModelRequest,
    Request,
    TimedRequest,
)
from efficiency.core.requests.energy import EnergyRequest
from efficiency.core.requests.lottery import LOTTERY_PRESETS, LOTTERY_WORKLOADS, LotteryRequest
from efficiency.core.requests.prune import (
    NORMS,
    PRUNING_TECHNIQUES,
    SCOPES,
    STRUCTURED,
    PruneRequest,
    pruning_amount,
)
from efficiency.core.requests.quantize import (
    BACK_ENDS,
    ENGINES,
    GRANULARITIES,
    OBSERVERS,
    QUANTIZATION_METHODS,
    SCHEMES,
    QuantizeRequest,
)
from efficiency.core.requests.report import ReportRequest
from efficiency.core.requests.typed import parse_names, parse_shape

__all__ = [
    "AMP_DTYPES",
    "AMP_PRESETS",
    "AMP_WORKLOADS",
    "BACK_ENDS",
    "DEVICES",
    "ENGINES",
    "GRANULARITIES",
    "LOTTERY_PRESETS",
    "LOTTERY_WORKLOADS",
    "NORMS",
    "OBSERVERS",
    "PRUNING_TECHNIQUES",
    "QUANTIZATION_METHODS",
    "REQUESTS",
    "SCHEMES",
    "SCOPES",
    "STRUCTURED",
    "VERSIONS_THAT_MATTER",
    "AmpRequest",
    "EnergyRequest",
    "LotteryRequest",
    "ModelRequest",
    "PruneRequest",
    "QuantizeRequest",
    "ReportRequest",
    "Request",
    "TimedRequest",
    "parse",
    "parse_names",
    "parse_shape",
    "pruning_amount",
]

REQUESTS: dict[str, type[Request]] = {
    each.kind: each
    for each in (
        AmpRequest,
        EnergyRequest,
        LotteryRequest,
        PruneRequest,
        QuantizeRequest,
        ReportRequest,
    )
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
