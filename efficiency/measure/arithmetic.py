"""What the arithmetic of this machine can do by itself, without any model around it.

Instruction sets do not tell: among processors that all list AVX-512 BF16, one multiplied bfloat16
matrices 2.4 times as fast as float32 ones and another half as fast. So it is measured.
"""

import torch

from efficiency.core.values import Ratio
from efficiency.measure.timing import compare

SIZE = 512
SECONDS = 1.0


def bf16_speed(device: str = "cpu", *, seed: int = 0, budget_seconds: float = SECONDS) -> Ratio:
    """How many times as fast as float32 a bfloat16 product of two 512 x 512 matrices is here.

    The matrices, 1 MB each in float32, stay in the second-level cache: this is arithmetic, not
    memory.
    """
    matrix = torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(seed)).to(device)
    narrow = matrix.to(torch.bfloat16)
    comparison = compare(
        {"float32": lambda: matrix @ matrix, "bfloat16": lambda: narrow @ narrow},
        device=device,
        budget_seconds=budget_seconds,
        seed=seed,
    )
    ratio = comparison.speedups["bfloat16"]
    if ratio is None:
        raise AssertionError("only the baseline has no ratio")
    return ratio
