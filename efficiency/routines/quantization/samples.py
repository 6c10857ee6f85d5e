"""Real numbers of a few layers, small enough to travel to a browser and be quantized there."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from efficiency.core.quantization import LayerSample
from efficiency.measure.layers import evaluating
from efficiency.routines.quantization.folding import WEIGHTED, norms_after, spread, weight_matrix

LAYERS = 4
NUMBERS = 4096  # weights of a layer
CHANNELS = 64  # of a layer that has too many weights
INPUTS = 32  # that activations are counted on
BINS = 128
DIGITS = 5  # significant ones; the finest grid here has 256 steps


@torch.no_grad()
def layer_samples(model: nn.Module, inputs: Tensor, most: int = LAYERS) -> tuple[LayerSample, ...]:
    """Up to `most` layers in the model's order, with their activations on the first of `inputs`.

    Chosen are the first and the last layer with a weight matrix, the one with the most weights, and
    the one whose channels differ most in range, which is where a scale for each channel matters
    most. Weights are those that quantization rounds: with the normalization behind them folded in.
    """
    modules = dict(model.named_modules())
    norms = norms_after(model, inputs[:1])
    weights = {
        path: weight_matrix(module, modules.get(norms.get(path, "")))
        for path, module in modules.items()
        if isinstance(module, WEIGHTED)
    }
    chosen = _choose(weights, most)
    activations = _inputs_of({path: modules[path] for path in chosen}, model, inputs[:INPUTS])
    return tuple(
        _sample(path, modules[path], weights[path], activations.get(path)) for path in chosen
    )


def _choose(weights: Mapping[str, Tensor], most: int) -> list[str]:
    if not weights:
        return []
    paths = list(weights)
    wanted = (
        paths[0],
        max(paths, key=lambda path: spread(weights[path])),
        max(paths, key=lambda path: weights[path].numel()),
        paths[-1],
        *paths,
    )
    return sorted(list(dict.fromkeys(wanted))[: min(most, LAYERS)], key=paths.index)


def _inputs_of(
    chosen: Mapping[str, nn.Module], model: nn.Module, inputs: Tensor
) -> dict[str, Tensor]:
    """All numbers that went into each of these layers."""
    seen: dict[str, list[Tensor]] = {path: [] for path in chosen}

    def note(kept: list[Tensor], _: nn.Module, args: tuple[Any, ...]) -> None:
        if args and isinstance(args[0], Tensor) and args[0].is_floating_point():
            kept.append(args[0].detach().float().flatten().clone())

    handles = [
        module.register_forward_pre_hook(partial(note, seen[path]))
        for path, module in chosen.items()
    ]
    try:
        with evaluating(model):
            model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return {path: torch.cat(kept) for path, kept in seen.items() if kept}


def _sample(
    path: str, module: nn.Module, matrix: Tensor, activations: Tensor | None
) -> LayerSample:
    channels, inputs = matrix.shape
    rows, columns = _fitting(channels, inputs)
    some = matrix[_evenly(channels, rows)][:, _evenly(inputs, columns)]
    low, high, counts = _histogram(activations)
    return LayerSample(
        layer=path,
        module=type(module).__name__,
        channels=channels,
        inputs=inputs,
        weights=tuple(tuple(_short(each) for each in row) for row in some.tolist()),
        activations=counts,
        activation_low=low,
        activation_high=high,
    )


def _fitting(channels: int, inputs: int) -> tuple[int, int]:
    """How many channels, and inputs of each, are NUMBERS at most."""
    rows = channels if channels * inputs <= NUMBERS else min(channels, CHANNELS)
    columns = min(inputs, NUMBERS // rows)
    return min(channels, NUMBERS // columns), columns


def _evenly(count: int, some: int) -> Tensor:
    """`some` of the numbers below `count`, the first and the last among them if it is two."""
    return torch.linspace(0, count - 1, some).round().long()


def _histogram(values: Tensor | None) -> tuple[float | None, float | None, tuple[int, ...]]:
    """Ends and counts of equal bins; nothing where there is no range to divide."""
    if values is None or not bool(values.isfinite().all()):
        return None, None, ()
    low, high = float(values.min()), float(values.max())
    if low == high:
        return None, None, ()
    counts = torch.histc(values, BINS, low, high)
    return low, high, tuple(int(each) for each in counts)


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
