"""How much faster does the lottery train its networks than the plain way?

    python -m benchmarks.lottery [--workload lenet|lenet300] [--seconds 90]

Five seeds, three networks of each (as at every level with a ticket and its two controls), half of
the weights pruned. Our training takes turns with the plain way, one pass over the data for all 15
networks at a time and in shuffled order, so that all see the same machine. The plain way is one
network after the other with `torch.nn.utils.prune`, a DataLoader and Adam: as everybody writes it,
on as many threads as PyTorch takes and on one, and with the fused Adam that one has to ask for. At
the end all must have learned as much.
"""

import argparse
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from statistics import mean, stdev

import torch
from scipy.stats import t
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import prune
from torch.utils.data import DataLoader, TensorDataset

from efficiency.core.requests import LOTTERY_WORKLOADS
from efficiency.core.units import share_text
from efficiency.core.values import Timing
from efficiency.measure.ratio import compare_paired
from efficiency.measure.threads import fixed_threads, usable_cores
from efficiency.routines.tickets.contestants import Contestant, Images
from efficiency.routines.tickets.images import load
from efficiency.routines.tickets.learning import advance_all, first_weights, prunable, workers
from efficiency.routines.tickets.masks import shuffled
from efficiency.routines.tickets.settings import PAPER
from efficiency.routines.tickets.team import Team
from efficiency.workloads import catalogue
from efficiency.workloads.split import score

SEEDS = 5
STARTS = 3
LEAST = 8  # rounds, for an interval
GOAL = 3.0
OURS, PLAIN, ONE, FUSED = "ours", "plain", "plain, one thread", "plain, one, fused Adam"


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to train: one pass over the data for all networks, and the scores of each seed's."""

    threads: int
    train: Callable[[], None]
    scores: Callable[[int], list[float]]
    seconds: list[float] = field(default_factory=list)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workload", choices=LOTTERY_WORKLOADS, default="lenet")
    parser.add_argument("--seconds", type=float, default=90)
    options = parser.parse_args()
    images = load("digits")
    contestants = [_contestants(options.workload, seed) for seed in range(SEEDS)]
    both = partial(plain, options.workload, contestants, images)
    cores = torch.get_num_threads()
    with workers(images.train.device) as pool:
        ways = {
            OURS: ours(options.workload, contestants, images, pool),
            PLAIN: both(cores, fused=False),
            ONE: both(1, fused=False),
            FUSED: both(1, fused=True),
        }
        rounds = interleaved(ways, options.seconds)
        steps = -(-len(images.train) // PAPER.batch_size) * STARTS * SEEDS
        print(f"{catalogue.get(options.workload).label}, {len(images.train)} digits, batches of 60")
        print(f"{SEEDS} seeds, {STARTS} networks each; {rounds} rounds of {steps} steps")
        met = report(ways, steps)
    print(f"goal: at least {GOAL:g} times the steps of the plain way, as accurate: ", end="")
    print("yes" if met else "NO")


def interleaved(ways: dict[str, Way], seconds: float) -> int:
    """All ways in turn until the time is over; the number of rounds.

    The first pass warms up, and is not timed. All end after equal passes.
    """
    order = list(ways)
    end = time.perf_counter() + seconds
    rounds = -1
    while rounds < LEAST or time.perf_counter() < end:
        random.shuffle(order)
        for name in order:
            with fixed_threads(ways[name].threads):
                began = time.perf_counter()
                ways[name].train()
                taken = time.perf_counter() - began
            if rounds >= 0:
                ways[name].seconds.append(taken)
        rounds += 1
    return rounds


def report(ways: dict[str, Way], steps: int) -> bool:
    """Print the table; whether ours is fast enough and as accurate as the plain way."""
    times = {name: Timing(samples=tuple(way.seconds)) for name, way in ways.items()}
    scores = {name: [mean(way.scores(seed)) for seed in range(SEEDS)] for name, way in ways.items()}
    met = True
    print(
        f"{'':<26}{'threads':>8}{'steps/s':>9}{'ours is faster':>24}{'accuracy':>11}{'spread':>9}"
    )
    for name, way in ways.items():
        ratio = compare_paired(times[name], times[OURS])
        faster = "" if name == OURS else f"{ratio.ratio:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"
        print(
            f"{name:<26}{way.threads:>8}{steps / times[name].median_seconds:>9.0f}{faster:>24}"
            f"{share_text(mean(scores[name])):>11}{share_text(stdev(scores[name])):>9}"
        )
        if name in (PLAIN, ONE):
            met = met and ratio.low >= GOAL
    apart = [a - b for a, b in zip(scores[OURS], scores[PLAIN], strict=True)]
    reach = float(t.ppf(0.975, SEEDS - 1)) * stdev(apart) / SEEDS**0.5
    print(f"accuracy, ours less plain: {mean(apart):+.2%}, 95 % interval over seeds ±{reach:.2%}")
    return met and abs(mean(apart)) <= max(reach, stdev(scores[PLAIN]))


def ours(
    network: str,
    contestants: list[list[Contestant]],
    images: Images,
    pool: ThreadPoolExecutor,
) -> Way:
    """The networks of a seed at once, a seed on each core, as the experiment trains them."""
    teams = [Team(network, each, images, PAPER) for each in contestants]
    passes = -(-len(images.train) // PAPER.batch_size)
    return Way(
        threads=usable_cores(),
        train=lambda: advance_all(pool, teams, teams[0].steps + passes),
        scores=lambda seed: teams[seed].scores(),
    )


def plain(
    network: str,
    contestants: list[list[Contestant]],
    images: Images,
    threads: int,
    *,
    fused: bool,
) -> Way:
    """One network after the other."""
    models = [[_masked(network, each) for each in some] for some in contestants]
    optimizers = {
        model: torch.optim.Adam(model.parameters(), lr=PAPER.learning_rate, fused=fused or None)
        for some in models
        for model in some
    }
    data = TensorDataset(images.train, images.train_labels)
    loader = DataLoader(data, batch_size=PAPER.batch_size, shuffle=True)

    def train() -> None:
        for model, optimizer in optimizers.items():
            for inputs, labels in loader:
                optimizer.zero_grad()
                cross_entropy(model(inputs), labels).backward()
                optimizer.step()

    @torch.no_grad()
    def scores(seed: int) -> list[float]:
        return [score(model(images.test), images.test_labels) for model in models[seed]]

    return Way(threads=threads, train=train, scores=scores)


def _contestants(network: str, seed: int) -> list[Contestant]:
    """Networks with the same first weights, each without another half of them."""
    weights = first_weights(network, seed)
    half = {name: torch.arange(weights[name].numel()) % 2.0 for name in prunable(network)}
    return [
        Contestant(
            weights=weights,
            mask={
                name: mask.reshape(weights[name].shape)
                for name, mask in shuffled(half, seed=STARTS * seed + start).items()
            },
            seed=seed,
        )
        for start in range(STARTS)
    ]


def _masked(network: str, contestant: Contestant) -> nn.Module:
    model = catalogue.get(network).build().train()
    model.load_state_dict(contestant.weights)
    for name, mask in contestant.mask.items():
        module, _, parameter = name.rpartition(".")
        prune.custom_from_mask(model.get_submodule(module), parameter, mask)
    return model


if __name__ == "__main__":
    main()
