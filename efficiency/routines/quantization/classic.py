"""PyTorch's classic quantization, torch.ao: dynamic, and static by eager mode and by torch.fx."""

import re
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.fx import GraphModule

from efficiency.core.errors import Unavailable
from efficiency.core.quiet import quiet
from efficiency.measure.outputs import output_tensor
from efficiency.routines.quantization.calibration import calibrated_on, check_calibration, observe
from efficiency.routines.quantization.coverage import DYNAMIC, STATIC, covered
from efficiency.routines.quantization.fusion import fusible
from efficiency.routines.quantization.kernels import using
from efficiency.routines.quantization.settings import Settings, mapping, qconfig
from efficiency.routines.recipes import int8_dynamic, int8_eager, int8_static, packing
from efficiency.routines.subject import Subject, example_input
from efficiency.routines.variant import Variant, model_of

Model = TypeVar("Model", bound=nn.Module)

__all__ = ["dynamic", "model_of", "static_eager", "static_fx"]


def dynamic(subject: Subject, settings: Settings) -> Variant:
    """Linear and recurrent layers with int8 weights, activations quantized as they come."""
    quantized = dynamic_model(subject, settings)
    return Variant(
        recipe=int8_dynamic,
        tensors=packing.pack(quantized.state_dict()),
        coverage=covered(subject.model, quantized, DYNAMIC),
        precision="int8-dynamic",
        settings={"engine": settings.engine},
    )


def static_eager(subject: Subject, settings: Settings, calibration: Tensor) -> Variant:
    """Weights and activations in int8 with calibrated scales; the model's own code runs the layers.

    From end to end where that code can work on int8 tensors, else layer by layer. Raises BadInput
    for a calibration that does not fit.
    """
    quantized, structure, obstacle = eager_model(subject, settings, calibration)
    notes = [calibrated_on(subject, calibration), *levels(settings)]
    if obstacle is not None:
        notes.append(f"Every layer quantizes its input and dequantizes its output, as {obstacle}.")
    return Variant(
        recipe=int8_eager,
        tensors=packing.pack(quantized.state_dict()),
        coverage=covered(subject.model, quantized, STATIC),
        precision="int8",
        whole_model=obstacle is None,
        notes=tuple(notes),
        settings={"engine": settings.engine, **structure},
    )


def static_fx(subject: Subject, settings: Settings, calibration: Tensor) -> Variant:
    """Weights and activations in int8 with calibrated scales, from a graph that torch.fx traced.

    Raises BadInput for a calibration that does not fit.
    """
    quantized = fx_model(subject, settings, calibration)
    notes = (calibrated_on(subject, calibration), *levels(settings))
    return graph_variant(subject, settings, quantized, notes)


def graph_variant(
    subject: Subject, settings: Settings, quantized: GraphModule, notes: tuple[str, ...]
) -> Variant:
    """What is saved of a quantized graph."""
    return Variant(
        recipe=int8_static,
        tensors=packing.pack(quantized.state_dict()),
        coverage=covered(subject.model, quantized, STATIC),
        precision="int8",
        whole_model=True,
        notes=notes,
        settings={"engine": settings.engine, "fusion": settings.fusion},
    )


def levels(settings: Settings) -> tuple[str, ...]:
    """A note where activations do not use all 8 bits."""
    if settings.highest == 255:
        return ()
    return (
        f"With {settings.engine} activations have {settings.highest + 1} levels, not 256, so that "
        "its sums cannot overflow on CPUs without VNNI.",
    )


def dynamic_model(subject: Subject, settings: Settings) -> nn.Module:
    """The model quantized dynamically. Raises Unavailable if it has no layer for that."""
    if not any(isinstance(each, int8_dynamic.QUANTIZED_TYPES) for each in subject.model.modules()):
        raise Unavailable("This model has no linear or recurrent layer to quantize dynamically.")
    return running(
        subject,
        settings,
        lambda: int8_dynamic.quantize(subject.model, per_channel=settings.per_channel),
    )


