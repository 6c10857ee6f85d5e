"""Which method suits a model, said before anything is quantized: the tutorial's table, measured.

The table goes by what a model is made of (recurrent and linear layers: dynamic; convolutions:
static; QAT where static loses accuracy). Whether any of them can pay is told by a forecast: int8 is
at best so many times as fast as float32 in each layer, and never faster than an int8 operator can
be started at all, which is measured here.
"""

import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import torch
from torch import Tensor, nn

from efficiency.core.anatomy import LayerWork
from efficiency.core.quantization import MethodAdvice
from efficiency.core.units import bytes_text, seconds_text, share_text
from efficiency.measure.layer_times import layer_times
from efficiency.measure.operations import count_operations
from efficiency.measure.timing import compare
from efficiency.routines.quantization.folding import norms_after, spread, weight_matrix

T = TypeVar("T", int, float)

LAYER_SECONDS = 2.0
START_SECONDS = 0.4
BEST = 4.0  # times as fast: a register holds four times as many int8 numbers as float32 ones
WORTH = 1.1  # times as fast, in a forecast, from which on it says that a method pays
# One scale for all channels then leaves the median channel 3 of 8 bits. Measured on the small
# MobileNetV2: at 30 to 60 static quantization lost a point, at 90 and more 5 to 70.
WIDE = 32.0


class Kind(StrEnum):
    """What the tutorial's table tells layers apart by."""

    CONVOLUTION = "convolutions"
    LINEAR = "linear layers"
    RECURRENT = "recurrent layers"
    NORM = "batch normalization"
    OTHER = "everything else"


