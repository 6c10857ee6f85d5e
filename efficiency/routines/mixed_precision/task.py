"""What is trained: a network with its initial weights, the batches of every step, the loss.

The mlp is the tutorial's experiment: random data, mean squared error, plain SGD. The other
workloads learn their real data by their own recipe, and have a score.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from efficiency.core.mixed import MLP_RATE, TrainingSizes
from efficiency.core.requests import AmpRequest
from efficiency.workloads import catalogue
from efficiency.workloads.catalogue import Recipe
from efficiency.workloads.mlp import make_model
from efficiency.workloads.split import Split

MLP = "mlp"
Batch = tuple[Tensor, Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]
MakeOptimizer = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A training run without its precision; the model and the batches are on `device`.

    `batches` yields one batch a step, from the first step on, each time it is called. `decay`: the
    learning rate falls to zero along a straight line. `split` is None where the data are random and
    nothing can be scored.
    """

    label: str
    device: str
    sizes: TrainingSizes
    model: nn.Module
    loss: Loss
    optimizer: MakeOptimizer
    batches: Callable[[], Iterator[Batch]]
    decay: bool = False
    split: Split | None = None
    score_name: str | None = None


def task_of(request: AmpRequest, sizes: TrainingSizes) -> Task:
    """Model and data, the same for the same seed."""
    split = split_of(request)
    label = f"MLP, {sizes.layers} layers, {sizes.width} wide"
    workload = None if split is None else catalogue.get(request.workload)
    return Task(
        label=label if workload is None else workload.label,
        device=request.device,
        sizes=sizes,
        model=build(request, sizes).to(request.device),
        loss=loss_of(request),
        optimizer=optimizer_of(request),
        batches=_noise(request, sizes) if split is None else _examples(request, sizes, split),
        decay=split is not None and recipe_of(request).decay,
        split=split,
        score_name=None if workload is None else workload.score_name,
    )


def split_of(request: AmpRequest) -> Split | None:
    """The workload's real data; None for the mlp."""
    return None if request.workload == MLP else catalogue.get(request.workload).load_split()


def recipe_of(request: AmpRequest) -> Recipe:
    """How the workload is trained on its data."""
    recipe = catalogue.get(request.workload).recipe
    if recipe is None:
        raise AssertionError("every workload of this request has one")
    return recipe


def build(request: AmpRequest, sizes: TrainingSizes) -> nn.Module:
    """The network with the random initial weights of the seed."""
    with torch.random.fork_rng():
        torch.manual_seed(request.seed)
        return network(request, sizes)


def network(request: AmpRequest, sizes: TrainingSizes) -> nn.Module:
    """The network with any initial weights, on the default device."""
    if sizes.width is None or sizes.layers is None:
        return catalogue.get(request.workload).build()
    return make_model(sizes.width, sizes.width, sizes.layers)


def loss_of(request: AmpRequest) -> Loss:
    """What is minimised."""
    return F.mse_loss if request.workload == MLP else F.cross_entropy


def optimizer_of(request: AmpRequest) -> MakeOptimizer:
    """What minimises it."""
    if request.workload == MLP:
        return partial(torch.optim.SGD, lr=MLP_RATE)
    return partial(torch.optim.Adam, lr=recipe_of(request).rate)


def _noise(request: AmpRequest, sizes: TrainingSizes) -> Callable[[], Iterator[Batch]]:
    """Inputs and targets from the standard normal distribution, the same in every epoch."""
    generator = torch.Generator().manual_seed(request.seed)
    shape = (sizes.batch_size, sizes.width or 0)
    inputs, targets = (
        [torch.randn(shape, generator=generator).to(request.device) for _ in range(sizes.batches)]
        for _ in range(2)
    )

    def batches() -> Iterator[Batch]:
        for _ in range(sizes.epochs):
            yield from zip(inputs, targets, strict=True)

    return batches


def _examples(
    request: AmpRequest, sizes: TrainingSizes, split: Split
) -> Callable[[], Iterator[Batch]]:
    """Real examples, shuffled anew in every epoch; what is left over for a batch waits."""
    inputs, labels = split.train_inputs.to(request.device), split.train_labels.to(request.device)

    def batches() -> Iterator[Batch]:
        order = torch.Generator().manual_seed(request.seed)
        for _ in range(sizes.epochs):
            shuffled = torch.randperm(len(labels), generator=order).to(request.device)
            for batch in shuffled.split(sizes.batch_size)[: sizes.batches]:
                yield inputs[batch], labels[batch]

    return batches