def eager_model(
    subject: Subject, settings: Settings, calibration: Tensor
) -> tuple[nn.Module, dict[str, object], str | None]:
    """The model quantized in eager mode, its structure for the recipe, and what is in the way.

    The last is the reason why it is quantized layer by layer, None if it is from end to end.
    """
    check_calibration(calibration, subject.workload)
    fused = fusible(subject.model, example_input(subject.workload)) if settings.fusion else ()

    def quantized(inputs: Tensor, *, by_layer: bool) -> nn.Module:
        prepared = int8_eager.observed(
            subject.model, qconfig(settings), fused=fused, by_layer=by_layer
        )
        observe(prepared, inputs)
        return running(subject, settings, lambda: int8_eager.converted(prepared))

    obstacle = None
    if subject.workload.vocabulary is not None:
        obstacle = "the model's inputs are ids"
    elif _has_unsaved(subject.model):
        obstacle = "PyTorch cannot save PReLU and ELU in int8"
    else:
        try:
            quantized(calibration[:1], by_layer=False)
        except Exception as error:  # noqa: BLE001 - whatever the model's own code has against int8
            obstacle = f"eager mode leaves alone what happens between them ({reason(error)})"
    by_layer = obstacle is not None
    model = quantized(calibration, by_layer=by_layer)
    _check_something(subject, model)
    return model, {"fused": fused, "by_layer": by_layer}, obstacle


def fx_model(subject: Subject, settings: Settings, calibration: Tensor) -> GraphModule:
    """The model quantized as a graph, calibrated. Raises Unavailable where it cannot be traced."""
    check_calibration(calibration, subject.workload)
    prepared = traced(subject, settings)
    observe(prepared, calibration)
    return converted(subject, settings, prepared)


def traced(subject: Subject, settings: Settings, *, training: bool = False) -> GraphModule:
    """A graph of the model with observers. Raises Unavailable where torch.fx cannot follow it."""
    if _has_unsaved(subject.model):
        raise Unavailable("This model has PReLU or ELU, which PyTorch cannot save in int8.")
    try:
        return int8_static.prepare(
            subject.model,
            example_input(subject.workload),
            mapping(settings, training=training),
            fusion=settings.fusion,
            training=training,
        )
    except Exception as error:  # torch.fx raises whatever the model's own Python raised
        raise Unavailable(
            f"PyTorch's static quantization cannot trace this model ({reason(error)})."
        ) from error


def converted(subject: Subject, settings: Settings, prepared: GraphModule) -> GraphModule:
    """The quantized graph of one whose observers know their ranges."""
    quantized = running(
        subject, settings, lambda: int8_static.convert(prepared, fusion=settings.fusion)
    )
    _check_something(subject, quantized)
    return quantized


def running(subject: Subject, settings: Settings, quantize: Callable[[], Model]) -> Model:
    """What `quantize` makes, tried out. Raises Unavailable where the engine cannot run it.

    Some kernels fill their output only in part: then two calls differ.
    """
    example = example_input(subject.workload)
    try:
        with using(settings.engine), torch.no_grad(), quiet():
            quantized = quantize()
            first, second = (output_tensor(quantized(example)) for _ in range(2))
    except Exception as error:  # PyTorch raises of all kinds, AssertionError among them
        raise Unavailable(
            f"The engine {settings.engine} cannot run this model in int8 ({reason(error)})."
        ) from error
    if not torch.allclose(first, second, rtol=0, atol=0, equal_nan=True):
        raise Unavailable(
            f"With the engine {settings.engine} two calls of this model in int8 differ, so it "
            "cannot be trusted; choose another engine."
        )
    return quantized


def _has_unsaved(model: nn.Module) -> bool:
    """Whether the int8 form of some layer leaves its weights or scale out of the state dict."""
    return any(isinstance(each, nn.PReLU | nn.ELU) for each in model.modules())


def _check_something(subject: Subject, quantized: nn.Module) -> None:
    """Raise Unavailable if all layers are float still."""
    if not covered(subject.model, quantized, STATIC).changed:
        raise Unavailable("PyTorch's static quantization finds no layer of this model to quantize.")


def reason(error: Exception) -> str:
    """What stopped PyTorch: the operator that has no int8 kernel, or its message's first line."""
    text = str(error.__cause__ or error)
    operator = re.search(r"Could not run 'aten::(\w+)", text)
    if operator is not None:
        return f"{operator[1]} has no int8 kernel"
    return text.partition("\n")[0].rstrip(".")
