"""What is trained in the lottery ticket experiment: images, a network before, and after."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Images (N, 1, 28, 28) from 0 to 1 and their labels (N,), in three parts that share none.

    `label` says in words what they are.
    """

    label: str
    train: Tensor
    train_labels: Tensor
    validation: Tensor
    validation_labels: Tensor
    test: Tensor
    test_labels: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A network to train: its weights by name, and what is left of them.

    `mask` has a tensor of 0 and 1 for every pruned parameter (weights of layers, not biases); what
    is 0 is zero before, during and after training. `seed` decides the order of the images: equal
    seeds see equal batches.
    """

    weights: dict[str, Tensor]
    mask: dict[str, Tensor]
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """A network after training.

    `losses` (mean cross entropy on the validation images) and `scores` (share of the test images
    that are right) are those at each checkpoint. `early` are its weights after
    `TrainingSettings.rewind_iteration` steps, None where that is 0.
    """

    weights: dict[str, Tensor]
    losses: tuple[float, ...]
    scores: tuple[float, ...]
    early: dict[str, Tensor] | None = None
