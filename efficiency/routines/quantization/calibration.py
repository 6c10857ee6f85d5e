"""The inputs that static quantization is calibrated on, and running them through observers."""

import torch
from torch import Tensor, nn

from efficiency.core.errors import BadInput
from efficiency.routines.subject import Subject
from efficiency.workloads.catalogue import Workload
from efficiency.workloads.inputs import random_inputs

RANDOM_INPUTS = 32  # at most: more of them say nothing new, and full-size networks take a while
BATCH = 32


def calibration_inputs(subject: Subject, samples: int, seed: int) -> Tensor:
    """`samples` training inputs that `seed` chose; random ones where the model has no data.

    Raises BadInput if there are not that many.
    """
    if samples < 1:
        raise BadInput(f"{samples} calibration inputs are none; give at least 1.")
    if subject.split is None:
        shape = (min(samples, RANDOM_INPUTS), *subject.workload.input_shape[1:])
        return random_inputs(shape, subject.workload.vocabulary, seed)
    inputs = subject.split.train_inputs
    if samples > len(inputs):
        raise BadInput(
            f"{samples:,} calibration inputs are more than the {len(inputs):,} that there are; "
            "ask for fewer."
        )
    order = torch.Generator().manual_seed(seed)
    return inputs[torch.randperm(len(inputs), generator=order)[:samples]]


def check_calibration(inputs: Tensor, workload: Workload) -> None:
    """Raise BadInput for inputs that the workload's network cannot be calibrated on."""
    wanted = tuple(workload.input_shape[1:])
    if tuple(inputs.shape[1:]) != wanted or inputs.ndim != len(wanted) + 1:
        raise BadInput(
            f"Calibration inputs of shape {tuple(inputs.shape)} do not fit {workload.label}; they "
            f"must be {('N', *wanted)} with any number N of inputs.".replace("'", "")
        )
    if len(inputs) == 0:
        raise BadInput("There are no calibration inputs; give at least 1.")
    if workload.vocabulary is not None:
        if inputs.is_floating_point() or inputs.min() < 0 or inputs.max() >= workload.vocabulary:
            raise BadInput(
                f"Calibration inputs of {workload.label} are token ids, whole numbers from 0 to "
                f"{workload.vocabulary - 1:,}; these are something else."
            )
    elif inputs.dtype != torch.float32:
        raise BadInput(
            f"Calibration inputs of {workload.label} are float32 numbers, not "
            f"{str(inputs.dtype).removeprefix('torch.')}; convert them."
        )
    elif not bool(inputs.isfinite().all()):
        bad = len(inputs) - int(inputs.flatten(1).isfinite().all(1).sum())
        raise BadInput(
            f"{bad:,} of {len(inputs):,} calibration inputs hold NaN or infinite values, which fit "
            "into no range; leave them out."
        )


@torch.no_grad()
def observe(prepared: nn.Module, inputs: Tensor) -> None:
    """Show the inputs to the observers, BATCH at a time: a moving average moves once a batch."""
    for batch in inputs.split(BATCH):
        prepared(batch)


def calibrated_on(subject: Subject, inputs: Tensor) -> str:
    """The sentence about it in the notes of a row."""
    if subject.split is None:
        return f"Calibrated on {len(inputs)} random inputs, as there are no data for this model."
    return f"Calibrated on {len(inputs)} training inputs."
