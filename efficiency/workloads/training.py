"""Training the example workloads, once: the weights are kept and reused for the same recipe.

The recipe (Adam, its rate, batch and epochs) is fixed so that everybody compares the same network.
"""

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import islice
from math import ceil

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LinearLR

from efficiency.core import paths
from efficiency.workloads import kept
from efficiency.workloads.catalogue import Recipe, Workload
from efficiency.workloads.inputs import in_chunks, random_inputs
from efficiency.workloads.split import Split, fingerprint, score

SETTLING_BATCHES = 4


def fit(
    model: nn.Module,
    split: Split,
    recipe: Recipe,
    *,
    seed: int,
    share: float = 1.0,
    on_percent: Callable[[int], None] = lambda percent: None,
) -> int:
    """Train `model` in place with Adam and cross entropy; it is in evaluation mode afterwards.

    share: of the recipe's steps, for fine-tuning. on_percent: told how much of it is done, at most
    a hundred times. Returns the number of steps.
    """
    count = len(split.train_labels)
    steps = max(1, round(share * recipe.epochs * ceil(count / recipe.batch)))
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.rate)
    rate = LinearLR(optimizer, 1.0, 0.0 if recipe.decay else 1.0, total_iters=steps)
    percent = 0
    model.train()
    for step, batch in enumerate(islice(_batches(count, recipe.batch, seed), steps), start=1):
        optimizer.zero_grad()
        logits = model(split.train_inputs[batch])
        cross_entropy(logits.flatten(0, -2), split.train_labels[batch].flatten()).backward()
        optimizer.step()
        rate.step()
        if 100 * step // steps > percent:
            percent = 100 * step // steps
            on_percent(percent)
    model.eval()
    return steps


def _batches(count: int, size: int, seed: int) -> Iterator[Tensor]:
    """Indices of batch after batch, in a new random order for every pass over the data."""
    order = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(count, generator=order).split(size)


@torch.no_grad()
def evaluate(model: nn.Module, split: Split) -> float:
    """The score on the held-out part, from 0 to 1."""
    return score(in_chunks(model, split.held_out_inputs), split.held_out_labels)


def trained(
    workload: Workload, seed: int, on_percent: Callable[[int], None] = lambda percent: None
) -> dict[str, Tensor]:
    """State dict of the workload trained with this seed; from disk if it was trained before.

    A workload without data gives its random initial weights for the seed, not kept, with batch
    normalization settled on random inputs. Raises Unavailable where the data are not here.
    """
    split, recipe = workload.load_split(), workload.recipe
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = workload.build()
    if split is None or recipe is None:
        settle_batch_norm(model, workload)
        return model.state_dict()

    def weights() -> dict[str, Tensor]:
        fit(model, split, recipe, seed=seed, on_percent=on_percent)
        return model.state_dict()

    file = paths.trained_folder() / f"{workload.name}-{_key(workload, split, seed)}.safetensors"
    return kept.tensors(file, weights)


@torch.no_grad()
def settle_batch_norm(model: nn.Module, workload: Workload) -> None:
    """Give an untrained network the batch statistics that training would have given it.

    Without them the activations of random weights shrink from layer to layer: MobileNetV2's output
    is the bias alone, and its SQNR says nothing.
    """
    norms = [each for each in model.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    for norm in norms:
        norm.momentum = None  # the plain average over all batches seen
        norm.train()
    for seed in range(SETTLING_BATCHES):
        model(random_inputs((8, *workload.input_shape[1:]), workload.vocabulary, seed))
    model.eval()


def _key(workload: Workload, split: Split, seed: int) -> str:
    return kept.key(
        seed,
        workload.recipe,
        fingerprint(split.train_inputs, split.train_labels),
        torch.__version__,
        inspect.getsource(import_module(workload.architecture)),
        inspect.getsource(fit),
    )
