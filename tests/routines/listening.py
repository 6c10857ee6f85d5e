"""A context for routines that are called directly."""

from dataclasses import dataclass, field
from pathlib import Path

from efficiency.core.values import Progress, Study


@dataclass(frozen=True, kw_only=True)
class Listening:
    """A context that remembers what it was told."""

    folder: Path
    steps: list[Progress] = field(default_factory=list)
    studies: list[Study] = field(default_factory=list)

    def progress(self, progress: Progress) -> None:
        self.steps.append(progress)

    def partial(self, study: Study) -> None:
        self.studies.append(study)
