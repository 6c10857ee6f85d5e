"""How far every layer of a quantized model has moved from the float model, in dB.

Layers are found by their paths, which PyTorch's eager and FX quantization keep. Both models see the
same inputs; a quantized layer is compared with the float tensor at the same place, that is, after
the normalization and the ReLU that it has swallowed.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from efficiency.core.quantization import LayerNoise
from efficiency.measure.fidelity import sqnr_db
from efficiency.measure.layers import evaluating
from efficiency.routines.quantization.folding import folded_weight, norms_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a layer of the quantized model computes with, and what came out, call after call.

    All in float. `relu` if that is after a ReLU that is part of the layer.
    """

    weight: Tensor | None = None
    outputs: list[Tensor] = field(default_factory=list)
    relu: bool = False


@torch.no_grad()
def layer_noise(
    row: str, model: nn.Module, quantized: nn.Module, inputs: Tensor
) -> tuple[LayerNoise, ...]:
    """Every layer with parameters of its own, in the order of the float model.

    `row` is the row's name. All outputs of both models on `inputs` are kept meanwhile, so give few
    inputs to large models. A figure is None where nothing can be compared: the layer is not to be
    found in the quantized model, was not called, or gives something else; and where it is exact.
    """
    partners = counterparts(model, quantized)
    folded = {
        layer: norm
        for layer, norm in norms_after(model, inputs[:1]).items()
        if layer in partners and isinstance(partners.get(norm), nn.Identity | None)
    }
    with _outputs(partners) as found:
        quantized(inputs)
    places = {
        path: Place(
            weight=dequantized_weight(partner), outputs=found[path], relu=_ends_in_relu(partner)
        )
        for path, partner in partners.items()
    }
    return compared(row, model, inputs, places, folded)


@torch.no_grad()
def compared(
    row: str,
    model: nn.Module,
    inputs: Tensor,
    places: Mapping[str, Place],
    folded: Mapping[str, str],
) -> tuple[LayerNoise, ...]:
    """The float model's layers against these places, by path.

    folded: path of the normalization that is part of a layer, by the layer's path.
    """
    modules = dict(model.named_modules())
    layers = {
        path: module
        for path, module in modules.items()
        if isinstance(module, _BatchNorm)
        or next(module.parameters(recurse=False), None) is not None
    }
    with evaluating(model), _outputs(layers) as outputs:
        model(inputs)
    found = []
    for path, layer in layers.items():
        if path in folded.values():
            continue
        norm = folded.get(path)
        place = places.get(path, Place())
        found.append(
            LayerNoise(
                row=row,
                layer=path,
                module=type(layer).__name__,
                weight_sqnr_db=_of_weights(
                    folded_weight(layer, None if norm is None else modules[norm]), place
                ),
                output_sqnr_db=_of_outputs(outputs[path if norm is None else norm], place),
            )
        )
    return tuple(found)


def counterparts(model: nn.Module, quantized: nn.Module) -> dict[str, nn.Module]:
    """Path in the float model -> module at that place in the quantized one.

    A wrapper around the whole model puts the same prefix before all paths.
    """
    inside = dict(quantized.named_modules())
    paths = [path for path, _ in model.named_modules() if path]
    prefixes = Counter(
        name.removesuffix(path)
        for path in paths
        for name in inside
        if name == path or name.endswith(f".{path}")
    )
    if not prefixes:
        return {}
    prefix = max(prefixes, key=lambda each: (prefixes[each], -len(each)))
    return {path: inside[prefix + path] for path in paths if prefix + path in inside}


@contextmanager
def _outputs(modules: Mapping[str, nn.Module]) -> Iterator[dict[str, list[Tensor]]]:
    """What comes out of these modules inside the block, as copies, call after call."""
    seen: dict[str, list[Tensor]] = {path: [] for path in modules}

    def note(kept: list[Tensor], _: nn.Module, __: Any, output: Any) -> None:
        tensor = _plain(output)
        if tensor is not None:
            kept.append(tensor)

    handles = [
        each.register_forward_hook(partial(note, seen[path])) for path, each in modules.items()
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _plain(output: Any) -> Tensor | None:
    """The first tensor of an output in float32, a copy: ReLU may later work in place."""
    while isinstance(output, tuple | list) and output:
        output = output[0]
    if not isinstance(output, Tensor):
        return None
    return output.dequantize() if output.is_quantized else output.detach().float().clone()


def _of_outputs(expected: list[Tensor], place: Place) -> float | None:
    found = place.outputs
    if not expected or [each.shape for each in expected] != [each.shape for each in found]:
        return None
    reference = torch.cat([each.flatten() for each in expected])
    return sqnr_db(
        torch.relu(reference) if place.relu else reference,
        torch.cat([each.flatten() for each in found]),
    )


def _of_weights(before: Tensor | None, place: Place) -> float | None:
    if before is None or place.weight is None or before.shape != place.weight.shape:
        return None
    return sqnr_db(before, place.weight)


def _ends_in_relu(partner: nn.Module) -> bool:
    kind = type(getattr(partner, "module", partner))
    return kind.__module__.startswith("torch.ao.nn.intrinsic") and "ReLU" in kind.__name__


def dequantized_weight(module: nn.Module) -> Tensor | None:
    """The weights that a module computes with, as floats; those of a recurrent one after another.

    None where it has none.
    """
    unpack: Any = getattr(module, "get_weight", None)  # of dynamic recurrent layers
    if callable(unpack):
        weights = unpack()
        return torch.cat([weights[name].dequantize().flatten() for name in sorted(weights)])
    if isinstance(module, nn.RNNBase):
        return folded_weight(module, None)
    weight: Any = getattr(module, "weight", None)
    if not isinstance(weight, Tensor):  # quantized layers unpack it
        weight = weight() if callable(weight) else None
    if not isinstance(weight, Tensor):
        return None
    plain = type(weight) in (Tensor, nn.Parameter) and not weight.is_quantized
    return weight.detach() if plain else weight.dequantize()
