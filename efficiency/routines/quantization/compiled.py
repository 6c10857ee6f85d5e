"""Models that go through a compiler: a graph of torch.export with its tensors, saved as one file.

Inductor makes int8 operators of the graph where it is loaded (`recipes/exported.py`). The float
model takes the same way as a control: it tells how much of a gain is overhead removed and how much
is arithmetic saved.

torchao is imported only where it is used, as that takes seconds.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch._inductor.decomposition
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx import GraphModule
from torch.nn.modules.batchnorm import _BatchNorm

from efficiency.core.errors import Unavailable
from efficiency.core.quiet import quiet
from efficiency.core.values import Coverage
from efficiency.routines.quantization import inductor
from efficiency.routines.quantization.calibration import calibrated_on, check_calibration, observe
from efficiency.routines.recipes import exported
from efficiency.routines.subject import Subject
from efficiency.routines.variant import Variant, coverage_of
from efficiency.workloads.inputs import random_inputs

ATEN = torch.ops.aten
WEIGHTED = (ATEN.conv1d.default, ATEN.conv2d.default, ATEN.conv3d.default, ATEN.linear.default)
DEQUANTIZE = torch.ops.quantized_decomposed.dequantize_per_channel.default
# torchao's own operators; written in PyTorch's, the file can be loaded without torchao.
TORCHAO = ("choose_qparams_affine", "quantize_affine", "dequantize_affine")
# Where in this machine's files a step was written: no business of a file that is given away, and
# larger than the weights of a small network.
TRACES = ("stack_trace", "from_node")
CHOICES = "Ranges from histograms, affine, a scale per output channel: the choices are pt2e's own."
PREFIX = "model."  # of every path inside Logits


class Logits(nn.Module):
    """The model with one tensor as its output, so that any process can load its graph."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """What the model is judged by: its output, or the logits in it."""
        output = self.model(x)
        logits: Tensor = output if isinstance(output, Tensor) else output.logits
        return logits


def fp32_compiled(subject: Subject) -> Variant:
    """The float model, compiled: what a compiler gains without any int8."""
    return Variant(
        recipe=exported,
        tensors=dict(subject.model.state_dict()),
        program=_program(Logits(copy.deepcopy(subject.model)), subject),
    )


def static_pt2e(subject: Subject, calibration: Tensor) -> Variant:
    """Weights and activations in int8; scales from histograms of `calibration`, per channel.

    Raises BadInput for a calibration that does not fit.
    """
    from efficiency.routines.quantization import torchao

    check_calibration(calibration, subject.workload)
    config = torchao.get_default_x86_inductor_quantization_config()
    return _pt2e(
        subject,
        torchao.X86InductorQuantizer().set_global(config),
        calibration,
        why_not="pt2e's quantizer for x86 has no integer kernel for it",
        precision="int8",
        whole_model=True,
        notes=(calibrated_on(subject, calibration), CHOICES),
    )


def dynamic_pt2e(subject: Subject) -> Variant:
    """Linear layers in int8; their inputs are quantized as they come, with one scale for all."""
    from efficiency.routines.quantization import torchao

    _check_linear(subject.model)
    config = torchao.get_default_x86_inductor_quantization_config(is_dynamic=True)
    return _pt2e(
        subject,
        torchao.X86InductorQuantizer().set_module_type_qconfig(nn.Linear, config),
        _example(subject),  # nothing is calibrated, but every observer wants to be called
        why_not="pt2e's dynamic quantization for x86 covers linear layers only",
        precision="int8-dynamic",
        whole_model=False,
        notes=(),
    )


def dynamic_torchao(subject: Subject) -> Variant:
    """Linear layers in int8; their inputs are quantized as they come, with a scale for each row."""
    from efficiency.routines.quantization import torchao

    _check_linear(subject.model)
    model = copy.deepcopy(subject.model)
    with quiet():
        # What it would set in the compiler would hold for everything else that is compiled here.
        config = torchao.Int8DynamicActivationInt8WeightConfig(set_inductor_config=False)
        torchao.quantize_(model, config)
        operators = [getattr(torch.ops.torchao, name).default for name in TORCHAO]
        known = torch._inductor.decomposition.decompositions
        program = _program(Logits(model), subject, {each: known[each] for each in operators})
    tensors: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        if hasattr(tensor, "qdata"):
            tensors |= _packed(name, tensor.qdata, tensor.scale, tensor.zero_point)
        else:
            tensors[name] = tensor
    why_not = "torchao's dynamic quantization covers linear layers only"
    return Variant(
        recipe=exported,
        tensors=tensors,
        coverage=_coverage(subject.model, tensors, why_not),
        precision="int8-dynamic",
        program=program,
    )


def _pt2e(
    subject: Subject,
    quantizer: object,
    calibration: Tensor,
    *,
    why_not: str,
    precision: str,
    whole_model: bool,
    notes: tuple[str, ...],
) -> Variant:
    """Export, prepare, calibrate, convert, export again."""
    from efficiency.routines.quantization import torchao

    graph = _program(Logits(copy.deepcopy(subject.model)), subject).module()
    weights = dict(_weights(graph))
    with quiet(), torch.no_grad():
        prepared = torchao.prepare_pt2e(graph, quantizer)
        observe(prepared, calibration)
        converted = torchao.convert_pt2e(prepared)
    _drop_unused(converted)
    tensors = _tensors(converted, weights)
    coverage = _coverage(subject.model, tensors, why_not)
    if not coverage.changed:
        raise Unavailable("pt2e's quantizer for x86 finds no layer of this model to quantize.")
    return Variant(
        recipe=exported,
        tensors=tensors,
        coverage=coverage,
        precision=precision,
        whole_model=whole_model,
        notes=notes,
        program=_program(converted, subject),
    )


def _program(
    model: nn.Module, subject: Subject, decompositions: dict[object, object] | None = None
) -> ExportedProgram:
    """The model's graph, for any number of inputs. Raises Unavailable where there is none."""
    inductor.settle()  # whoever has a graph may compile it
    try:
        with quiet(), torch.no_grad():
            program = torch.export.export(
                model, (_example(subject),), dynamic_shapes=({0: Dim.DYNAMIC},)
            )
        if decompositions is not None:
            program = program.run_decompositions(decompositions)
    except Exception as error:  # the export raises whatever the model's own Python raised
        first = str(error).strip().partition("\n")[0].rstrip(".")
        raise Unavailable(f"torch.export finds no graph of this model ({first}).") from error
    program.example_inputs = None  # would be saved, too
    for node in program.graph.nodes:
        for trace in TRACES:
            node.meta.pop(trace, None)
    return program


