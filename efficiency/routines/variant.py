"""What a technique is, and what it makes: a file's tensors, and how they become a model again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType

from torch import Tensor, nn
from torch.export import ExportedProgram

from efficiency.core.values import Coverage, Skipped
from efficiency.routines.recipes import plain
from efficiency.routines.subject import Subject, example_input


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The tensors of one compressed file and the recipe that makes a model of them.

    `precision` is the arithmetic of each changed layer; all others compute in fp32, unless the
    `whole_model` does, also between its layers. `settings` are keyword arguments for the recipe's
    `restore`. A `program` is a graph that holds its tensors itself; it is saved instead of them.
    Where layers are `reshaped`, fewer operations are done than by the float model.
    """

    recipe: ModuleType
    tensors: dict[str, Tensor]
    coverage: Coverage = field(default_factory=Coverage)
    precision: str = "fp32"
    whole_model: bool = False
    notes: tuple[str, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    program: ExportedProgram | None = None
    reshaped: bool = False


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


def model_of(variant: Variant, subject: Subject) -> nn.Module:
    """The model to run, made in this process in the way its file is loaded."""
    workload, program = subject.workload, variant.program
    restored: nn.Module = variant.recipe.restore(
        workload.build() if program is None else program.module(),
        variant.tensors,
        example_input(workload),
        **variant.settings,
    )
    return restored


def coverage_of(model: nn.Module, why_not: Callable[[str, nn.Module], str | None]) -> Coverage:
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
