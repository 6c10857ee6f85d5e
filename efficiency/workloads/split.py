"""Data to train on and data to score on, and the one score of all classifiers here."""

import hashlib
from typing import NamedTuple

import torch
from torch import Tensor


class Split(NamedTuple):
    """Inputs and labels to train on, and others that are held out for the score.

    Labels are (N,), one class an input, or (N, T), one for each step of a sequence. Where inputs
    are cut from files, `held_out_files` (N,) numbers the file of each one that is held out: what is
    predicted within one file is not independent. None where every input stands for itself.
    """

    train_inputs: Tensor
    train_labels: Tensor
    held_out_inputs: Tensor
    held_out_labels: Tensor
    held_out_files: Tensor | None = None


def score(outputs: Tensor, labels: Tensor) -> float:
    """The share of labels, of any shape, that have the largest of the logits (..., classes)."""
    return float((outputs.argmax(-1) == labels).float().mean())


def fingerprint(*tensors: Tensor) -> str:
    """Short hash of the numbers in the tensors: other data, other hash."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()[:16]


def identity(split: Split) -> str:
    """Fingerprint of ids and labels: are these the very data that a score was taken on?

    Images are left out, because the last bits of floats may differ between processors.
    """
    parts = (
        split.train_inputs,
        split.train_labels,
        split.held_out_inputs,
        split.held_out_labels,
    )
    return fingerprint(*(part for part in parts if not part.is_floating_point()))
