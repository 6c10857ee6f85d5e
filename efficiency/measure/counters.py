"""What energy counters have in common: numbers that only grow, and begin again when they are full.

A reading has no meaning; the difference of two is the energy that was spent in between.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """One number kept by the hardware; after `size` counts it is back where it was."""

    read: Callable[[], int]
    joules_per_count: float
    size: int

    def joules(self, before: int, after: int) -> float:
        """The energy between two readings that are less than `size` counts apart."""
        return (after - before) % self.size * self.joules_per_count


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """All registers of one kind of part; `part` is what people read, `note` what it includes."""

    part: str
    note: str
    registers: tuple[Register, ...]

    def read(self) -> tuple[int, ...]:
        """All registers now."""
        return tuple(register.read() for register in self.registers)

    def joules(self, before: Sequence[int], after: Sequence[int]) -> float:
        """The energy of all these parts together between two readings."""
        return sum(
            register.joules(first, last)
            for register, first, last in zip(self.registers, before, after, strict=True)
        )
