"""The machine's bfloat16 arithmetic against a plain timing of the same product."""

import time
from statistics import median

import torch

from efficiency.measure.arithmetic import SIZE, bf16_speed
from efficiency.measure.threads import fixed_threads, steady_threads


def seconds(matrix: torch.Tensor) -> float:
    times = []
    for _ in range(40):
        began = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - began)
    return median(times)


def test_agrees_with_plain_timing() -> None:
    found = bf16_speed(budget_seconds=1)
    matrix = torch.randn(SIZE, SIZE)
    with fixed_threads(steady_threads()):
        plain = seconds(matrix) / seconds(matrix.bfloat16())
    assert found.low <= found.ratio <= found.high
    assert 0.6 < found.ratio / plain < 1.6
