"""A machine whose power is known, and its energy counters: as registers, or as powercap's files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import repeat
from math import floor
from pathlib import Path

from efficiency.measure.counters import Counter, Register

RAPL_RANGE = 262_143_328_850  # microjoules, of an Intel server


@dataclass
class Machine:
    """Time passes only while it sleeps and in passes; so many watts are drawn meanwhile.

    Watts come from iterators, one value for each stretch of time, so that they can be noisy.
    """

    idle: Iterator[float] = field(default_factory=lambda: repeat(20.0))
    busy: Iterator[float] = field(default_factory=lambda: repeat(50.0))
    seconds: float = 1000.0
    parts: list["Part"] = field(default_factory=list)

    def clock(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self._spend(seconds, next(self.idle))

    def passes(self, seconds: float) -> Callable[[], None]:
        """A call that takes so long."""
        return lambda: self._spend(seconds, next(self.busy))

    def _spend(self, seconds: float, watts: float) -> None:
        begin, self.seconds = self.seconds, self.seconds + seconds
        for part in self.parts:
            part.spend(begin, self.seconds, watts)


@dataclass
class Part:
    """Draws `base` watts and a share of its machine's; its counter moves every `pace` seconds."""

    machine: Machine
    unit: float = 1e-6
    size: int = RAPL_RANGE
    pace: float = 1e-3
    joules: float = 0.0
    share: float = 1.0
    base: float = 0.0
    file: Path | None = None
    shown: int = 0

    def __post_init__(self) -> None:
        self.machine.parts.append(self)
        self._show(self.joules)

    def spend(self, begin: float, end: float, watts: float) -> None:
        own = self.base + self.share * watts
        tick = floor(end / self.pace) * self.pace
        if tick > begin:
            self._show(self.joules + own * (tick - begin))
        self.joules += own * (end - begin)

    def counter(self, part: str = "CPU package") -> Counter:
        register = Register(read=lambda: self.shown, joules_per_count=self.unit, size=self.size)
        return Counter(part=part, note="replayed", registers=(register,))

    def _show(self, joules: float) -> None:
        self.shown = int(joules / self.unit) % self.size
        if self.file is not None:
            self.file.write_text(f"{self.shown}\n")


def zone(powercap: Path, number: str, name: str, value: int = 0, size: int = RAPL_RANGE) -> Path:
    """Make a zone as Linux shows it: a folder with small files. Returns that of the counter."""
    folder = powercap / number
    folder.mkdir()
    (folder / "name").write_text(f"{name}\n")
    (folder / "max_energy_range_uj").write_text(f"{size}\n")
    (folder / "energy_uj").write_text(f"{value}\n")
    return folder / "energy_uj"
