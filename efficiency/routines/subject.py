"""The model under test: from an example that is trained here, or from an accepted file."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from efficiency import intake
from efficiency.core.errors import BadInput, Unavailable
from efficiency.core.requests import ModelRequest, Request
from efficiency.core.units import bytes_text, share_text
from efficiency.core.values import Environment
from efficiency.measure.environment import describe
from efficiency.measure.outputs import output_tensor
from efficiency.routines.architecture import architecture_of
from efficiency.workloads import catalogue, recognise
from efficiency.workloads.catalogue import Workload
from efficiency.workloads.inputs import random_inputs
from efficiency.workloads.split import Split
from efficiency.workloads.training import evaluate, trained


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is compressed: the trained float model, where it came from, and its data if any."""

    model: nn.Module
    workload: Workload
    split: Split | None
    seed: int


def environment_of(request: Request) -> Environment:
    """The machine that the request is for. Raises BadInput if it has no such device."""
    try:
        return describe(request.device)
    except Unavailable as error:
        raise BadInput(str(error)) from None


def workload_of(request: ModelRequest) -> Workload | None:
    """What the request is about, in the input shape it asks for; None for an unknown file.

    Raises UnknownName for a name that is not in the catalogue, BadInput for a shape that its data
    do not have.
    """
    name = architecture_of(request)
    if name is None:
        return None
    workload = catalogue.get(name)
    if request.input_shape is None:
        return workload
    return in_shape(workload, (1, *request.input_shape[1:]))


def prepare(
    request: ModelRequest, workload: Workload, on_step: Callable[[str, float], None]
) -> tuple[Subject, tuple[str, ...]]:
    """The subject of a report, and notes on how it was made.

    `on_step` is told what is being done, and the share of it that is done.

    Raises BadInput if the file does not fit the architecture, or the input shape the model.
    """
    notes: tuple[str, ...] = ()
    if request.model is None:
        on_step("training", 0)
        tensors = trained(
            workload,
            request.seed,
            lambda percent: on_step(f"training, {percent} % done", percent / 100),
        )
    else:
        on_step("loading", 0)
        tensors, notes = uploaded(request.model, workload)
    model = filled(workload, tensors)
    _try_out(model, workload)
    split = workload.load_split()
    if request.model is not None and not _finite(model, workload):
        notes += (
            "The model's outputs are NaN or infinite, so nothing below says anything about them; "
            "look for such values in its weights.",
        )
        workload, split = replace(workload, data=None), None
    if request.model is not None and split is not None and workload.data is not None:
        score = evaluate(model, split)
        if score < workload.data.least_score:
            notes += (
                f"On {workload.data.label} this file scores {share_text(score)}, so it was trained "
                "on something else: score, calibration and fine-tuning are left out.",
            )
            workload, split = replace(workload, data=None), None
    return Subject(model=model, workload=workload, split=split, seed=request.seed), notes


def in_shape(workload: Workload, shape: tuple[int, ...]) -> Workload:
    """The workload with inputs of another shape. Raises BadInput where its data has just one."""
    if workload.data is not None and shape != workload.input_shape:
        raise BadInput(_wrong_shape(workload, shape))
    return replace(workload, input_shape=shape)


def example_input(workload: Workload) -> Tensor:
    """One random input of the workload's shape."""
    return random_inputs(workload.input_shape, workload.vocabulary)


def check_room(model: nn.Module, files: int, folder: Path) -> None:
    """Raise BadInput if that many copies of the model fit not on the disk or not in memory."""
    size = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    needed = size * files
    rooms = (
        ("on the disk", shutil.disk_usage(folder).free),
        ("in memory", psutil.virtual_memory().available),
    )
    for place, free in rooms:
        if needed > 0.9 * free:
            raise BadInput(
                f"The {files} files of this model need about {bytes_text(needed)} {place}, and "
                f"{bytes_text(free)} are free; use a smaller model or a larger machine."
            )


def filled(workload: Workload, tensors: dict[str, Tensor]) -> nn.Module:
    """The workload's network with these weights."""
    model = workload.build()
    # Older checkpoints lack the counters of batch normalization, which inference does not use.
    missing = model.load_state_dict(tensors, strict=False).missing_keys
    if any(not name.endswith(recognise.OPTIONAL) for name in missing):
        raise AssertionError("what was trained or accepted is complete")
    return model


def uploaded(model: str, workload: Workload) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The file's tensors in float32, if they are those of the architecture, and notes on them."""
    accepted = intake.load(model)
    found = recognise.mismatch(accepted.shapes, workload.name)
    if found is not None:
        raise BadInput(
            f"This file does not fit {workload.label}: {found}; choose another architecture, or "
            "none for the weights report."
        )
    notes = list(accepted.notes)
    known = recognise.signatures()[workload.name]
    stored = load_file(intake.weights_path(model))
    tensors = {name: tensor for name, tensor in stored.items() if name in known}
    if extra := sorted(stored.keys() - known.keys()):
        notes.append(f"{len(extra)} tensors that {workload.label} does not have were left out.")
    floats = {str(each.dtype)[6:] for each in tensors.values() if each.is_floating_point()}
    if floats != {"float32"}:
        size = bytes_text(intake.weights_path(model).stat().st_size)
        notes.append(
            f"The file is stored as {', '.join(sorted(floats))} and takes {size}; the baseline "
            f"computes in float32 with the same values, so compare the other sizes with {size}."
        )
    as_float32 = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }
    return as_float32, tuple(notes)


def _try_out(model: nn.Module, workload: Workload) -> None:
    """One forward pass, so that a wrong shape is told before anything is measured."""
    try:
        with torch.inference_mode():
            model(example_input(workload))
    except (RuntimeError, ValueError, IndexError) as error:
        raise BadInput(_wrong_shape(workload, workload.input_shape)) from error


@torch.inference_mode()
def _finite(model: nn.Module, workload: Workload) -> bool:
    return bool(output_tensor(model(example_input(workload))).isfinite().all())


def _wrong_shape(workload: Workload, shape: tuple[int, ...]) -> str:
    own = catalogue.get(workload.name).input_shape
    return f"{workload.label} cannot run on inputs of shape {shape}; its own shape is {own}."
