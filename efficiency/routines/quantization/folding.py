"""The float layer that a quantized one has to be compared with.

Quantization folds batch normalization into the layer before it, and ReLU into both. So the weights
to compare are the folded ones, and the output is that of the last of the three.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

from efficiency.measure.layers import evaluating

FOLDABLE = (_ConvNd, nn.Linear)
WEIGHTED = (*FOLDABLE, nn.RNNBase)


@torch.no_grad()
def norms_after(model: nn.Module, inputs: Tensor) -> dict[str, str]:
    """Path of a convolution or linear layer -> path of the batch normalization right behind it.

    Told by running the model: it is right behind if it is given the very tensor that came out.
    """
    made: dict[int, tuple[str, Tensor]] = {}  # the tensors are kept, so that no two have one id
    found: dict[str, str] = {}
    handles = []
    for path, module in model.named_modules():
        if isinstance(module, FOLDABLE):

            def note(_: nn.Module, __: Any, output: Tensor, path: str = path) -> None:
                made[id(output)] = (path, output)

            handles.append(module.register_forward_hook(note))
        elif isinstance(module, _BatchNorm):

            def match(_: nn.Module, args: tuple[Tensor, ...], path: str = path) -> None:
                if args and id(args[0]) in made:
                    found[made[id(args[0])][0]] = path

            handles.append(module.register_forward_pre_hook(match))
    try:
        with evaluating(model):
            model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found


@torch.no_grad()
def folded_weight(layer: nn.Module, norm: nn.Module | None) -> Tensor | None:
    """The weights of a layer with the normalization behind it folded in, in the layer's own shape.

    Those of a recurrent layer one after the other; None for layers without weights of that kind.
    """
    if isinstance(norm, _BatchNorm) and isinstance(layer, FOLDABLE):
        mean, variance = norm.running_mean, norm.running_var
        if mean is not None and variance is not None:
            known = (layer.weight, layer.bias, mean, variance, norm.eps, norm.weight, norm.bias)
            if isinstance(layer, nn.Linear):
                return fuse_linear_bn_weights(*known)[0].detach()
            return fuse_conv_bn_weights(*known, isinstance(layer, _ConvTransposeNd))[0].detach()
    if isinstance(layer, nn.RNNBase):
        names = [name for name, _ in layer.named_parameters() if name.startswith("weight_")]
        return torch.cat([getattr(layer, name).detach().flatten() for name in sorted(names)])
    weight = getattr(layer, "weight", None)
    return weight.detach() if isinstance(weight, Tensor) else None


@torch.no_grad()
def weight_matrix(layer: nn.Module, norm: nn.Module | None) -> Tensor:
    """(output channels, inputs) of a layer with weights, folded; a recurrent layer's first ones.

    Those are the weights that its inputs are multiplied with.
    """
    if isinstance(layer, nn.RNNBase):
        return layer.get_parameter("weight_ih_l0").detach()
    weight = folded_weight(layer, norm)
    if weight is None:
        raise AssertionError("a layer with a weight matrix has one")
    return (weight.transpose(0, 1) if isinstance(layer, _ConvTransposeNd) else weight).flatten(1)


def spread(matrix: Tensor) -> float:
    """How many times as wide as the median channel's range the widest channel's is.

    With one scale for all channels, the median channel has so many times fewer steps than 256.
    """
    ranges = matrix.detach().abs().amax(1)
    middle = float(ranges.median())
    return float(ranges.max()) / middle if middle else 1.0
