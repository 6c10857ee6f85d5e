"""Static, in eager mode: layers are exchanged for int8 ones, and the model's own code runs them."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.ao.quantization import (
    HistogramObserver,
    MinMaxObserver,
    MovingAverageMinMaxObserver,
    QConfig,
    QuantWrapper,
    convert,
    default_per_channel_weight_observer,
    default_weight_observer,
    prepare,
)

ENGINE = "x86"
OBSERVER = "histogram"
PER_CHANNEL = True
SCHEME = torch.per_tensor_affine
HIGHEST = 127  # of activations; kernels of x86 and fbgemm may overflow with 255
CALIBRATION_INPUTS, CALIBRATION_SEED = 256, 0
OBSERVERS: dict[str, Any] = {
    "histogram": HistogramObserver,
    "minmax": MinMaxObserver,
    "moving-average": MovingAverageMinMaxObserver,
}


def quantize(model: nn.Module, inputs: Tensor, labels: Tensor) -> nn.Module:
    """The model in int8 between a quantize in front and a dequantize at the end, nothing fused."""
    torch.backends.quantized.engine = ENGINE
    activations = OBSERVERS[OBSERVER].with_args(
        dtype=torch.quint8, qscheme=SCHEME, quant_min=0, quant_max=HIGHEST
    )
    weights = default_per_channel_weight_observer if PER_CHANNEL else default_weight_observer
    wrapped = QuantWrapper(model)
    wrapped.qconfig = QConfig(activation=activations, weight=weights)  # type: ignore[assignment]
    prepared = prepare(wrapped)
    chosen = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(CALIBRATION_SEED))
    with torch.no_grad():
        for batch in inputs[chosen[:CALIBRATION_INPUTS]].split(32):
            prepared(batch)
    quantized: nn.Module = convert(prepared)
    return quantized
