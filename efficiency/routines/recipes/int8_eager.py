"""int8 static in eager mode: layers are exchanged one by one, and the model's own code runs them.

That code is left as it is. If all that it does between the layers can be done to int8 tensors, one
quantize in front and one dequantize at the end are enough; else every layer has its own.
"""

import copy
import warnings
from collections import OrderedDict
from typing import Any

from torch import Tensor, nn
from torch.ao.nn.intrinsic.modules.fused import _FusedModule
from torch.ao.quantization import (
    DeQuantStub,
    QConfig,
    QuantStub,
    QuantWrapper,
    convert,
    fuse_modules,
    get_default_qconfig,
    prepare,
)

from efficiency.routines.recipes.engine import use_engine
from efficiency.routines.recipes.packing import unpack

QUANTIZED_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)

Groups = tuple[tuple[str, ...], ...]


class Ends(QuantWrapper):
    """A layer between a quantize and a dequantize; all that is asked of it, it asks the layer."""

    def __getattr__(self, name: str) -> Any:
        """The wrapper's own attribute, or the layer's: some models read a convolution's stride."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("module"), name)


def observed(model: nn.Module, qconfig: QConfig, *, fused: Groups, by_layer: bool) -> nn.Module:
    """A copy with observers. `fused` are the paths of layers that become one, group by group."""
    copied = copy.deepcopy(model).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if fused:
            copied = fuse_modules(copied, [list(group) for group in fused])
        if by_layer:
            _wrap_layers(copied, qconfig)
        else:
            copied = _with_ends(copied)
            _ask_for(qconfig, copied)
        result: nn.Module = prepare(copied, inplace=True)
    return result


def converted(prepared: nn.Module) -> nn.Module:
    """The quantized model with the scales that the observers have found; `prepared` becomes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result: nn.Module = convert(prepared, inplace=True)
    return result


def _wrap_layers(module: nn.Module, qconfig: QConfig) -> None:
    """Put a quantize before and a dequantize behind every layer that has int8 kernels."""
    for name, child in module.named_children():
        if isinstance(child, (*QUANTIZED_LAYERS, _FusedModule)):
            _ask_for(qconfig, child)
            setattr(module, name, Ends(child))
        else:
            _wrap_layers(child, qconfig)


def _ask_for(qconfig: QConfig, module: nn.Module) -> None:
    """Mark a module, with all inside, as one to quantize: PyTorch looks for this attribute."""
    module.__dict__["qconfig"] = qconfig


def _with_ends(model: nn.Module) -> nn.Module:
    """Quantize in front and dequantize at the end; no wrapper, so that all layers keep their paths.

    A chain gets two more links; other models have hooks that call the two.
    """
    quant, dequant = QuantStub(), DeQuantStub()
    if type(model) is nn.Sequential:
        links = [("quant", quant), *model.named_children(), ("dequant", dequant)]
        return nn.Sequential(OrderedDict(links)).eval()
    model.add_module("quant", quant)
    model.add_module("dequant", dequant)
    model.register_forward_pre_hook(_quantize_input)
    model.register_forward_hook(_dequantize_output)
    return model


def _quantize_input(model: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
    result: Tensor = model.get_submodule("quant")(*inputs)
    return result


def _dequantize_output(model: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    result: Tensor = model.get_submodule("dequant")(output)
    return result


def restore(
    model: nn.Module,
    tensors: dict[str, Tensor],
    example: Tensor,
    *,
    engine: str,
    fused: Groups,
    by_layer: bool,
) -> nn.Module:
    """The quantized model with these integers and scales. `example` is not needed here."""
    use_engine(engine)
    prepared = observed(model, get_default_qconfig(engine), fused=fused, by_layer=by_layer)
    quantized = converted(prepared)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized.load_state_dict(unpack(tensors, quantized.state_dict()))
    return quantized
