"""The choices of the classic back end, and what PyTorch calls them: qconfigs.

Activations are quint8. Where PyTorch's own defaults leave one bit unused (the kernels of fbgemm add
two products in 16 bits on CPUs without VNNI, which 8 bits times 8 bits can overflow), so does this.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch.ao.quantization import (
    FakeQuantize,
    HistogramObserver,
    MinMaxObserver,
    MovingAverageMinMaxObserver,
    MovingAveragePerChannelMinMaxObserver,
    QConfig,
    QConfigMapping,
    default_per_channel_weight_observer,
    default_weight_observer,
)

from efficiency.core.requests import QuantizeRequest
from efficiency.routines.quantization.kernels import check_engine
from efficiency.routines.recipes.int8_static import TRANSPOSED, default_mapping

SEVEN_BITS = ("x86", "fbgemm")
OBSERVERS: dict[str, Any] = {
    "histogram": HistogramObserver,
    "minmax": MinMaxObserver,
    "moving-average": MovingAverageMinMaxObserver,
}
SCHEMES = {"affine": torch.per_tensor_affine, "symmetric": torch.per_tensor_symmetric}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a model is quantized. The names are those of QuantizeRequest."""

    engine: str
    observer: str = "histogram"
    granularity: str = "per-channel"
    scheme: str = "affine"
    fusion: bool = True

    @property
    def per_channel(self) -> bool:
        """Whether every output channel of the weights has a scale of its own."""
        return self.granularity == "per-channel"

    @property
    def highest(self) -> int:
        """The largest integer that activations are mapped to; the smallest is 0."""
        return 127 if self.engine in SEVEN_BITS else 255


def settings_of(request: QuantizeRequest, engine: str) -> Settings:
    """The request's choices with this engine. Raises BadInput where the machine lacks it."""
    check_engine(engine)
    return Settings(
        engine=engine,
        observer=request.observer,
        granularity=request.granularity,
        scheme=request.scheme,
        fusion=not request.no_fusion,
    )


def qconfig(settings: Settings) -> QConfig:
    """Observers of static quantization. Weights are symmetric int8, as the kernels want them."""
    return QConfig(
        activation=OBSERVERS[settings.observer].with_args(**_activations(settings)),
        weight=default_per_channel_weight_observer
        if settings.per_channel
        else default_weight_observer,
    )


def qat_qconfig(settings: Settings) -> QConfig:
    """Observers that also round. Ranges of activations follow a moving average.

    Not PyTorch's default, in which observing and rounding are one operator: that computes symmetric
    scales by another rule than the conversion afterwards, and its weights' ranges lag behind the
    weights. Here what is trained is what comes out.
    """
    weights: dict[str, Any] = {
        "observer": MovingAveragePerChannelMinMaxObserver
        if settings.per_channel
        else MovingAverageMinMaxObserver,
        "qscheme": torch.per_channel_symmetric
        if settings.per_channel
        else torch.per_tensor_symmetric,
    }
    return QConfig(
        activation=FakeQuantize.with_args(
            observer=MovingAverageMinMaxObserver, **_activations(settings)
        ),
        weight=FakeQuantize.with_args(
            dtype=torch.qint8, quant_min=-128, quant_max=127, averaging_constant=1, **weights
        ),
    )


def mapping(settings: Settings, *, training: bool = False) -> QConfigMapping:
    """PyTorch's own mapping for the engine, with these settings in the place of its defaults.

    It knows the exceptions: fixed ranges (sigmoid), float weights (LayerNorm), one scale for
    transposed convolutions.
    """
    found = default_mapping(settings.engine, training=training)
    own, usual = (qat_qconfig if training else qconfig)(settings), found.global_qconfig
    found.set_global(own)
    for operator, given in list(found.object_type_qconfigs.items()):
        if usual is not None and given is not None and given.activation is usual.activation:
            kept = operator in TRANSPOSED or given.weight is not usual.weight
            weight = given.weight if kept else own.weight
            found.set_object_type(operator, QConfig(activation=own.activation, weight=weight))
    return found


def _activations(settings: Settings) -> dict[str, Any]:
    """The range is given as such: with `reduce_range` a symmetric zero point would be outside."""
    return {
        "dtype": torch.quint8,
        "qscheme": SCHEMES[settings.scheme],
        "quant_min": 0,
        "quant_max": settings.highest,
    }
