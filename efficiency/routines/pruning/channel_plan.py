"""Which channels are to go: found by torch-pruning's dependency graph, chosen by their magnitude.

A channel goes from all layers that share it (a residual sum, a depthwise convolution) and from all
that read it. The graph takes every operation that it does not know for one that is done channel by
channel, attention too, and would leave a network that runs and computes nonsense; so groups are
left alone, with the reason, unless every operation in them is known to be done channel by channel.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
import torch_pruning
from torch import Tensor, nn

from efficiency.core.errors import Unavailable
from efficiency.core.quiet import quiet
from efficiency.core.units import share_text
from efficiency.routines.pruning.stacked_lstm import StackedLSTM, unit_strengths

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
ROOTS = (*CONVOLUTIONS, nn.Linear, nn.Embedding, nn.LSTM)

# Autograd's names, without "Backward0", of what is done to each channel by itself, or only moves
# channels as a whole. Products with weights stand here because layers are built of them.
BY_CHANNEL = frozenset(
    """Add Sub Mul Div Relu LeakyRelu Elu Gelu Silu Sigmoid Tanh Hardtanh Hardswish Hardsigmoid
    Softplus Clamp ClampMin ConstantPadNd MaxPool1DWithIndices MaxPool2DWithIndices
    MaxPool3DWithIndices AvgPool2D AvgPool3D AdaptiveAvgPool2D AdaptiveMaxPool2D Mean Sum
    UpsampleNearest2D UpsampleBilinear2D NativeDropout Select Squeeze Unsqueeze Transpose Permute T
    Clone View UnsafeView ReshapeAlias Cat Split Addmm Mm MkldnnRnnLayer ToCopy""".split()  # noqa: SIM905 - a screenful
)
OUTPUTS = "its channels are the network's outputs"

# What PyTorch and torch-pruning raise where a network is not one that can be followed.
NOT_FOLLOWED = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    RuntimeError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One group's share: torch-pruning's group, the channels of its root that go, the layers.

    `layers` are those whose outputs are these channels, the root first.
    """

    group: Any
    lost: tuple[int, ...]
    layers: tuple[str, ...]
    before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What goes of the model that the graph was made for, and why the rest stays.

    lost_inputs, lost_outputs: channels by layer. kept: reasons by layer.
    """

    removals: tuple[Removal, ...]
    lost_inputs: dict[str, set[int]] = field(default_factory=dict)
    lost_outputs: dict[str, set[int]] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)


def plan(model: nn.Module, inputs: Tensor, share: float) -> Plan:
    """What to take out of `model` so that every group of layers loses `share` of its channels.

    Those of smallest magnitude go; at least one stays. Raises Unavailable if the network cannot be
    followed.
    """
    graph = _followed(model, inputs)
    names = {module: path for path, module in model.named_modules()}
    removals: list[Removal] = []
    kept: dict[str, str] = {}
    inputs_lost: defaultdict[str, set[int]] = defaultdict(set)
    outputs_lost: defaultdict[str, set[int]] = defaultdict(set)
    with quiet():
        groups = list(graph.get_all_groups(root_module_types=ROOTS))
    for group in groups:
        layers = _layers(graph, group, names)
        count = len(group[0].idxs)
        take = min(round(share * count), count - 1)
        reason = _obstacle(graph, group, names)
        if reason is None and take == 0:
            reason = f"{count} channels are too few to take {share_text(share, 0)} of them out"
        if reason is not None:
            kept |= dict.fromkeys(layers, reason)
            continue
        lost = strengths(group).topk(take, largest=False).indices.sort().values.tolist()
        for layer, output, indices in _parts(graph, group, lost, names):
            (outputs_lost if output else inputs_lost)[layer].update(indices)
        removals.append(Removal(group=group, lost=tuple(lost), layers=layers, before=count))
    return Plan(
        removals=tuple(removals),
        lost_inputs=dict(inputs_lost),
        lost_outputs=dict(outputs_lost),
        kept=kept,
    )


@torch.no_grad()
def strengths(group: Any) -> Tensor:
    """How large the weights of each channel are: squared L2 norms over the layers of the group.

    torch-pruning knows convolutions, linear layers and norms, and takes the mean over them;
    embeddings and LSTMs are added, each relative to the mean over its channels.
    """
    known = torch_pruning.importance.MagnitudeImportance(p=2)(group)
    found = known if isinstance(known, Tensor) else torch.zeros(len(group[0].idxs))
    for item in group:
        layer = item.dep.target.module
        if isinstance(layer, nn.Embedding):
            found = found + _relative(layer.weight.square().sum(0))
        elif isinstance(layer, nn.LSTM):
            outputs = item.dep.handler.__name__ == StackedLSTM.prune_out_channels.__name__
            reads = layer.get_parameter("weight_ih_l0").square().sum(0)
            last = layer.num_layers - 1
            found = found + _relative(unit_strengths(layer, last) if outputs else reads)
    return found


def _relative(values: Tensor) -> Tensor:
    return values / values.mean().clamp_min(torch.finfo(values.dtype).tiny)


def _followed(model: nn.Module, inputs: Tensor) -> Any:
    """torch-pruning's graph. Raises Unavailable, naming a layer, where it does not see all."""
    ran: list[str] = []
    hooks = [
        layer.register_forward_hook(lambda layer, args, output, path=path: ran.append(path))
        for path, layer in model.named_modules()
        if isinstance(layer, ROOTS)
    ]
    try:
        with quiet(), torch.enable_grad():
            # A tensor by itself would be called as model(*inputs), a batch of one without a batch.
            graph = torch_pruning.DependencyGraph().build_dependency(
                model,
                (inputs,),
                customized_pruners={nn.LSTM: StackedLSTM()},
                verbose=False,
            )
    except NOT_FOLLOWED as error:
        said = str(error).partition("\n")[0] or type(error).__name__
        raise Unavailable(f"torch-pruning cannot follow this network: {said}") from error
    finally:
        for hook in hooks:
            hook.remove()
    seen = {id(module) for module in graph.module2node}
    for path in ran:
        if id(model.get_submodule(path)) not in seen:
            raise Unavailable(
                f"torch-pruning follows gradients to find the channels that belong together, and "
                f"none leads from the output back to {path}; so no channel can be taken out."
            )
    twice = next((path for number, path in enumerate(ran) if path in ran[:number]), None)
    if twice is not None:
        raise Unavailable(
            f"{twice} runs more than once in a pass, and torch-pruning cannot tell its uses apart; "
            "so no channel can be taken out."
        )
    return graph


