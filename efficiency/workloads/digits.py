"""The 1,797 handwritten digits that scikit-learn carries, scaled from 8x8 to 28x28.

Source: Alpaydin and Kaynak (1998), UCI "Optical Recognition of Handwritten Digits", test part.
"""

import torch
import torch.nn.functional as F

from efficiency.workloads.split import Split


def load_split() -> Split:
    """Images (N, 1, 28, 28) from 0 to 1, labels (N,); always the same 360 are held out."""
    # Takes longer to import than torch, and nobody needs it who only loads a model.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    small = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
    large = F.interpolate(small, size=(28, 28), mode="bilinear", align_corners=False)
    train, held_out = train_test_split(
        range(len(labels)), test_size=0.2, random_state=0, stratify=labels
    )
    targets = torch.tensor(labels, dtype=torch.int64)
    return Split(large[train], targets[train], large[held_out], targets[held_out])
