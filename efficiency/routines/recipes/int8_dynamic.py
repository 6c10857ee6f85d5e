"""int8 dynamic: Linear and recurrent weights as int8; activations become int8 on the fly."""

import warnings

import torch
from torch import Tensor, nn
from torch.ao.quantization import default_dynamic_qconfig, per_channel_dynamic_qconfig

from efficiency.routines.recipes.engine import use_engine
from efficiency.routines.recipes.packing import unpack

QUANTIZED_TYPES = (nn.Linear, nn.LSTM, nn.GRU)


def quantize(model: nn.Module, *, per_channel: bool = False) -> nn.Module:
    """A copy of the model with its Linear and recurrent layers quantized dynamically."""
    qconfig = per_channel_dynamic_qconfig if per_channel else default_dynamic_qconfig
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized: nn.Module = torch.ao.quantization.quantize_dynamic(
            model, dict.fromkeys(QUANTIZED_TYPES, qconfig), dtype=torch.qint8
        )
    return quantized


def restore(
    model: nn.Module, tensors: dict[str, Tensor], example: Tensor, *, engine: str = "x86"
) -> nn.Module:
    """The quantized model with these integers. `example` is not needed here."""
    use_engine(engine)
    quantized = quantize(model.eval())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized.load_state_dict(unpack(tensors, quantized.state_dict()))
    return quantized
