"""Where the wall time of a run went."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from efficiency.core.values import Phase


class Stopwatch:
    """Adds up seconds under names; whatever was not under a name is `rest`."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Book the time of the block under `name`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - started)

    def add(self, name: str, seconds: float) -> None:
        """Book seconds that were measured elsewhere."""
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    def seconds(self, name: str) -> float:
        """What is booked under the name so far."""
        return self._seconds.get(name, 0.0)

    def phases(self) -> tuple[Phase, ...]:
        """All names with their seconds, and the rest, so that the sum is the time until now."""
        total = time.perf_counter() - self._started
        named = tuple(Phase(name=name, seconds=spent) for name, spent in self._seconds.items())
        return (*named, Phase(name="rest", seconds=max(0.0, total - sum(self._seconds.values()))))