KINDS = {
    "Conv1d": Kind.CONVOLUTION,
    "Conv2d": Kind.CONVOLUTION,
    "Conv3d": Kind.CONVOLUTION,
    "Linear": Kind.LINEAR,
    "LSTM": Kind.RECURRENT,
    "GRU": Kind.RECURRENT,
    "BatchNorm1d": Kind.NORM,
    "BatchNorm2d": Kind.NORM,
    "BatchNorm3d": Kind.NORM,
}
STATIC = (Kind.CONVOLUTION, Kind.LINEAR)
DYNAMIC = (Kind.LINEAR, Kind.RECURRENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """Seconds to start an int8 operator with next to nothing to do, by method."""

    static: float
    dynamic: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Makeup:
    """What a model is made of, as far as it decides about methods.

    seconds, weights and moved: of one call, by kind; weights and moved are numbers, not bytes.
    static_seconds, dynamic_seconds: forecasts of one call. spread: of the depthwise convolution
    whose channels' ranges differ most, None where there is none.
    """

    seconds: Mapping[Kind, float]
    weights: Mapping[Kind, int]
    moved: int
    static_seconds: float
    dynamic_seconds: float
    starts: Starts
    batch_size: int
    spread: float | None = None

    @property
    def whole(self) -> float:
        """Seconds of all layers."""
        return sum(self.seconds.values())

    def share(self, *kinds: Kind) -> float:
        """Share of the time that these kinds take."""
        return sum(self.seconds[kind] for kind in kinds) / self.whole if self.whole else 0.0


def advise(
    model: nn.Module,
    inputs: Tensor,
    *,
    granularity: str = "per-channel",
    trainable: bool = True,
    seed: int = 0,
) -> MethodAdvice:
    """The method for a float model on a batch like `inputs`, before it is measured; takes ~3 s.

    trainable: whether there are data to train on, which QAT needs. Uses as many threads as PyTorch
    is set to.
    """
    return advice_for(
        makeup(model, inputs, seed=seed), granularity=granularity, trainable=trainable
    )


def makeup(model: nn.Module, inputs: Tensor, *, seed: int = 0) -> Makeup:
    """Count and time the layers of one call, and the start of an int8 operator."""
    works = count_operations(model, (inputs,)).layers
    times = layer_times(model, (inputs,), budget_seconds=LAYER_SECONDS, seed=seed)
    seconds = {layer: spread_.median for layer, spread_ in times.layers.items()}
    starts = start_seconds()
    kinds = {path: _kind(module) for path, module in model.named_modules()}
    return Makeup(
        seconds=_sum(kinds, seconds.items()),
        weights=_sum(kinds, ((each.layer, each.weights) for each in works)),
        moved=sum(_numbers(each) for each in works),
        static_seconds=forecast(kinds, seconds, STATIC, starts.static),
        dynamic_seconds=forecast(kinds, seconds, DYNAMIC, starts.dynamic),
        starts=starts,
        batch_size=len(inputs),
        spread=_depthwise_spread(model, inputs[:1]),
    )


def forecast(
    kinds: Mapping[str, Kind], seconds: Mapping[str, float], changed: Sequence[Kind], start: float
) -> float:
    """The least seconds that a call can take if the layers of these kinds are in int8.

    Convolutions are changed by static quantization only: normalization is then folded in, and what
    lies between the layers is in int8, too.
    """
    static = Kind.CONVOLUTION in changed
    total = 0.0
    for layer, spent in seconds.items():
        if kinds[layer] in changed:
            total += max(start, spent / BEST)
        elif not static:
            total += spent
        elif kinds[layer] is Kind.OTHER:
            total += spent / BEST
    return total


def advice_for(found: Makeup, *, granularity: str, trainable: bool) -> MethodAdvice:
    """The tutorial's table, for this makeup; none where no method is forecast to pay."""
    dynamic = found.share(*DYNAMIC) > found.share(Kind.CONVOLUTION)
    method = "dynamic" if dynamic else "static"
    seconds = found.dynamic_seconds if dynamic else found.static_seconds
    reasons = [_where(found), _bytes(found, dynamic=dynamic)]
    paying = found.whole / seconds >= WORTH if seconds else False
    if not paying:
        reasons.append(_no_gain(found, method, seconds))
        return MethodAdvice(method="none", reasons=tuple(reasons))
    reasons.append(_gain(found, method, seconds))
    if method == "static":
        reasons.append(_accuracy(found, granularity, trainable=trainable))
        if _narrow(found, granularity) and trainable:
            method = "qat"
    return MethodAdvice(method=method, reasons=tuple(reasons))


def start_seconds(seconds: float = START_SECONDS) -> Starts:
    """How long the smallest int8 operators take, on as many threads as PyTorch is set to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these types will go one day
        tiny = torch.quantize_per_tensor(torch.rand(1, 8, 2, 2), 0.01, 0, torch.quint8)
        convolution = torch.ao.nn.quantized.Conv2d(8, 8, 1)
        linear = torch.ao.nn.quantized.dynamic.Linear(8, 8)
    row = torch.rand(1, 8)
    with torch.inference_mode():
        timings = compare(
            {"static": lambda: convolution(tiny), "dynamic": lambda: linear(row)},
            budget_seconds=seconds,
            threads=torch.get_num_threads(),
        ).timings
    return Starts(**{name: timing.median_seconds for name, timing in timings.items()})


def _kind(module: nn.Module) -> Kind:
    known = (KINDS.get(base.__name__) for base in type(module).__mro__)
    return next((kind for kind in known if kind is not None), Kind.OTHER)


def _numbers(work: LayerWork) -> int:
    return work.weights + work.inputs + work.outputs


def _depthwise_spread(model: nn.Module, inputs: Tensor) -> float | None:
    modules, norms = dict(model.named_modules()), norms_after(model, inputs)
    spreads = [
        spread(weight_matrix(layer, modules.get(norms.get(path, ""))))
        for path, layer in modules.items()
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d)
        and layer.groups == layer.in_channels > 1
    ]
    return max(spreads, default=None)


def _sum(kinds: Mapping[str, Kind], amounts: Iterable[tuple[str, T]]) -> dict[Kind, T]:
    """Amounts of layers added up by the kinds of the layers; 0 for kinds that are not there."""
    found: dict[Kind, T] = defaultdict(int)
    for layer, amount in amounts:
        found[kinds[layer]] += amount
    return {kind: found[kind] for kind in Kind}


def _where(found: Makeup) -> str:
    parts = sorted(((found.share(kind), kind.value) for kind in Kind), reverse=True)
    named = ", ".join(f"{share_text(share)} in {kind}" for share, kind in parts if share >= 0.01)
    return f"Of the {seconds_text(found.whole)} of a call's layers it spends {named}."


def _bytes(found: Makeup, *, dynamic: bool) -> str:
    weights = sum(found.weights.values())
    share = weights / found.moved if found.moved else 0.0
    if dynamic:
        return (
            f"Its {bytes_text(4 * weights)} of weights are {share_text(share)} of what its "
            "operators read and write in a call; that is what dynamic quantization makes four "
            "times smaller."
        )
    return (
        f"Activations are {share_text(1 - share)} of what its operators read and write in a call; "
        "only static quantization keeps them in int8 from layer to layer."
    )


def _gain(found: Makeup, method: str, seconds: float) -> str:
    folded = ", normalization is folded in" if method == "static" and found.share(Kind.NORM) else ""
    return (
        f"At best {method} int8 by itself makes that {seconds_text(seconds)}, "
        f"{found.whole / seconds:.1f} times as fast: no operator gets more than {BEST:g} times as "
        f"fast{folded}, and starting one in int8 takes {seconds_text(_start(found, method))} here. "
        "What a compiler removes comes on top."
    )


def _no_gain(found: Makeup, method: str, seconds: float) -> str:
    inputs = "input" if found.batch_size == 1 else "inputs"
    return (
        f"Even at best {method} int8 would make that {seconds_text(seconds)}: starting an int8 "
        f"operator takes {seconds_text(_start(found, method))} here, however little it computes, "
        f"and {found.batch_size} {inputs} a call are too few. For a smaller file, or larger "
        f"batches, take {method}."
    )


def _start(found: Makeup, method: str) -> float:
    return found.starts.dynamic if method == "dynamic" else found.starts.static


def _narrow(found: Makeup, granularity: str) -> bool:
    return granularity == "per-tensor" and found.spread is not None and found.spread > WIDE


def _accuracy(found: Makeup, granularity: str, *, trainable: bool) -> str:
    if found.spread is None or found.spread <= WIDE:
        return "Nothing in its weights says that static loses accuracy; take QAT if it does."
    wide = (
        f"In a depthwise convolution the largest channel's weights are {found.spread:.0f} times as "
        "large as the median channel's"
    )
    if not _narrow(found, granularity):
        return f"{wide}: a scale for each channel copes with that, a single one would need QAT."
    steps = f"{wide}, which a single scale leaves {256 / found.spread:.0f} of 256 steps"
    if not trainable:
        return f"{steps}: use a scale for each channel, as there are no data to train on."
    return f"{steps}: train with the rounding (QAT), or use a scale for each channel."
