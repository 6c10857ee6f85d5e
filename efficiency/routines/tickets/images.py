"""The images of the experiment, in three parts: to train on, to stop early by, and to score on."""

import sys
from dataclasses import fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from efficiency.routines.tickets.contestants import Images
from efficiency.workloads import catalogue, digits, idx, kept

VALIDATED_DIGITS = 237  # of 1,437; a twelfth, as of MNIST, would be too few to find a minimum with
VALIDATED_SHARE = 12  # of other data: 5,000 of 60,000, as Frankle and Carbin have it


def load(data: str, device: str = "cpu") -> Images:
    """The images called so, always in the same three parts. Raises BadInput."""
    images = _digits() if data == idx.DIGITS else _from_files(data)
    tensors = {each.name: getattr(images, each.name) for each in fields(Images)}
    del tensors["label"]
    return replace(images, **{name: tensor.to(device) for name, tensor in tensors.items()})


def _digits() -> Images:
    file = kept.data_file("scikit-learn", sys.modules[__name__], digits)
    return Images(label=catalogue.DIGITS.label, **kept.tensors(file, _digits_in_parts))


def _digits_in_parts() -> dict[str, Tensor]:
    """The held-out digits are the test images, as everywhere in this program."""
    from sklearn.model_selection import train_test_split  # takes longer to import than torch

    split = catalogue.DIGITS.load()
    train, validation = train_test_split(
        range(len(split.train_labels)),
        test_size=VALIDATED_DIGITS,
        random_state=0,
        stratify=split.train_labels,
    )
    return {
        "train": split.train_inputs[train],
        "train_labels": split.train_labels[train],
        "validation": split.train_inputs[validation],
        "validation_labels": split.train_labels[validation],
        "test": split.held_out_inputs,
        "test_labels": split.held_out_labels,
    }


def _from_files(data: str) -> Images:
    pixels = idx.read(idx.folder_of(data))
    images, labels = _floats(pixels.train_images), _numbers(pixels.train_labels)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    validation, train = order.tensor_split([len(labels) // VALIDATED_SHARE])
    return Images(
        label=data if data in idx.NAMES else f"the images in {data}",
        train=images[train],
        train_labels=labels[train],
        validation=images[validation],
        validation_labels=labels[validation],
        test=_floats(pixels.test_images),
        test_labels=_numbers(pixels.test_labels),
    )


def _floats(pixels: NDArray[np.uint8]) -> Tensor:
    """(N, 28, 28) bytes as (N, 1, 28, 28) numbers from 0 to 1."""
    return torch.tensor(pixels).unsqueeze(1).float() / 255


def _numbers(labels: NDArray[np.uint8]) -> Tensor:
    return torch.tensor(labels, dtype=torch.int64)
