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
FINE_TUNING_SHARE = 1 / 8  # of the steps of training
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
        coverage=_coverage(subject.model, lambda name, layer: None),
        precision="bf16",
        whole_model=True,
    )


def to_int8_dynamic(subject: Subject) -> Variant:
    """Linear and recurrent layers with int8 weights, activations quantized as they come."""
    coverage = _coverage(
        subject.model,
        lambda name, layer: (
            None
            if isinstance(layer, int8_dynamic.QUANTIZED_TYPES)
            else "dynamic quantization in PyTorch covers linear and recurrent layers only"
        ),
    )
    if not coverage.changed:
        raise Unavailable("This model has no linear or recurrent layer to quantize dynamically.")
    quantized = int8_dynamic.quantize(subject.model)
    return Variant(
        recipe=int8_dynamic,
        tensors=packing.pack(quantized.state_dict()),
        coverage=coverage,
        precision="int8-dynamic",
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
    now = dict(quantized.named_modules())

    def reason(name: str, layer: nn.Module) -> str | None:
        if name not in now and isinstance(layer, nn.modules.batchnorm._BatchNorm):
            return None  # it is part of the convolution before it
        if type(now.get(name)).__module__.startswith("torch.ao.nn"):
            return None
        return "PyTorch's static quantization leaves it in float32"

    coverage = _coverage(subject.model, reason)
    return Variant(
        recipe=int8_static,
        tensors=packing.pack(quantized.state_dict()),
        coverage=coverage,
        precision="int8",
        whole_model=True,
        notes=(f"Calibrated on {len(chosen)} training inputs.",),
    )


def pruned(subject: Subject, amount: float, tuned: bool) -> Variant:
    """The smallest weights of all layers together set to zero (global magnitude pruning).

    With `tuned`, some more training follows in which the zeros stay zero.
    """
    recipe = subject.workload.recipe
    if tuned and (subject.split is None or recipe is None):
        raise Unavailable("Fine-tuning needs training data, and there is none for this model.")
    model = copy.deepcopy(subject.model)
    parameters = [(layer, name) for layer in model.modules() for name in weights_of(layer)]
    if not parameters:
        raise Unavailable("This model has no linear, convolution or recurrent layer to prune.")
    prune.global_unstructured(parameters, prune.L1Unstructured, amount=amount)
    notes: tuple[str, ...] = ()
    if tuned and subject.split is not None and recipe is not None:
        steps = fit(model, subject.split, recipe, seed=subject.seed, share=FINE_TUNING_SHARE)
        notes = (
            f"Fine-tuned for {steps} steps of {recipe.batch} inputs, an eighth of the training.",
        )
    for layer, name in parameters:
        prune.remove(layer, name)
    coverage = _coverage(
        model,
        lambda name, layer: (
            None
            if weights_of(layer)
            else "only weights of linear, convolution and recurrent layers are pruned"
        ),
    )
    tensors = {name: model.state_dict()[name] for name in subject.model.state_dict()}
    return Variant(recipe=plain, tensors=tensors, coverage=coverage, notes=notes)


def weights_of(layer: nn.Module) -> tuple[str, ...]:
    """The parameters of a layer that are matrices of its arithmetic; none in other layers."""
    if isinstance(layer, nn.RNNBase):
        names = (name for name, _ in layer.named_parameters(recurse=False))
        return tuple(name for name in names if name.startswith("weight_"))
    return ("weight",) if isinstance(layer, WEIGHTED) else ()


def _coverage(model: nn.Module, why_not: Callable[[str, nn.Module], str | None]) -> Coverage:
    """Which layers with parameters of their own change, and why not: None for those that do."""
    changed, skipped = [], []
    for name, layer in model.named_modules():
        if next(layer.parameters(recurse=False), None) is None:
            continue
        reason = why_not(name, layer)
        if reason is None:
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
