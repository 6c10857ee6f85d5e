"""The data of the programs: scikit-learn's digits."""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor
from torch.nn.functional import interpolate

SHAPE = (1, 28, 28)  # of one input


def load() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Digits from 8x8 to 28x28: inputs and labels to train on, and those that are held out."""
    images, labels = load_digits(return_X_y=True)
    small = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
    large = interpolate(small, size=(28, 28), mode="bilinear", align_corners=False)
    inputs, targets = large.reshape(-1, *SHAPE), torch.tensor(labels)
    train, held_out = train_test_split(
        range(len(labels)), test_size=0.2, random_state=0, stratify=labels
    )
    return inputs[train], targets[train], inputs[held_out], targets[held_out]