def _example(subject: Subject) -> Tensor:
    """Two random inputs: of one, an export would take the number for part of the model."""
    workload = subject.workload
    return random_inputs((2, *workload.input_shape[1:]), workload.vocabulary)


def _check_linear(model: nn.Module) -> None:
    if not any(isinstance(layer, nn.Linear) for layer in model.modules()):
        raise Unavailable("This model has no linear layer to quantize dynamically.")


def _weights(graph: GraphModule) -> Iterator[tuple[str, str]]:
    """Convolutions and linear layers by the name of their step, and the parameter they use."""
    for node in graph.graph.nodes:
        if node.target in WEIGHTED and node.args[1].op == "get_attr":
            yield node.name, node.args[1].target.removeprefix(PREFIX)


def _tensors(graph: GraphModule, weights: dict[str, str]) -> dict[str, Tensor]:
    """The tensors of a converted graph, named like those of packed models (`recipes/packing.py`).

    weights: what the parameters were called before, by the step that uses them.
    """
    names: dict[str, str] = {}
    for node in graph.graph.nodes:
        weight: Any = node.args[1] if node.name in weights else None
        if getattr(weight, "target", None) is DEQUANTIZE:
            for stored, end in zip(weight.args[:3], ("", "::scale", "::zero_point"), strict=True):
                names[stored.target] = weights[node.name] + end
    return {
        names.get(name, name.removeprefix(PREFIX)): tensor
        for name, tensor in graph.state_dict().items()
    }


def _packed(name: str, integers: Tensor, scale: Tensor, zero_point: Tensor) -> dict[str, Tensor]:
    return {
        name: integers,
        f"{name}::scale": scale.flatten(),
        f"{name}::zero_point": zero_point.flatten(),
    }


def _drop_unused(graph: GraphModule) -> None:
    """Remove the float weights that integers have taken the place of; they would be saved too."""
    used = {node.target for node in graph.graph.nodes if node.op == "get_attr"}
    for name in {*dict(graph.named_parameters()), *dict(graph.named_buffers())} - used:
        owner, _, attribute = name.rpartition(".")
        delattr(graph.get_submodule(owner), attribute)


def _coverage(model: nn.Module, tensors: Mapping[str, Tensor], why_not: str) -> Coverage:
    """Layers with a scale beside a weight have changed, and normalizations folded into such."""
    scaled = {name.partition("::")[0] for name in tensors if name.endswith("::scale")}
    convolutions = any(tensors[name].ndim > 2 for name in scaled)

    def reason(name: str, layer: nn.Module) -> str | None:
        if isinstance(layer, _BatchNorm) and f"{name}.running_mean" not in tensors:
            return None if convolutions else "it is part of the convolution before it, in float32"
        own = (f"{name}.{each}" for each, _ in layer.named_parameters(recurse=False))
        return why_not if scaled.isdisjoint(own) else None

    return coverage_of(model, reason)
