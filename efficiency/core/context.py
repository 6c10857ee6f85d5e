"""What a routine is given besides its request: a folder for files and a voice."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from efficiency.core.values import Progress, Study


class Context(Protocol):
    """Implemented by the runner (JSON lines to the supervisor) and by tests (lists)."""

    @property
    def folder(self) -> Path:
        """The run's own folder; it exists and whatever is left there is kept with the run."""

    def progress(self, progress: Progress) -> None:
        """Say where the run is."""

    def partial(self, study: Study) -> None:
        """Show what is measured so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietContext:
    """A context that keeps files and says nothing: for tests, benchmarks and direct calls."""

    folder: Path

    def progress(self, progress: Progress) -> None:
        """Nothing listens."""

    def partial(self, study: Study) -> None:
        """Nothing listens."""
