"""The machine's bfloat16 arithmetic against a plain timing of the same product."""

import time
from statistics import median

import torch

from efficiency.measure.arithmetic import SIZE, bf16_speed
from efficiency.measure.threads import fixed_threads, steady_threads


def seconds(matrix: torch.Tensor) -> float:
    began = time.perf_counter()
    matrix @ matrix
    return time.perf_counter() - began


def test_agrees_with_plain_timing() -> None:
    found = bf16_speed(budget_seconds=1)
    matrix = torch.randn(SIZE, SIZE)
    lower = matrix.bfloat16()
    with fixed_threads(steady_threads()):
        # In turn: what disturbs the machine for a while disturbs both.
        plain = median([seconds(matrix) / seconds(lower) for _ in range(60)])
    assert found.low <= found.ratio <= found.high
    assert 0.6 < found.ratio / plain < 1.6
