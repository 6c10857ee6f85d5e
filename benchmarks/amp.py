"""What does measuring cost? The AMP experiment's steps beside the plain training loop.

    python -m benchmarks.amp [--workload mlp|lenet|cnn|transformer] [--rounds 60]

Three trainings with the same weights and batches take turns, in shuffled order, a few steps at a
time, so that all see the same machine: the plain loop as everybody writes it; the experiment with a
single candidate, which times every step and keeps every loss; and the plain loop again, which shows
what difference there is between equals.
"""

import argparse
import copy
import random
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle, islice

from efficiency.core.requests import AMP_WORKLOADS, AmpRequest
from efficiency.core.units import ratio_text, seconds_text
from efficiency.core.values import Timing
from efficiency.measure.ratio import compare_paired
from efficiency.measure.threads import fixed_threads, steady_threads
from efficiency.routines.mixed_precision.candidates import BASELINE, candidates
from efficiency.routines.mixed_precision.experiment import train
from efficiency.routines.mixed_precision.sizes import sizes_of
from efficiency.routines.mixed_precision.task import Batch, Task, task_of
from efficiency.routines.mixed_precision.trainer import Trainer

STEPS = 5
ALLOWED = 0.03

Part = Callable[[list[Batch]], None]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workload", choices=AMP_WORKLOADS, default="mlp")
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    request = AmpRequest(workload=options.workload)
    task = task_of(request, sizes_of(request))
    with fixed_threads(steady_threads()):
        times = interleaved(
            {"plain loop": plain(task), "experiment": harness(task), "plain again": plain(task)},
            task,
            options.rounds,
        )
    print(f"{task.label}, batch {task.sizes.batch_size}: {options.rounds} rounds of {STEPS} steps")
    for name, timing in times.items():
        print(f"{name:<14}{seconds_text(timing.median_seconds / STEPS):>10} a step")
    for name in ("experiment", "plain again"):
        ratio = compare_paired(times[name], times["plain loop"])
        print(f"{name} against plain loop, time: {ratio_text(ratio).rpartition(']')[0]}]")
    added = compare_paired(times["experiment"], times["plain loop"]).ratio - 1
    print(f"measuring adds {added:.1%} (under {ALLOWED:.0%}: {'yes' if added < ALLOWED else 'NO'})")


def interleaved(parts: dict[str, Part], task: Task, rounds: int) -> dict[str, Timing]:
    """Seconds of each part's steps, in rounds of shuffled order."""
    batches = cycle(task.batches())
    samples: dict[str, list[float]] = {name: [] for name in parts}
    order = list(parts)
    for part in parts.values():
        part(list(islice(batches, STEPS)))  # warm up
    for _ in range(rounds):
        random.shuffle(order)
        some = list(islice(batches, STEPS))
        for name in order:
            began = time.perf_counter()
            parts[name](some)
            samples[name].append(time.perf_counter() - began)
    return {name: Timing(samples=tuple(taken)) for name, taken in samples.items()}


def plain(task: Task) -> Part:
    """The loop of the tutorial, with nothing around it."""
    model = copy.deepcopy(task.model).train()
    optimizer = task.optimizer(model.parameters())
    loss_function = task.loss

    def steps(batches: list[Batch]) -> None:
        for inputs, targets in batches:
            loss = loss_function(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return steps


def harness(task: Task) -> Part:
    """The experiment as a study runs it, with the baseline alone."""
    (baseline,) = (each for each in candidates("cpu", "bfloat16") if each.name == BASELINE)
    trainers = {BASELINE: Trainer(task, baseline, "bfloat16")}

    def steps(batches: list[Batch]) -> None:
        train(replace(task, batches=lambda: iter(batches)), trainers, seed=0)

    return steps


if __name__ == "__main__":
    main()
