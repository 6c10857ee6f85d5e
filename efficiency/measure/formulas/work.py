"""What one call of an operator computes: multiply-accumulates, multiplications, additions."""

from dataclasses import dataclass
from types import SimpleNamespace


class Call(SimpleNamespace):
    """One call of an operator: its arguments by the names of PyTorch's schema, and its `result`.

    `operands` are the same arguments in order. Arguments left out have their default values.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Numbers of operations; the multiplications and additions of the macs are included.

    `left_out` names what else the operator does and no number here counts.
    """

    macs: int = 0
    multiplications: int = 0
    additions: int = 0
    left_out: tuple[str, ...] = ()

    def __add__(self, other: "Work") -> "Work":
        return Work(
            macs=self.macs + other.macs,
            multiplications=self.multiplications + other.multiplications,
            additions=self.additions + other.additions,
            left_out=self.left_out + other.left_out,
        )


NOTHING = Work()
ROOT = Work(left_out=("root",))


def elementwise(numbers: int, *, multiplications: int = 0, additions: int = 0) -> Work:
    """So many operations on every one of so many numbers."""
    return Work(multiplications=multiplications * numbers, additions=additions * numbers)


def summation(numbers: int, sums: int) -> Work:
    """Numbers added up to so many sums: the first number of a sum is not an addition."""
    return Work(additions=max(0, numbers - sums))


def contraction(products: int, sums: int) -> Work:
    """So many products of two numbers, added up to so many sums."""
    return Work(macs=products, multiplications=products) + summation(products, sums)


def average(numbers: int, groups: int) -> Work:
    """The mean of each group: a sum, multiplied by the reciprocal of the size."""
    return summation(numbers, groups) + Work(multiplications=groups)


def moments(numbers: int, groups: int) -> Work:
    """Mean and variance of each group, the latter as the mean of the squared deviations."""
    deviations = elementwise(numbers, multiplications=1, additions=1)
    return average(numbers, groups) + deviations + average(numbers, groups)
