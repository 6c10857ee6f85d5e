"""Every technique of the report: a trained model in, the tensors of a compressed file out.

A technique that cannot be applied raises Unavailable, and its row shows the reason.
"""

from dataclasses import replace
from functools import partial

import torch

from efficiency.core.errors import Unavailable
from efficiency.routines.pruning.magnitude import fine_tune, magnitude_pruned, with_zeros
from efficiency.routines.pruning.selection import prunable
from efficiency.routines.quantization import classic
from efficiency.routines.quantization.calibration import calibration_inputs
from efficiency.routines.quantization.kernels import usual_engine
from efficiency.routines.quantization.settings import Settings
from efficiency.routines.recipes import bf16
from efficiency.routines.subject import Subject
from efficiency.routines.variant import Technique, Variant, baseline, coverage_of

CALIBRATION_INPUTS = 256


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


def pruned(subject: Subject, amount: float, *, fine_tuned: bool) -> Variant:
    """The smallest weights of all layers together set to zero, with or without training after."""
    model = magnitude_pruned(subject.model, amount)
    notes: tuple[str, ...] = ()
    if fine_tuned:
        steps = fine_tune(model, subject)
        notes = (f"Fine-tuned for {steps} steps, an eighth of the training; zeros stayed zero.",)
    return replace(with_zeros(model, subject, prunable(subject.model)), notes=notes)


def _pruning(percent: int, tuned: bool) -> Technique:
    return Technique(
        name=f"pruned-{percent}" + ("-tuned" if tuned else ""),
        label=f"pruned {percent} %" + (", fine-tuned" if tuned else ""),
        apply=partial(pruned, amount=percent / 100, fine_tuned=tuned),
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
