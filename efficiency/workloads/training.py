"""Training the example workloads, once: the weights are kept and reused for the same recipe.

The recipe (Adam, its rate, batch and epochs) is fixed so that everybody compares the same network.
"""

import hashlib
import inspect
import os
from collections.abc import Callable
from importlib import import_module
from tempfile import NamedTemporaryFile

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from efficiency.core import paths
from efficiency.workloads.catalogue import Workload
from efficiency.workloads.digits import Split
from efficiency.workloads.inputs import random_inputs

BATCH = 64
RATE = 1e-3
SETTLING_BATCHES = 4


def fit(
    model: nn.Module,
    split: Split,
    *,
    epochs: int,
    seed: int,
    rate: float = RATE,
    on_epoch: Callable[[int], None] = lambda epoch: None,
) -> None:
    """Train `model` in place with Adam and cross entropy; it is in evaluation mode afterwards."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    order = torch.Generator().manual_seed(seed)
    model.train()
    for epoch in range(epochs):
        for batch in torch.randperm(len(split.train_labels), generator=order).split(BATCH):
            optimizer.zero_grad()
            cross_entropy(model(split.train_inputs[batch]), split.train_labels[batch]).backward()
            optimizer.step()
        on_epoch(epoch + 1)
    model.eval()


@torch.no_grad()
def evaluate(model: nn.Module, workload: Workload, split: Split) -> float:
    """The workload's score on the held-out part, from 0 to 1."""
    score = import_module(str(workload.data)).score
    return float(score(model(split.held_out_inputs), split.held_out_labels))


def trained(
    workload: Workload, seed: int, on_epoch: Callable[[int], None] = lambda epoch: None
) -> dict[str, Tensor]:
    """State dict of the workload trained with this seed; from disk if it was trained before.

    A workload without data gives its random initial weights for the seed, not kept, with batch
    normalization settled on random inputs.
    """
    split = workload.load_split()
    file = paths.trained_folder() / f"{workload.name}-{_recipe(workload, seed)}.safetensors"
    if file.exists():
        return load_file(file)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = workload.build()
    if split is None:
        settle_batch_norm(model, workload)
    else:
        fit(model, split, epochs=workload.epochs, seed=seed, on_epoch=on_epoch)
        with NamedTemporaryFile(dir=file.parent, delete=False) as temporary:
            temporary.write(save(model.state_dict()))
        os.replace(temporary.name, file)
    return model.state_dict()


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


def _recipe(workload: Workload, seed: int) -> str:
    """Short hash of everything that decides the weights."""
    modules = [import_module(workload.architecture), import_module(str(workload.data or __name__))]
    sources = [inspect.getsource(module) for module in modules]
    recipe = repr((seed, workload.epochs, BATCH, RATE, torch.__version__, sources))
    return hashlib.sha256(recipe.encode()).hexdigest()[:16]
