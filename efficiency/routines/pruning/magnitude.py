"""Global magnitude pruning, fine-tuning that keeps the zeros, and the file that comes of both.

The smallest weights of all layers together go, wherever they are; what Han et al. (2015) did layer
by layer.
"""

import copy
from collections.abc import Collection

from torch import nn
from torch.nn.utils import prune

from efficiency.core.errors import Unavailable
from efficiency.routines.pruning.selection import chosen, prunable
from efficiency.routines.pruning.unstructured import make_permanent
from efficiency.routines.recipes import plain
from efficiency.routines.subject import Subject
from efficiency.routines.variant import Variant, coverage_of
from efficiency.workloads.training import fit

FINE_TUNING_SHARE = 1 / 8  # of the steps of training
NOT_PRUNED = "only weights of linear, convolution and recurrent layers were pruned"


def magnitude_pruned(model: nn.Module, share: float) -> nn.Module:
    """A copy without the smallest `share` (0 to 1) of all weights; masks and hooks still on it.

    Raises Unavailable where there is no weight to prune.
    """
    pruned = copy.deepcopy(model)
    prune.global_unstructured(chosen(pruned, ()), prune.L1Unstructured, amount=share)
    return pruned


def fine_tune(model: nn.Module, subject: Subject, epochs: float | None = None) -> int:
    """Train a pruned model further, its zeros stay zero; the number of steps.

    epochs: passes over the data, None for an eighth of the training. Raises Unavailable where there
    is nothing to train with.
    """
    recipe = subject.workload.recipe
    if subject.split is None or recipe is None:
        raise Unavailable("Fine-tuning needs training data, and there is none for this model.")
    share = FINE_TUNING_SHARE if epochs is None else epochs / recipe.epochs
    return fit(model, subject.split, recipe, seed=subject.seed, share=share)


def with_zeros(model: nn.Module, subject: Subject, parameters: Collection[str]) -> Variant:
    """The file of a pruned model; `parameters` are the names of those that were pruned."""
    make_permanent(model)
    state = model.state_dict()
    layers = {name.rpartition(".")[0] for name in parameters}
    return Variant(
        recipe=plain,
        tensors={name: state[name] for name in subject.model.state_dict()},
        coverage=coverage_of(model, lambda name, layer: None if name in layers else NOT_PRUNED),
    )


def zeros(subject: Subject, share: float) -> Variant:
    """The file without the smallest `share` of all weights, not tuned."""
    return with_zeros(magnitude_pruned(subject.model, share), subject, prunable(subject.model))
