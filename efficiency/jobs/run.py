"""A run: one request on its way through the queue, and what came of it."""

from dataclasses import dataclass
from enum import StrEnum

from efficiency.core.requests import Request
from efficiency.core.values import Progress, Study


class State(StrEnum):
    """Where a run is. The last four are final; a final run is never changed again.

    A run that is done, but whose study was written by a version whose studies were different, is
    lost to who reads it.

    queued ──> running ──> done
      │           ├──────> failed      the routine gave up, crashed, or met its deadline
      │           ├──────> lost        the processes were killed from outside
      └───────────┴──────> cancelled   somebody asked for it
    """

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run as it was when it was read; times are Unix seconds, None until they happen.

    `study` holds the rows measured so far while the run is active, and whatever was reached if it
    ended early; lists of runs come without it. `title` and `row_count` are the study's, and known
    to lists too. `error` is a sentence for the user, and `bad_input` says whether it is about what
    they asked for. `seconds_expected` is the median duration of the latest finished runs of the
    kind, None before the first. `revision` grows with every change, `study_revision` with every
    change of the study: a page that has drawn a revision needs to draw nothing.
    """

    id: str
    key: str
    kind: str
    request: Request
    state: State
    created: float
    started: float | None = None
    finished: float | None = None
    progress: Progress | None = None
    title: str | None = None
    row_count: int = 0
    study: Study | None = None
    error: str | None = None
    bad_input: bool = False
    seconds_expected: float | None = None
    revision: int = 0
    study_revision: int = 0

    @property
    def active(self) -> bool:
        """Whether something is still going to happen by itself."""
        return self.state in (State.QUEUED, State.RUNNING)
