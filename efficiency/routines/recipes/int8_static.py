"""int8 static: weights and activations as int8 with scales fixed by calibration, layers fused."""

import copy
import warnings

import torch
from torch import Tensor, nn
from torch.ao.quantization import get_default_qconfig_mapping
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

from efficiency.routines.recipes.packing import unpack


def quantize(model: nn.Module, example: Tensor, calibration: Tensor | None = None) -> nn.Module:
    """A quantized copy: observers see `calibration`, then convolution, bias and ReLU are fused.

    Without calibration only the structure is right, for weights that are loaded afterwards.
    """
    engines = torch.backends.quantized.supported_engines
    engine = torch.backends.quantized.engine = "x86" if "x86" in engines else engines[-1]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        prepared = prepare_fx(
            copy.deepcopy(model).eval(), get_default_qconfig_mapping(engine), (example,)
        )
        if calibration is not None:
            prepared(calibration)
        quantized: nn.Module = convert_fx(prepared)
    return quantized


def restore(model: nn.Module, tensors: dict[str, Tensor], example: Tensor) -> nn.Module:
    """The quantized model with these integers, scales and zero points."""
    quantized = quantize(model, example)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized.load_state_dict(unpack(tensors, quantized.state_dict()))
    return quantized
