"""Which layers ended up in int8, told from the quantized model itself, and why others did not."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from efficiency.core.values import Coverage
from efficiency.routines.variant import coverage_of

QUANTIZED = "torch.ao.nn"
REFERENCE = "torch.ao.nn.quantized.reference"  # int8 in name: it computes in float32


def covered(
    model: nn.Module, quantized: nn.Module, why_not: dict[type[nn.Module], str]
) -> Coverage:
    """Compare the models layer by layer.

    why_not: the reason by type of a layer that is float still, `nn.Module` for all other types.
    """
    now = dict(quantized.named_modules())

    def reason(name: str, layer: nn.Module) -> str | None:
        found = now.get(name)
        if isinstance(layer, _BatchNorm) and isinstance(found, nn.Identity | None):
            return None  # it is part of the convolution before it
        found = getattr(found, "module", found)
        where = type(found).__module__
        if where.startswith(QUANTIZED) and not where.startswith(REFERENCE):
            return None
        return next(why for kind, why in why_not.items() if isinstance(layer, kind))

    return coverage_of(model, reason)


DYNAMIC = {
    nn.modules.conv._ConvNd: "PyTorch has no dynamic kernels for convolutions, only for linear and "
    "recurrent layers",
    nn.Embedding: "its rows are looked up, nothing is multiplied",
    nn.MultiheadAttention: "its three projections are one parameter, not linear layers",
    nn.Module: "dynamic quantization in PyTorch covers linear and recurrent layers only",
}
STATIC = {
    nn.Embedding: "its inputs are ids; PyTorch's static quantization leaves it in float32",
    nn.RNNBase: "its kernels are dynamic ones; PyTorch's static quantization leaves it in float32",
    nn.Module: "PyTorch's static quantization leaves it in float32",
}
