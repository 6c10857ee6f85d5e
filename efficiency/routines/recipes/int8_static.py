"""int8 static by torch.fx: weights and activations as int8 with scales fixed by calibration.

Convolution, normalization and ReLU become one operator, and so do addition and ReLU. What was
trained with fake quantization ends up in the same form.
"""

import copy
import warnings

import torch.nn.functional as F
from torch import Tensor, nn
from torch.ao.quantization import (
    QConfig,
    QConfigMapping,
    default_weight_fake_quant,
    default_weight_observer,
    get_default_qat_qconfig_mapping,
    get_default_qconfig_mapping,
)
from torch.ao.quantization.backend_config import BackendConfig, get_native_backend_config
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx, prepare_qat_fx
from torch.fx import GraphModule

from efficiency.routines.recipes.engine import use_engine
from efficiency.routines.recipes.packing import unpack

TRANSPOSED = (
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    F.conv_transpose1d,
    F.conv_transpose2d,
    F.conv_transpose3d,
)


def default_mapping(engine: str, *, training: bool = False) -> QConfigMapping:
    """PyTorch's own for the engine, but for two kinds of layers.

    Transposed convolutions have one scale for all weights, which every engine can. Embeddings stay
    in float32: PyTorch's own stops training at them.
    """
    mapping = (get_default_qat_qconfig_mapping if training else get_default_qconfig_mapping)(engine)
    mapping.set_object_type(nn.Embedding, None)
    usual = mapping.global_qconfig
    weight = default_weight_fake_quant if training else default_weight_observer
    for operator in TRANSPOSED:
        if usual is not None:
            qconfig = QConfig(activation=usual.activation, weight=weight)
            mapping.set_object_type(operator, qconfig)
    return mapping


def prepare(
    model: nn.Module,
    example: Tensor,
    mapping: QConfigMapping,
    *,
    fusion: bool = True,
    training: bool = False,
) -> GraphModule:
    """A traced copy with observers; for `training`, with fake quantization and in training mode."""
    copied = copy.deepcopy(model).train(training)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (prepare_qat_fx if training else prepare_fx)(
            copied, mapping, (example,), backend_config=backend(fusion)
        )


def convert(prepared: GraphModule, *, fusion: bool = True) -> GraphModule:
    """The quantized model with the scales that the observers have found."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return convert_fx(prepared, backend_config=backend(fusion))


def backend(fusion: bool) -> BackendConfig:
    """Which operators have int8 kernels; without `fusion` only those that are one by themselves."""
    native = get_native_backend_config()
    if fusion:
        return native
    single = (each for each in native.configs if not isinstance(each.pattern, tuple | None))
    return BackendConfig("single operators").set_backend_pattern_configs(list(single))


def restore(
    model: nn.Module,
    tensors: dict[str, Tensor],
    example: Tensor,
    *,
    engine: str = "x86",
    fusion: bool = True,
) -> nn.Module:
    """The quantized model with these integers, scales and zero points."""
    use_engine(engine)
    prepared = prepare(model, example, default_mapping(engine), fusion=fusion)
    quantized = convert(prepared, fusion=fusion)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized.load_state_dict(unpack(tensors, quantized.state_dict()))
    return quantized
