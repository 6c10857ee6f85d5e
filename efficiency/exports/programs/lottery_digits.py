"""The digits of scikit-learn in three parts, as the experiment splits them."""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor
from torch.nn.functional import interpolate


def load(validation: int) -> list[tuple[Tensor, Tensor]]:
    """Images (N, 1, 28, 28) from 0 to 1 and their labels: to train, to validate, to test with."""
    pixels, labels = load_digits(return_X_y=True)
    small = torch.tensor(pixels, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
    images = interpolate(small, size=(28, 28), mode="bilinear", align_corners=False)
    targets = torch.tensor(labels)
    rest, test = train_test_split(
        list(range(len(labels))), test_size=0.2, random_state=0, stratify=labels
    )
    train, held_out = train_test_split(
        rest, test_size=validation, random_state=0, stratify=labels[rest]
    )
    return [(images[part], targets[part]) for part in (train, held_out, test)]
