"""A network with fewer channels: the architecture's own layers, cut to the sizes of the tensors.

Each layer is told its new sizes as well, so that it is what it would be if it had been built so.
"""

import torch
from torch import Tensor, nn

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def restore(model: nn.Module, tensors: dict[str, Tensor], example: Tensor) -> nn.Module:
    """The network with these weights, whatever their sizes. `example` is not needed here."""
    for path, layer in model.named_modules():
        before = layer.weight.shape if isinstance(layer, CONVOLUTIONS) else None
        _resize(layer, f"{path}." if path else "", tensors)
        if before is not None:
            _rename_channels(layer, before[0])
        _tell_sizes(layer)
    model.load_state_dict(tensors)
    return model.eval()


def _resize(layer: nn.Module, prefix: str, tensors: dict[str, Tensor]) -> None:
    """Give the layer's own tensors the shapes that they have in the file."""
    for name, old in list(layer.named_parameters(recurse=False)):
        new = tensors[prefix + name]
        if new.shape != old.shape:
            empty = torch.empty_like(new, dtype=old.dtype, device=old.device)
            setattr(layer, name, nn.Parameter(empty, old.requires_grad))
    for name, buffer in list(layer.named_buffers(recurse=False)):
        new = tensors.get(prefix + name, buffer)  # buffers that are not saved stay as they are
        if new.shape != buffer.shape:
            setattr(layer, name, torch.empty_like(new, dtype=buffer.dtype, device=buffer.device))


def _rename_channels(layer: nn.Module, outputs: int) -> None:
    """A convolution's channels; `outputs` is what it had. Groups shrink with the outputs."""
    if not isinstance(layer, CONVOLUTIONS):
        raise TypeError(f"{type(layer).__name__} is no convolution")
    layer.groups = layer.groups * layer.weight.shape[0] // outputs if layer.groups > 1 else 1
    layer.out_channels = layer.weight.shape[0]
    layer.in_channels = layer.groups * layer.weight.shape[1]


def _tell_sizes(layer: nn.Module) -> None:
    """Set the attributes that say how large a layer is."""
    if isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = layer.weight.shape
    elif isinstance(layer, NORMS) and layer.running_mean is not None:
        layer.num_features = len(layer.running_mean)
    elif isinstance(layer, nn.Embedding):
        layer.num_embeddings, layer.embedding_dim = layer.weight.shape
    elif isinstance(layer, nn.LSTM):
        layer.input_size = layer.get_parameter("weight_ih_l0").shape[1]
        layer.hidden_size = layer.get_parameter("weight_hh_l0").shape[1]
        layer.flatten_parameters()
