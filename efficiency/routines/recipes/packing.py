"""Quantized state dicts as plain tensors, so that they fit in a safetensors file, and back.

A quantized tensor becomes its integers under its own name, and `::scale` and `::zero_point` beside
it. A packed pair of weight and bias, as quantized Linear keeps it, becomes two tensors; a quantized
recurrent layer keeps an object with two such pairs, one for its inputs and one for its state.
"""

from typing import Any

import torch
from torch import Tensor

PAIRS = ("ih", "hh")


def pack(state: dict[str, Any]) -> dict[str, Tensor]:
    """Plain tensors that `unpack` makes the same state dict from, bit for bit."""
    tensors: dict[str, Tensor] = {}
    for name, value in state.items():
        if isinstance(value, tuple):
            weight, bias = value
            tensors |= pack({f"{name}::weight": weight})
            if bias is not None:
                tensors[f"{name}::bias"] = bias.detach()
        elif isinstance(value, torch.ScriptObject):
            pairs = zip(PAIRS, _pairs(value), strict=True)
            tensors |= pack({f"{name}::{each}": pair for each, pair in pairs})
        elif isinstance(value, Tensor) and value.is_quantized:
            per_channel = value.qscheme() in (
                torch.per_channel_affine,
                torch.per_channel_symmetric,
            )
            scale = value.q_per_channel_scales() if per_channel else value.q_scale()
            zero_point = value.q_per_channel_zero_points() if per_channel else value.q_zero_point()
            tensors[name] = value.int_repr()
            # Scales were computed in float32; PyTorch only hands them out as float64.
            tensors[f"{name}::scale"] = torch.as_tensor(scale).to(torch.float32)
            tensors[f"{name}::zero_point"] = torch.as_tensor(zero_point).to(torch.int32)
        elif isinstance(value, Tensor):
            tensors[name] = value.detach()
    return tensors


def unpack(tensors: dict[str, Tensor], like: dict[str, Any]) -> dict[str, Any]:
    """The state dict that was packed, put in the place of `like`, one of the same structure.

    `like` itself is filled, because a state dict also carries the versions of its modules.
    """
    for name, value in like.items():
        like[name] = _unpacked(name, tensors, value)
    return like


def _pairs(cell: Any) -> list[tuple[Tensor, Tensor | None]]:
    """Weight and bias for the inputs, and for the state, of a quantized recurrent layer."""
    _, _, _, _, packed = cell.__getstate__()[0]
    return [each.__getstate__()[0] for each in packed]


def _unpacked(name: str, tensors: dict[str, Tensor], like: Any) -> Any:
    if isinstance(like, torch.ScriptObject):
        pairs = zip(PAIRS, _pairs(like), strict=True)
        ih, hh = (_unpacked(f"{name}::{each}", tensors, pair) for each, pair in pairs)
        return torch.ops.quantized.make_quantized_cell_params_dynamic(
            torch.ops.quantized.linear_prepack(*ih),
            torch.ops.quantized.linear_prepack(*hh),
            ih[1],
            hh[1],
            True,  # activations in 7 bits, as PyTorch has it: products of 8 bits could overflow
        )
    if isinstance(like, tuple):
        weight = _unpacked(f"{name}::weight", tensors, like[0])
        bias = tensors.get(f"{name}::bias")
        return weight, None if bias is None else torch.nn.Parameter(bias, requires_grad=False)
    if f"{name}::scale" in tensors:
        integers, scale = tensors[name], tensors[f"{name}::scale"]
        zero_point = tensors[f"{name}::zero_point"]
        if scale.ndim == 0:
            return torch._make_per_tensor_quantized_tensor(integers, float(scale), int(zero_point))
        return torch._make_per_channel_quantized_tensor(
            integers, scale.double(), zero_point.long(), 0
        )
    return tensors.get(name, like)


def count_values(tensors: dict[str, Tensor], buffers: set[str]) -> tuple[int, int]:
    """How many weights and biases a packed file holds, and how many of them are not 0.

    Quantization constants and `buffers` do not count. The stored integer of a weight is 0 just
    where the weight is, as weights are quantized symmetrically. A matrix in CSR has as many weights
    as its shape says.
    """
    values = [
        tensor
        for name, tensor in tensors.items()
        if "::" not in name and name not in buffers and tensor.ndim > 0
    ]
    values += [tensor for name, tensor in tensors.items() if name.endswith(("::weight", "::bias"))]
    sparse = {
        name.removesuffix("::shape") for name in tensors if name.endswith("::shape")
    } - buffers
    parameters = sum(tensor.numel() for tensor in values)
    parameters += sum(int(tensors[f"{name}::shape"].prod()) for name in sparse)
    values += [tensors[f"{name}::values"] for name in sparse]
    return parameters, sum(int(torch.count_nonzero(tensor)) for tensor in values)
