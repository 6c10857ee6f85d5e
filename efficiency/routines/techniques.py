"""Every technique of the report: a trained model in, the tensors of a compressed file out.

A technique that cannot be applied raises Unavailable, and its row shows the reason.
"""

import copy
from functools import partial

import torch
from torch import nn
from torch.nn.utils import prune

from efficiency.core.errors import Unavailable
from efficiency.routines.quantization import classic
from efficiency.routines.quantization.calibration import calibration_inputs
from efficiency.routines.quantization.kernels import usual_engine
from efficiency.routines.quantization.settings import Settings
from efficiency.routines.recipes import bf16, plain
from efficiency.routines.subject import Subject
from efficiency.routines.variant import Technique, Variant, baseline, coverage_of
from efficiency.workloads.training import fit

CALIBRATION_INPUTS = 256
FINE_TUNING_SHARE = 1 / 8  # of the steps of training
WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


def to_bf16(subject: Subject) -> Variant:
    """All floating-point tensors rounded to bfloat16; the arithmetic is bfloat16 too."""
    tensors = {
        name: tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor
        for name, tensor in subject.model.state_dict().items()
    }
    return Variant(
        recipe=bf16,
        tensors=tensors,
        coverage=coverage_of(subject.model, lambda name, layer: None),
        precision="bf16",
        whole_model=True,
    )


def to_int8_dynamic(subject: Subject) -> Variant:
    """Linear and recurrent layers with int8 weights, activations quantized as they come."""
    return classic.dynamic(subject, Settings(engine=usual_engine(), granularity="per-tensor"))


def to_int8_static(subject: Subject) -> Variant:
    """Weights and activations in int8 with calibrated scales, layers fused, per channel."""
    if subject.split is None:
        raise Unavailable(
            "Static quantization is calibrated on real inputs, and there is no data for this model."
        )
    calibration = calibration_inputs(subject, CALIBRATION_INPUTS, subject.seed)
    return classic.static_fx(subject, Settings(engine=usual_engine()), calibration)


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
    coverage = coverage_of(
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
