"""Training of all contestants of the lottery ticket experiment, and how well they do on the way.

The contestants of a seed are one computation (`team.py`). Teams have nothing in common, so on a CPU
each core takes one after the other, with a thread of its own: unlike the threads inside PyTorch's
operators these never wait for each other between two checks, and what a team computes does not
depend on how many cores there are. Nothing is timed here, so no core is kept free for it.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

from efficiency.core.lottery import TrainingSettings
from efficiency.measure.threads import usable_cores
from efficiency.routines.tickets.contestants import Contestant, Images, Learned
from efficiency.routines.tickets.team import Team
from efficiency.workloads import catalogue

T = TypeVar("T")


def first_weights(network: str, seed: int) -> dict[str, Tensor]:
    """The network's fresh random weights for a seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return catalogue.get(network).build().state_dict()


def prunable(network: str) -> tuple[str, ...]:
    """Names of the weights that are pruned, from first layer to output layer; biases are not."""
    with torch.device("meta"):
        model = catalogue.get(network).build()
    return tuple(name for name, weight in model.named_parameters() if weight.ndim > 1)


def train(
    network: str,
    contestants: Sequence[Contestant],
    images: Images,
    settings: TrainingSettings,
    *,
    checkpoints: Sequence[int],
    on_check: Callable[[int, Sequence[Learned]], None] = lambda iteration, learned: None,
) -> tuple[Learned, ...]:
    """Train all contestants at once, each as if alone; they are not changed.

    checkpoints: iterations, in rising order, after which losses and scores are taken; 0 is before
    training. on_check: told so after each, with what was learned so far.
    """
    seeds = list(dict.fromkeys(each.seed for each in contestants))
    places = [[at for at, each in enumerate(contestants) if each.seed == seed] for seed in seeds]
    teams = [Team(network, [contestants[at] for at in place], images, settings) for place in places]
    order = [at for place in places for at in place]
    losses: list[list[float]] = [[] for _ in contestants]
    scores: list[list[float]] = [[] for _ in contestants]
    early: dict[int, dict[str, Tensor]] = {}

    with workers(images.train.device) as pool:

        def of_all(ask: Callable[[Team], list[T]]) -> dict[int, T]:
            """What every team says of its networks, by the place of the contestant."""
            found = (each for team in pool.map(ask, teams) for each in team)
            return dict(zip(order, found, strict=True))

        def learned() -> tuple[Learned, ...]:
            weights = of_all(Team.weights)
            return tuple(
                Learned(
                    weights=weights[at],
                    losses=tuple(losses[at]),
                    scores=tuple(scores[at]),
                    early=early.get(at),
                )
                for at in range(len(contestants))
            )

        rewind = settings.rewind_iteration
        for stop in sorted({*checkpoints, rewind, settings.iterations}):
            advance_all(pool, teams, stop)
            if stop == rewind > 0:
                early = of_all(Team.weights)
            if stop in checkpoints:
                for at, loss in of_all(Team.losses).items():
                    losses[at].append(loss)
                for at, score in of_all(Team.scores).items():
                    scores[at].append(score)
                on_check(stop, learned())
        return learned()


def workers(device: torch.device) -> ThreadPoolExecutor:
    """One thread for each core, in which PyTorch computes with one; a single one for a GPU."""
    count = usable_cores() if device.type == "cpu" else 1
    return ThreadPoolExecutor(count, "team", initializer=torch.set_num_threads, initargs=(1,))


def advance_all(pool: ThreadPoolExecutor, teams: Sequence[Team], iteration: int) -> None:
    """Train every team until so many steps are done."""
    for _ in pool.map(lambda team: team.advance(iteration), teams):
        pass
