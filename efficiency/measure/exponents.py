"""Gradients against the range of float16: where their exponents lie, and which numbers it loses.

A number is lost at the bottom where it is at most half of float16's smallest, 2^-24 (halfway is
rounded to the even neighbour, which is 0), and at the top from 65520 on, halfway between the
largest finite number and 2^16. Both are decided by the exponent alone, but for those two borders,
so that one look at every number answers for all scales at once, exactly.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from efficiency.core.mixed import GradientExponents

SCALES = 33  # 2^0 to 2^32
FLUSHED = -25  # 2^-25 and all below become 0
TOP = 15  # exponent of float16's largest number
OVERFLOWS = 65520 / 2**16  # as a mantissa in [1/2, 1) at that exponent, and all above
FIRST, LAST = -149, 127  # exponents of float32, with its subnormal numbers
CHUNK = 2**20  # numbers at a time, so that little memory is needed


def gradient_exponents(gradients: Iterable[Tensor]) -> GradientExponents:
    """Count the numbers of all these tensors. They are of any shape, in float32 or less."""
    bins = LAST - FIRST + 1
    # By exponent: all numbers, exact powers of two, and those that overflow at exponent 15.
    counts, powers, tops = (torch.zeros(bins, dtype=torch.int64) for _ in range(3))
    zeros = not_finite = 0
    for gradient in gradients:
        for chunk in gradient.detach().flatten().split(CHUNK):
            numbers = chunk.float().abs()
            finite = numbers.isfinite()
            not_finite += len(numbers) - int(finite.sum())
            numbers = numbers[finite & (numbers != 0)]
            zeros += int(finite.sum()) - len(numbers)
            mantissa, exponent = torch.frexp(numbers)  # number = mantissa 2^exponent
            place = exponent.long() - 1 - FIRST
            for found, those in (
                (counts, place),
                (powers, place[mantissa == 0.5]),
                (tops, place[mantissa >= OVERFLOWS]),
            ):
                found += torch.bincount(those, minlength=bins).cpu()
    used = counts.nonzero().flatten().tolist()
    return GradientExponents(
        first=FIRST + used[0] if used else 0,
        counts=tuple(counts[used[0] : used[-1] + 1].tolist()) if used else (),
        zeros=zeros,
        not_finite=not_finite,
        flushed=tuple(_below(counts, powers, FLUSHED - k) for k in range(SCALES)),
        overflowed=tuple(_above(counts, tops, TOP - k) for k in range(SCALES)),
    )


def _below(counts: Tensor, powers: Tensor, exponent: int) -> int:
    """Numbers of at most 2^exponent."""
    place = exponent - FIRST
    return int(counts[:place].sum() + powers[place])


def _above(counts: Tensor, tops: Tensor, exponent: int) -> int:
    """Numbers of at least OVERFLOWS 2^(exponent + 1)."""
    place = exponent - FIRST
    return int(counts[place + 1 :].sum() + tops[place])
