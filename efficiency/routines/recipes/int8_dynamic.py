"""int8 dynamic: Linear and recurrent weights as int8; activations become int8 on the fly."""

import warnings

import torch
from torch import Tensor, nn

from efficiency.routines.recipes.packing import unpack

QUANTIZED_TYPES = (nn.Linear, nn.LSTM, nn.GRU)


def quantize(model: nn.Module) -> nn.Module:
    """A copy of the model with its Linear and recurrent layers quantized dynamically."""
    engines = torch.backends.quantized.supported_engines
    torch.backends.quantized.engine = "x86" if "x86" in engines else engines[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized: nn.Module = torch.ao.quantization.quantize_dynamic(
            model, set(QUANTIZED_TYPES), dtype=torch.qint8
        )
    return quantized


def restore(model: nn.Module, tensors: dict[str, Tensor], example: Tensor) -> nn.Module:
    """The quantized model with these integers. `example` is not needed here."""
    quantized = quantize(model.eval())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized.load_state_dict(unpack(tensors, quantized.state_dict()))
    return quantized
