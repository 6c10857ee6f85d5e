"""Dynamic: weights become int8 once, activations as they come, just before each product."""

import torch
from torch import Tensor, nn
from torch.ao.quantization import (
    default_dynamic_qconfig,
    per_channel_dynamic_qconfig,
    quantize_dynamic,
)

ENGINE = "x86"
PER_CHANNEL = True


def quantize(model: nn.Module, inputs: Tensor, labels: Tensor) -> nn.Module:
    """The model with its linear and recurrent layers in int8; it needs no data."""
    torch.backends.quantized.engine = ENGINE
    qconfig = per_channel_dynamic_qconfig if PER_CHANNEL else default_dynamic_qconfig
    layers = dict.fromkeys((nn.Linear, nn.LSTM, nn.GRU), qconfig)
    quantized: nn.Module = quantize_dynamic(model, layers)
    return quantized