def _obstacle(graph: Any, group: Any, names: dict[nn.Module, str]) -> str | None:
    """Why a group has to stay as it is; None if it may go."""
    targets = [item.dep.target for item in group]
    layers = [each for each in targets if each.module in names]
    for target in layers:
        if (reason := _special(target.module)) is not None:
            return f"its channels go through {names[target.module]}, which {reason}"
    for item in group:
        target = item.dep.target
        if graph.is_out_channel_pruning_fn(item.dep.handler) and not target.outputs:
            return OUTPUTS
        if isinstance(target.module, nn.Parameter):
            return "a parameter that belongs to no layer is mixed with its channels"
        if target.module not in names:
            operation = _operation(target.grad_fn)
            if "Attention" in operation:
                return "attention takes its channels in heads of a fixed size"
            if operation not in BY_CHANNEL:
                return f"its channels go through {operation}, which takes several of them together"
    return None


def _special(layer: nn.Module) -> str | None:
    """Why a layer cannot lose channels."""
    if isinstance(layer, CONVOLUTIONS):
        depthwise = layer.groups == layer.in_channels == layer.out_channels
        return None if layer.groups == 1 or depthwise else f"has {layer.groups} groups of channels"
    if isinstance(layer, nn.LSTM):
        plain = not layer.bidirectional and not layer.proj_size
        return None if plain else "is bidirectional or projects its outputs"
    if isinstance(layer, (nn.Linear, nn.Embedding, *NORMS)):
        return None
    return f"takes all of them together ({type(layer).__name__})"


def _operation(grad_fn: Any) -> str:
    """The operation that an autograd node is the backward of, like Relu for ReluBackward0."""
    return str(grad_fn.name() if hasattr(grad_fn, "name") else grad_fn).partition("Backward")[0]


def _layers(graph: Any, group: Any, names: dict[nn.Module, str]) -> tuple[str, ...]:
    """The layers whose outputs are the channels of a group, the root first."""
    found = [
        names[item.dep.target.module]
        for item in group
        if item.dep.target.module in names and graph.is_out_channel_pruning_fn(item.dep.handler)
    ]
    return tuple(dict.fromkeys(found))


def _parts(
    graph: Any, group: Any, lost: list[int], names: dict[nn.Module, str]
) -> Iterator[tuple[str, bool, list[int]]]:
    """What losing these channels of the root means for every layer: outputs or inputs, which."""
    root = group[0].dep
    with quiet():
        whole = graph.get_pruning_group(root.target.module, root.handler, lost)
    for item in whole:
        layer = item.dep.target.module
        if layer in names:
            yield names[layer], graph.is_out_channel_pruning_fn(item.dep.handler), list(item.idxs)
