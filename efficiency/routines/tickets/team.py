"""Contestants of one seed, trained together: they see the same batches in the same order.

All their parameters are in one flat tensor, and so are all gradients and what the optimizer
remembers: a step of Adam for all of them is one call.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from efficiency.core.lottery import TrainingSettings
from efficiency.routines.tickets.contestants import Contestant, Images
from efficiency.routines.tickets.layers import Parameter
from efficiency.routines.tickets.networks import NETWORKS

CHUNK = 500  # images that are looked at together in a check


class Team:
    """C networks and their common optimizer."""

    def __init__(
        self,
        network: str,
        contestants: Sequence[Contestant],
        images: Images,
        settings: TrainingSettings,
    ) -> None:
        self.images, self.count, self.steps = images, len(contestants), 0
        self.train = images.train.flatten(1)
        self.targets = one_hot(images.train_labels, 10).to(self.train.dtype)
        self.batches = _batches(len(self.train), settings.batch_size, contestants[0].seed)
        stacked = {
            name: torch.stack([each.weights[name] for each in contestants]).to(self.train)
            for name in contestants[0].weights
        }
        self.mask = torch.cat(
            [
                torch.stack([each.mask[name] for each in contestants]).to(self.train).flatten()
                if name in contestants[0].mask
                else torch.ones_like(weights).flatten()
                for name, weights in stacked.items()
            ]
        )
        self.flat = torch.cat([weights.flatten() for weights in stacked.values()]).mul_(self.mask)
        self.flat.grad = self.gradient = torch.zeros_like(self.flat)
        sizes = [weights.numel() for weights in stacked.values()]
        self.named = {
            name: Parameter(value.view_as(weights), gradient.view_as(weights))
            for (name, weights), value, gradient in zip(
                stacked.items(),
                self.flat.split(sizes),
                self.gradient.split(sizes),
                strict=True,
            )
        }
        self.network = NETWORKS[network](self.named)
        self.optimizer = torch.optim.Adam([self.flat], lr=settings.learning_rate, fused=True)

    @torch.no_grad()
    def advance(self, iteration: int) -> None:
        """Train until so many steps are done."""
        while self.steps < iteration:
            batch = next(self.batches)
            logits = self.network.forward(self.train[batch].T)
            # The gradient of cross entropy: softmax minus one at the label.
            self.network.backward((logits.softmax(1) - self.targets[batch].T) / len(batch))
            self.gradient.mul_(self.mask)  # so Adam leaves zero what is zero
            self.optimizer.step()
            self.steps += 1

    @torch.no_grad()
    def losses(self) -> list[float]:
        """Mean cross entropy of each network on the validation images."""
        return self._means(
            self.images.validation,
            self.images.validation_labels,
            lambda logits, labels: cross_entropy(logits, labels, reduction="none"),
        )

    @torch.no_grad()
    def scores(self) -> list[float]:
        """The share of the test images that each network gets right."""
        return self._means(
            self.images.test,
            self.images.test_labels,
            lambda logits, labels: logits.argmax(1) == labels,
        )

    def weights(self) -> list[dict[str, Tensor]]:
        """Copies of each network's weights, by name."""
        return [
            {name: each.value[index].clone() for name, each in self.named.items()}
            for index in range(self.count)
        ]

    def _means(
        self, images: Tensor, labels: Tensor, measure: Callable[[Tensor, Tensor], Tensor]
    ) -> list[float]:
        """What `measure` makes of logits (C, 10, N) and labels (C, N), mean over all images."""
        total = torch.zeros(self.count, device=images.device)
        for part, right in zip(images.split(CHUNK), labels.split(CHUNK), strict=True):
            logits = self.network.forward(part.flatten(1).T)
            total += measure(logits, right.expand(self.count, -1)).sum(-1)
        means: list[float] = (total / len(labels)).tolist()
        return means


def _batches(count: int, size: int, seed: int) -> Iterator[Tensor]:
    """Indices of batch after batch, in a new random order for every pass over the data."""
    order = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(count, generator=order).split(size)
