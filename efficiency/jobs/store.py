"""The table of runs, in SQLite: the only truth about what was asked, what runs, what came out.

Every process opens the same file for itself. WAL lets pages read while the supervisor writes,
`synchronous = FULL` keeps a finished run through a power cut, and a change of state is one
statement that names the state it starts from, so that two processes cannot both make it.
"""

import secrets
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from statistics import median

import msgspec

from efficiency.core import serial
from efficiency.core.errors import BadInput, UnknownName
from efficiency.core.requests import Request, parse
from efficiency.core.values import Progress, Study
from efficiency.jobs.database import Database
from efficiency.jobs.run import Run, State

ACTIVE = "state IN ('queued', 'running')"
ANSWERING = "state IN ('queued', 'running', 'done')"
MEASURED = "(timed OR json_extract(study, '$.rows[0].score') IS NOT NULL)"
READ = """SELECT id, key, kind, state, created, started, finished, revision, study_revision,
    bad_input, error, request, progress, title, row_count FROM runs"""

UNREADABLE = (
    "This run was measured by another version, and its result cannot be read by this one; "
    "measure again."
)
STUDIES_KEPT = 8  # decoded, several megabytes each
LATEST_TRIED = 10


class Store(Database):
    """The table of runs; a context manager. Raises Unavailable as Database does."""

    # What pages and the command line do.

    def submit(self, request: Request, *, again: bool = False) -> str:
        """Id of the run that answers the request: the newest there is, else a new one in the queue.

        Failed, cancelled and lost runs answer nothing, and if it is to be measured again, done
        ones neither.
        """
        key = request.key()
        document = msgspec.json.encode(request.document()).decode()
        with self.transaction():
            for row in self.rows(
                f"{READ} WHERE key = ? AND {ANSWERING} ORDER BY rowid DESC", (key,)
            ):
                run = self._run(row)
                if run.active or (not again and self._with_study(run).state is State.DONE):
                    return run.id
            run_id = secrets.token_hex(8)
            self.change(
                "INSERT INTO runs (id, key, kind, state, created, request)"
                " VALUES (?, ?, ?, 'queued', ?, ?)",
                (run_id, key, request.kind, time.time(), document),
            )
            return run_id

    def get(self, run_id: str) -> Run:
        """The run as it is now. Raises UnknownName."""
        for row in self.rows(f"{READ} WHERE id = ?", (run_id,)):
            return self._with_study(self._run(row))
        raise UnknownName("run", run_id[:40], ("the list of runs",))

    def recent(self, limit: int) -> tuple[Run, ...]:
        """The latest runs, newest first, without their studies: no study is read for a list.

        Runs of kinds that this version no longer has are not among them; `get` says why. It is
        also `get` that finds out whether a study can be read.
        """
        return self._runs(self.rows(f"{READ} ORDER BY rowid DESC LIMIT ?", (limit,)))

    def latest(self, kind: str) -> Run | None:
        """The newest done run of the kind in which something was run, None if there is none.

        That is, its study has times or scores; one of weights alone has neither.
        """
        rows = self.rows(
            f"{READ} WHERE state = 'done' AND kind = ? AND {MEASURED} ORDER BY rowid DESC LIMIT ?",
            (kind, LATEST_TRIED),
        )
        runs = map(self._with_study, self._runs(rows))
        return next((run for run in runs if run.state is State.DONE), None)

    def ahead(self, run_id: str | None = None) -> tuple[Run, ...] | None:
        """Active runs before this one, first to finish first; None if it is not active itself.

        All active runs where no run is named.
        """
        rows = self.rows(f"{READ} WHERE {ACTIVE} ORDER BY rowid")
        ids = [row["id"] for row in rows]
        if run_id is not None:
            if run_id not in ids:
                return None
            rows = rows[: ids.index(run_id)]
        return self._runs(rows)

    def cancel(self, run_id: str) -> bool:
        """Make an active run cancelled; False if it was not active."""
        return self._end(run_id, State.CANCELLED, ACTIVE)

    def delete(self, run_id: str) -> None:
        """Forget the run."""
        self.change("DELETE FROM runs WHERE id = ?", (run_id,))

    def models(self) -> frozenset[str]:
        """Accepted models that some run is about."""
        rows = self.rows("SELECT DISTINCT json_extract(request, '$.model') AS model FROM runs")
        return frozenset(row["model"] for row in rows if row["model"] is not None)

    # What the supervisor does.

    def take(self) -> tuple[str, str] | None:
        """Make the oldest queued run the running one; its id and kind, None if none waits."""
        # Looking first: an update locks out other writers even if it changes nothing.
        if not self.any_queued():
            return None
        rows = self.rows(
            "UPDATE runs SET state = 'running', started = ?, occupied = 1, progress = NULL,"
            " revision = revision + 1"
            " WHERE id = (SELECT id FROM runs WHERE state = 'queued' ORDER BY rowid LIMIT 1)"
            " RETURNING id, kind",
            (time.time(),),
        )
        return (rows[0]["id"], rows[0]["kind"]) if rows else None

    def hold_up(self, reason: Progress) -> None:
        """Say at the oldest queued run why it does not start; it stays queued."""
        said = msgspec.json.encode(reason).decode()
        for row in self.rows(
            "SELECT id, progress FROM runs WHERE state = 'queued' ORDER BY rowid LIMIT 1"
        ):
            if row["progress"] != said:
                self.change(
                    "UPDATE runs SET progress = ?, revision = revision + 1"
                    " WHERE id = ? AND state = 'queued'",
                    (said, row["id"]),
                )

    def is_running(self, run_id: str) -> bool:
        """Whether the run should still be carried out: not cancelled, not deleted."""
        return bool(self.rows("SELECT 1 FROM runs WHERE id = ? AND state = 'running'", (run_id,)))

    def update(self, run_id: str, progress: Progress | None, study: bytes | None) -> None:
        """Keep what a running run said; None leaves what was said before."""
        self.change(
            "UPDATE runs SET progress = coalesce(?, progress), study = coalesce(?, study),"
            " study_revision = study_revision + ?, revision = revision + 1"
            " WHERE id = ? AND state = 'running'",
            (
                progress and msgspec.json.encode(progress).decode(),
                study and study.decode(),
                study is not None,
                run_id,
            ),
        )

    def finish(self, run_id: str, study: bytes) -> bool:
        """Make a running run done; False if it was cancelled or deleted meanwhile."""
        with self.transaction():
            self.update(run_id, None, study)
            return self._end(run_id, State.DONE, "state = 'running'")

    def fail(
        self, run_id: str, error: str, *, bad_input: bool = False, state: State = State.FAILED
    ) -> bool:
        """Make a running run failed or lost; False if it was cancelled or deleted meanwhile."""
        return self._end(run_id, state, "state = 'running'", error, bad_input)

    def _end(
        self, run_id: str, to: State, when: str, error: str | None = None, bad_input: bool = False
    ) -> bool:
        changed = self.change(
            "UPDATE runs SET state = ?, finished = ?, error = ?, bad_input = ?,"  # noqa: S608
            f" revision = revision + 1 WHERE id = ? AND {when}",
            (to, time.time(), error, bad_input, run_id),
        )
        return changed == 1

    def occupied(self, run_id: str | None = None) -> tuple[tuple[str, State], ...]:
        """Runs that may have processes or an unwanted folder left over, with their states."""
        rows = self.rows(
            "SELECT id, state FROM runs WHERE occupied AND id = coalesce(?, id)", (run_id,)
        )
        return tuple((row["id"], State(row["state"])) for row in rows)

    def vacate(self, run_id: str) -> None:
        """Note that nothing of the run is left over."""
        self.change("UPDATE runs SET occupied = 0 WHERE id = ?", (run_id,))

    def leave(self, release: Callable[[], None]) -> bool:
        """Call `release` unless a run is queued, with no chance for one to be queued meanwhile."""
        with self.transaction():
            if self.any_queued():
                return False
            release()
            return True

    def any_queued(self) -> bool:
        """Whether a run waits to be taken."""
        return bool(self.rows("SELECT 1 FROM runs WHERE state = 'queued' LIMIT 1"))

    # Rows as values.

    def _runs(self, rows: list[sqlite3.Row]) -> tuple[Run, ...]:
        runs = []
        for row in rows:
            try:
                runs.append(self._run(row))
            except BadInput:
                continue
        return tuple(runs)

    def _run(self, row: sqlite3.Row) -> Run:
        progress = row["progress"]
        return Run(
            id=row["id"],
            key=row["key"],
            kind=row["kind"],
            request=parse(msgspec.json.decode(row["request"])),
            state=State(row["state"]),
            created=row["created"],
            started=row["started"],
            finished=row["finished"],
            progress=progress and msgspec.json.decode(progress, type=Progress),
            title=row["title"],
            row_count=row["row_count"],
            error=row["error"],
            bad_input=bool(row["bad_input"]),
            seconds_expected=self._typical_seconds(row["kind"]),
            revision=row["revision"],
            study_revision=row["study_revision"],
        )

    def _with_study(self, run: Run) -> Run:
        if not run.study_revision:
            return run
        study = _study(self.path, run.id, run.study_revision)
        if study is None and run.state is State.DONE:
            return replace(run, state=State.LOST, error=UNREADABLE)
        return replace(run, study=study)

    def _typical_seconds(self, kind: str) -> float | None:
        rows = self.rows(
            "SELECT finished - started AS seconds FROM runs"
            " WHERE state = 'done' AND kind = ? ORDER BY rowid DESC LIMIT 5",
            (kind,),
        )
        return median(row["seconds"] for row in rows) if rows else None

    def study_text(self, run_id: str) -> str | None:
        """The run's study as JSON, None if there is none yet."""
        for row in self.rows("SELECT study FROM runs WHERE id = ?", (run_id,)):
            return None if row["study"] is None else str(row["study"])
        return None


@lru_cache(maxsize=STUDIES_KEPT)
def _study(path: Path, run_id: str, study_revision: int) -> Study | None:
    """The decoded study, kept per revision, so that polling an unchanged run decodes nothing.

    None if it was written by a version whose studies were different.
    """
    with Store() as store:
        text = store.study_text(run_id)
    try:
        return serial.decode(text) if text else None
    except msgspec.ValidationError:
        return None
