"""Every technique of the report: a trained model in, the tensors of a compressed file out.

A technique that cannot be applied raises Unavailable, and its row shows the reason.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from efficiency.core.errors import Unavailable
from efficiency.core.values import Coverage, Skipped
from efficiency.routines.recipes import bf16, int8_dynamic, int8_static, packing, plain
from efficiency.routines.subject import Subject, example_input
from efficiency.workloads.training import fit

CALIBRATION_INPUTS = 256
FINE_TUNING_EPOCHS = 3
WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The tensors of one compressed file and the recipe that makes a model of them.

    `precision` is the arithmetic of each changed layer; all others compute in fp32, unless the
    `whole_model` does, also between its layers.
    """

    recipe: ModuleType
    tensors: dict[str, Tensor]
    coverage: Coverage = field(default_factory=Coverage)
    precision: str = "fp32"
    whole_model: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """One row of the report. `phase` is what its time is booked under.

    `cpu_only` techniques have kernels for CPUs only.
    """

    name: str
    label: str
    apply: Callable[[Subject], Variant]
    phase: str
    cpu_only: bool = False


def baseline(subject: Subject) -> Variant:
    """The model as it came, in float32."""
    return Variant(recipe=plain, tensors=dict(subject.model.state_dict()))


def to_bf16(subject: Subject) -> Variant:
    """All floating-point tensors rounded to bfloat16; the arithmetic is bfloat16 too."""
    tensors = {
        name: tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor
        for name, tensor in subject.model.state_dict().items()
    }
    return Variant(
        recipe=bf16,
        tensors=tensors,
        coverage=_coverage(subject.model, lambda layer: True, ""),
        precision="bf16",
        whole_model=True,
    )


def to_int8_dynamic(subject: Subject) -> Variant:
    """Linear and recurrent layers with int8 weights, activations quantized as they come."""
    coverage = _coverage(
        subject.model,
        lambda layer: isinstance(layer, int8_dynamic.QUANTIZED_TYPES),
        "dynamic quantization in PyTorch covers linear and recurrent layers only",
    )
    if not coverage.changed:
        raise Unavailable("This model has no linear or recurrent layer to quantize dynamically.")
    quantized = int8_dynamic.quantize(subject.model)
    return Variant(
        recipe=int8_dynamic,
        tensors=packing.pack(quantized.state_dict()),
        coverage=coverage,
        precision="int8",
    )


def to_int8_static(subject: Subject) -> Variant:
    """Weights and activations in int8 with calibrated scales, layers fused, per channel."""
    if subject.split is None:
        raise Unavailable(
            "Static quantization is calibrated on real inputs, and there is no data for this model."
        )
    order = torch.Generator().manual_seed(subject.seed)
    chosen = torch.randperm(len(subject.split.train_inputs), generator=order)[:CALIBRATION_INPUTS]
    calibration = subject.split.train_inputs[chosen]
    try:
        quantized = int8_static.quantize(
            subject.model, example_input(subject.workload), calibration
        )
    except Exception as error:  # torch.fx raises whatever the model's own Python raised
        first = str(error).partition("\n")[0]
        raise Unavailable(
            f"PyTorch's static quantization cannot trace or calibrate this model ({first})."
        ) from error
    kept_float = {
        name
        for name, layer in quantized.named_modules()
        if type(layer) in (*WEIGHTED, nn.Embedding)
    }
    coverage = _coverage(
        subject.model,
        lambda layer: isinstance(layer, WEIGHTED),
        "has no static int8 version in PyTorch",
        besides=kept_float,
    )
    return Variant(
        recipe=int8_static,
        tensors=packing.pack(quantized.state_dict()),
        coverage=coverage,
        precision="int8",
        notes=(f"Calibrated on {len(chosen)} training inputs.",),
    )


def pruned(subject: Subject, amount: float, tuned: bool) -> Variant:
    """The smallest weights of all layers together set to zero (global magnitude pruning).

    With `tuned`, a few epochs of training follow in which the zeros stay zero.
    """
    if tuned and subject.split is None:
        raise Unavailable("Fine-tuning needs training data, and there is none for this model.")
    model = copy.deepcopy(subject.model)
    parameters = [(layer, "weight") for _, layer in weighted_layers(model)]
    if not parameters:
        raise Unavailable("This model has no linear or convolution layer to prune.")
    prune.global_unstructured(parameters, prune.L1Unstructured, amount=amount)
    notes: tuple[str, ...] = ()
    if tuned and subject.split is not None:
        fit(model, subject.split, epochs=FINE_TUNING_EPOCHS, seed=subject.seed)
        notes = (f"Fine-tuned for {FINE_TUNING_EPOCHS} epochs on the training data of the score.",)
    for layer, name in parameters:
        prune.remove(layer, name)
    coverage = _coverage(
        model, lambda layer: isinstance(layer, WEIGHTED), "only layer weights are pruned"
    )
    tensors = {name: model.state_dict()[name] for name in subject.model.state_dict()}
    return Variant(recipe=plain, tensors=tensors, coverage=coverage, notes=notes)


def weighted_layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Names and modules of the linear and convolution layers, where the arithmetic is."""
    return [(name, layer) for name, layer in model.named_modules() if isinstance(layer, WEIGHTED)]


def _coverage(
    model: nn.Module,
    changes: Callable[[nn.Module], bool],
    reason: str,
    besides: frozenset[str] | set[str] = frozenset(),
) -> Coverage:
    """Which layers with parameters of their own change; the others are skipped for `reason`."""
    changed, skipped = [], []
    for name, layer in model.named_modules():
        if next(layer.parameters(recurse=False), None) is None:
            continue
        if changes(layer) and name not in besides:
            changed.append(name)
        else:
            skipped.append(Skipped(layer=name, reason=f"{type(layer).__name__}: {reason}"))
    return Coverage(changed=tuple(changed), skipped=tuple(skipped))


def _pruning(percent: int, tuned: bool) -> Technique:
    return Technique(
        name=f"pruned-{percent}" + ("-tuned" if tuned else ""),
        label=f"pruned {percent} %" + (", fine-tuned" if tuned else ""),
        apply=partial(pruned, amount=percent / 100, tuned=tuned),
        phase="training" if tuned else "compression",
    )


TECHNIQUES = (
    Technique(name="baseline", label="baseline (fp32)", apply=baseline, phase="compression"),
    Technique(name="bf16", label="bf16", apply=to_bf16, phase="compression"),
    Technique(
        name="int8-dynamic",
        label="int8 dynamic",
        apply=to_int8_dynamic,
        phase="compression",
        cpu_only=True,
    ),
    Technique(
        name="int8-static",
        label="int8 static",
        apply=to_int8_static,
        phase="calibration",
        cpu_only=True,
    ),
    *(_pruning(percent, tuned) for tuned in (False, True) for percent in (50, 80, 90)),
)
