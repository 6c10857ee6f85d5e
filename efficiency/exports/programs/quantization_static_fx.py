"""Static, by torch.fx: activations stay in int8 from layer to layer, with calibrated scales."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.ao.quantization import (
    HistogramObserver,
    MinMaxObserver,
    MovingAverageMinMaxObserver,
    QConfig,
    default_per_channel_weight_observer,
    default_weight_observer,
    get_default_qconfig_mapping,
)
from torch.ao.quantization.backend_config import BackendConfig, get_native_backend_config
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

ENGINE = "x86"
OBSERVER = "histogram"
PER_CHANNEL = True
SCHEME = torch.per_tensor_affine
HIGHEST = 127  # of activations; kernels of x86 and fbgemm may overflow with 255
FUSION = True
CALIBRATION_INPUTS, CALIBRATION_SEED = 256, 0
OBSERVERS: dict[str, Any] = {
    "histogram": HistogramObserver,
    "minmax": MinMaxObserver,
    "moving-average": MovingAverageMinMaxObserver,
}


def quantize(model: nn.Module, inputs: Tensor, labels: Tensor) -> nn.Module:
    """The model in int8: observers see some inputs, then layers are fused and converted."""
    torch.backends.quantized.engine = ENGINE
    activations = OBSERVERS[OBSERVER].with_args(
        dtype=torch.quint8, qscheme=SCHEME, quant_min=0, quant_max=HIGHEST
    )
    weights = default_per_channel_weight_observer if PER_CHANNEL else default_weight_observer
    mapping = get_default_qconfig_mapping(ENGINE)
    mapping.set_global(QConfig(activation=activations, weight=weights))
    prepared = prepare_fx(model, mapping, (inputs[:1],), backend_config=backend())
    chosen = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(CALIBRATION_SEED))
    with torch.no_grad():
        for batch in inputs[chosen[:CALIBRATION_INPUTS]].split(32):
            prepared(batch)
    return convert_fx(prepared, backend_config=backend())


def backend() -> BackendConfig:
    """What has int8 kernels; without fusion only operators that are one by themselves."""
    native = get_native_backend_config()
    if FUSION:
        return native
    single = [each for each in native.configs if not isinstance(each.pattern, tuple | None)]
    return BackendConfig("single operators").set_backend_pattern_configs(single)
