"""The machine's bfloat16 arithmetic against a plain timing of the same product."""

import time
from statistics import median

import torch

from efficiency.measure.arithmetic import SIZE, bf16_speed
from efficiency.measure.threads import fixed_threads, steady_threads
from tests.tries import measured


def seconds(matrix: torch.Tensor) -> float:
    began = time.perf_counter()
    matrix @ matrix
    return time.perf_counter() - began


@measured
def test_agrees_with_plain_timing() -> None:
    matrix = torch.randn(SIZE, SIZE)
    lower = matrix.bfloat16()
    quotients = []
    # In turn, and several times: others on the same cores take more from one kind than the other.
    for seed in range(5):
        found = bf16_speed(budget_seconds=0.5, seed=seed)
        with fixed_threads(steady_threads()):
            both = [(seconds(matrix), seconds(lower)) for _ in range(30)]
        plain = min(wide for wide, _ in both) / min(narrow for _, narrow in both)  # least disturbed
        assert found.low <= found.ratio <= found.high
        quotients.append(found.ratio / plain)
    assert 0.6 < median(quotients) < 1.6
