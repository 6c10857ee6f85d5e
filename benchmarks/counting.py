"""What counting the operations of a network costs, in forward passes of the same network.

    python -m benchmarks.counting [--workload resnet50] [--rounds 9]

Beside it PyTorch's own counter, which counts multiply-accumulates only, and its profiler with
`with_flops`. All run in every round, so that a slow moment hits all of them.
"""

import argparse
import os
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from efficiency.core.units import seconds_text
from efficiency.measure.operations import count_operations
from efficiency.measure.threads import fixed_threads, steady_threads
from efficiency.workloads import catalogue
from efficiency.workloads.inputs import random_inputs

ALLOWED = 3  # forward passes


def ways(model: nn.Module, inputs: Tensor) -> dict[str, Callable[[], object]]:
    """Each way to count, and the plain forward pass first."""

    def forward() -> None:
        with torch.inference_mode():
            model(inputs)

    def flop_counter() -> None:
        with torch.no_grad(), FlopCounterMode(display=False):
            model(inputs)

    def profiler() -> int:
        with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], with_flops=True) as seen:
            model(inputs)
        return sum(each.flops for each in seen.key_averages())

    return {
        "forward pass": forward,
        "count_operations": lambda: count_operations(model, (inputs,)),
        "count_operations, training step": lambda: count_operations(
            model, (inputs,), training=True
        ),
        "FlopCounterMode": flop_counter,
        "torch.profiler with_flops": profiler,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workload", default="resnet50")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    os.environ["KINETO_LOG_LEVEL"] = "99"  # the profiler tells stderr of each start and stop
    workload = catalogue.get(options.workload)
    calls = ways(workload.build(), random_inputs(workload.input_shape, workload.vocabulary))
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    with fixed_threads(steady_threads()):
        for call in calls.values():  # warm up
            call()
        for _ in range(options.rounds):
            for name, call in calls.items():
                began = time.perf_counter()
                call()
                seconds[name].append(time.perf_counter() - began)
    forward = seconds["forward pass"]
    print(f"{workload.label}, median of {options.rounds} rounds, {steady_threads()} thread(s)")
    for name, taken in seconds.items():
        passes = median(mine / theirs for mine, theirs in zip(taken, forward, strict=True))
        verdict = ""
        if name == "count_operations":
            verdict = f"   (at most {ALLOWED}: {'yes' if passes < ALLOWED else 'NO'})"
        print(f"{name:<34}{seconds_text(median(taken)):>10}{passes:8.2f} passes{verdict}")


if __name__ == "__main__":
    main()
