"""Rows of an AMP study: one candidate each, with what is known of it so far."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from efficiency.core.units import seconds_text
from efficiency.core.values import Footprint, PeakMemory, Row
from efficiency.measure.ratio import compare_paired, glance_paired
from efficiency.routines.mixed_precision.candidates import DISABLED, Candidate
from efficiency.routines.mixed_precision.experiment import Record, curve, timing
from efficiency.routines.mixed_precision.repeatable import repeatable
from efficiency.routines.mixed_precision.trainer import Trainer
from efficiency.routines.recipes.packing import count_values
from efficiency.routines.trials import independent_trials
from efficiency.workloads.inputs import in_chunks
from efficiency.workloads.split import Split


def named(candidate: Candidate) -> Row:
    """The row before anything is known."""
    return Row(
        name=candidate.name,
        label=candidate.label,
        notes=() if candidate.note is None else (candidate.note,),
        unavailable=candidate.unavailable,
    )


def weighed(row: Row, model: nn.Module, peak: PeakMemory) -> Row:
    """With what one step of the model needs."""
    buffers = {name for name, _ in model.named_buffers()}
    parameters, nonzero = count_values(model.state_dict(), buffers)
    footprint = Footprint(
        parameters=parameters, nonzero=nonzero, peak_bytes=peak.total, peak_split=peak
    )
    return replace(row, footprint=footprint)


def timed(row: Row, record: Record, baseline: Record, seed: int, *, final: bool) -> Row:
    """With its seconds a step, and how many times as fast as the baseline it is.

    While the experiment runs (not `final`), the interval comes from a quicker formula.
    """
    own, theirs = timing(record), timing(baseline)
    speedup = None
    if record is not baseline:
        found = compare_paired(theirs, own, seed=seed) if final else glance_paired(theirs, own)
        speedup = None if found is None else repeatable(found)
    return replace(row, timing=own, speedup=speedup)


def ended(row: Row, trainer: Trainer, record: Record, baseline: Mapping[str, Tensor]) -> Row:
    """With notes on what came out: last loss, total time, and weights against the baseline's."""
    loss = curve(row.name, record).losses[-1]
    notes = [
        f"Loss of the last step: {'not a finite number' if loss is None else f'{loss:.6g}'}.",
        f"All {len(record.seconds)} steps together: {seconds_text(sum(record.seconds))}.",
    ]
    if row.name == DISABLED:
        same = identical(trainer.model.state_dict(), baseline)
        notes.append(
            f"Its weights at the end are {'' if same else 'NOT '}those of fp32, bit by bit."
        )
    return replace(row, notes=(*row.notes, *notes))


def identical(left: Mapping[str, Tensor], right: Mapping[str, Tensor]) -> bool:
    """Whether all tensors of both are equal to the last bit."""
    return left.keys() == right.keys() and all(
        torch.equal(_bits(left[name]), _bits(right[name])) for name in left
    )


def scored(row: Row, model: nn.Module, split: Split, device: str) -> tuple[Row, int]:
    """With the share of held-out examples that it gets right, and how many trials that is worth."""
    model.eval()
    with torch.inference_mode():
        logits = in_chunks(model, split.held_out_inputs.to(device)).float().cpu()
    right = logits.argmax(-1) == split.held_out_labels
    trials = independent_trials(right, split.held_out_files)
    return replace(row, score=int(right.sum()) / right.numel()), trials


def _bits(tensor: Tensor) -> Tensor:
    """So that NaN equals itself, and 0 is not -0."""
    return (
        tensor.contiguous().view(torch.uint8)
        if tensor.ndim
        else tensor.reshape(1).view(torch.uint8)
    )
