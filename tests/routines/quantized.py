"""A small network and its quantized forms, for tests of what is found out about them."""

import warnings

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.ao.quantization import (
    DeQuantStub,
    QuantStub,
    convert,
    get_default_qconfig,
    get_default_qconfig_mapping,
    prepare,
)
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx


class Network(nn.Module):
    """Every kind of fusion: convolution with norm and ReLU, without ReLU, with neither; linear."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8))
        self.second = nn.Sequential(nn.Conv2d(8, 8, 3, groups=8), nn.BatchNorm2d(8))
        self.third = nn.Conv2d(8, 4, 1)
        self.head = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, 5)."""
        x = self.third(self.second(F.relu(self.first(x))))
        logits: Tensor = self.head(F.relu(x).mean((2, 3)))
        return logits


def network() -> Network:
    """With normalization that is far from doing nothing, in evaluation mode."""
    torch.manual_seed(0)
    model = Network()
    for norm in (model.first[1], model.second[1]):
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.uniform_(norm.bias, -1, 1)
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 4)
    return model.eval()


def images(count: int = 8) -> Tensor:
    return torch.randn(count, 3, 10, 10, generator=torch.Generator().manual_seed(1))


def by_fx(model: nn.Module, inputs: Tensor) -> nn.Module:
    """Static int8 by torch.fx, which fuses."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        prepared = prepare_fx(model, get_default_qconfig_mapping("x86"), (inputs[:1],))
        prepared(inputs)
        quantized: nn.Module = convert_fx(prepared)
    return quantized


class Wrapped(nn.Module):
    """A model between the stubs of eager quantization: all its paths begin with `inside.`."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.quant, self.inside, self.dequant = QuantStub(), inside, DeQuantStub()

    def forward(self, x: Tensor) -> Tensor:
        """What the model inside gives, in float."""
        result: Tensor = self.dequant(self.inside(self.quant(x)))
        return result


def by_eager(model: nn.Module, inputs: Tensor) -> nn.Module:
    """Static int8 in eager mode, without fusion; `model` is changed."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        wrapped = Wrapped(model).eval()
        wrapped.qconfig = get_default_qconfig("x86")
        prepared = prepare(wrapped)
        prepared(inputs)
        quantized: nn.Module = convert(prepared)
    return quantized


def by_dynamic(model: nn.Module) -> nn.Module:
    """Linear and recurrent layers in int8, activations as they come."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized: nn.Module = torch.ao.quantization.quantize_dynamic(model, {nn.Linear, nn.LSTM})
    return quantized
