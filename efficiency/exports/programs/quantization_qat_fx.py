"""Quantization-aware training: fine-tuned with the rounding in the forward pass, then converted."""

import copy

import torch
from torch import Tensor, nn
from torch.ao.nn.intrinsic.qat import freeze_bn_stats
from torch.ao.quantization import (
    FakeQuantize,
    MovingAverageMinMaxObserver,
    MovingAveragePerChannelMinMaxObserver,
    QConfig,
    disable_observer,
    get_default_qat_qconfig_mapping,
)
from torch.ao.quantization.backend_config import BackendConfig, get_native_backend_config
from torch.ao.quantization.quantize_fx import convert_fx, prepare_qat_fx

from efficiency.exports.programs.quantizing import RATE, fit

ENGINE = "x86"
PER_CHANNEL = True
SCHEME = torch.per_tensor_affine
HIGHEST = 127  # of activations; kernels of x86 and fbgemm may overflow with 255
FUSION = True
QAT_EPOCHS = 1.0


def quantize(model: nn.Module, inputs: Tensor, labels: Tensor) -> nn.Module:
    """The model fine-tuned while all numbers are rounded as int8 will round them, then in int8."""
    torch.backends.quantized.engine = ENGINE
    activations = FakeQuantize.with_args(
        observer=MovingAverageMinMaxObserver,
        dtype=torch.quint8,
        qscheme=SCHEME,
        quant_min=0,
        quant_max=HIGHEST,
    )
    weights = FakeQuantize.with_args(
        observer=MovingAveragePerChannelMinMaxObserver
        if PER_CHANNEL
        else MovingAverageMinMaxObserver,
        dtype=torch.qint8,
        qscheme=torch.per_channel_symmetric if PER_CHANNEL else torch.per_tensor_symmetric,
        quant_min=-128,
        quant_max=127,
        averaging_constant=1,
    )
    mapping = get_default_qat_qconfig_mapping(ENGINE)
    mapping.set_global(QConfig(activation=activations, weight=weights))
    prepared = prepare_qat_fx(
        copy.deepcopy(model).train(), mapping, (inputs[:1],), backend_config=backend()
    )
    # The weights are almost where they shall be, so a tenth of the rate; ranges settle at last.
    fit(
        prepared,
        inputs,
        labels,
        epochs=QAT_EPOCHS,
        rate=0.1 * RATE,
        decay=True,
        late=lambda: (prepared.apply(disable_observer), prepared.apply(freeze_bn_stats)),
    )
    return convert_fx(prepared.eval(), backend_config=backend())


def backend() -> BackendConfig:
    """What has int8 kernels; without fusion only operators that are one by themselves."""
    native = get_native_backend_config()
    if FUSION:
        return native
    single = [each for each in native.configs if not isinstance(each.pattern, tuple | None)]
    return BackendConfig("single operators").set_backend_pattern_configs(single)
