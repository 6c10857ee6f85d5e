"""The SQLite file behind the store: opening it, its columns, and what can go wrong with it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from efficiency.core import paths
from efficiency.core.errors import Unavailable

VERSION = 2
WAIT_SECONDS = 20.0  # for another process's transaction, which lasts milliseconds

# `occupied` is 1 from the moment a run is taken until its processes are gone and, unless it is
# done, its folder too. What lists say about a study SQLite keeps beside it whenever one is stored.
# The study comes last: reading the other columns skips its pages.
SCHEMA = """
CREATE TABLE runs (
    id             TEXT PRIMARY KEY,
    key            TEXT NOT NULL,
    kind           TEXT NOT NULL,
    state          TEXT NOT NULL,
    created        REAL NOT NULL,
    started        REAL,
    finished       REAL,
    revision       INTEGER NOT NULL DEFAULT 1,
    study_revision INTEGER NOT NULL DEFAULT 0,
    occupied       INTEGER NOT NULL DEFAULT 0,
    bad_input      INTEGER NOT NULL DEFAULT 0,
    error          TEXT,
    request        TEXT NOT NULL,
    progress       TEXT,
    title          TEXT AS (json_extract(study, '$.title')) STORED,
    row_count      INTEGER AS (coalesce(json_array_length(study, '$.rows'), 0)) STORED,
    timed          INTEGER AS (json_extract(study, '$.rows[0].timing') IS NOT NULL) STORED,
    study          TEXT
) STRICT;
CREATE UNIQUE INDEX one_run_per_question ON runs(key) WHERE state IN ('queued', 'running');
CREATE INDEX runs_by_question ON runs(key);
CREATE INDEX runs_by_state ON runs(state, kind);
"""


class Database:
    """One connection; a context manager that closes it.

    Raises Unavailable where the file cannot be read or written: damaged, or the disk is full.
    """

    def __init__(self) -> None:
        self.path = paths.database()

    def __enter__(self) -> Self:
        with self._as_unavailable():
            # Autocommit: transactions are begun by hand, and only where one statement is too few.
            self._db = sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)
            self._db.row_factory = sqlite3.Row
        try:
            self.rows("PRAGMA synchronous = FULL")
            if self._version() != VERSION:
                self._create()
        except BaseException:
            self._db.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @contextmanager
    def _as_unavailable(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise Unavailable(
                f"The list of runs in {self.path} cannot be used ({error}); free some space if the "
                "disk is full, or move the file away to start a new list."
            ) from error

    def rows(self, statement: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """What a statement returns."""
        with self._as_unavailable():
            return self._db.execute(statement, values).fetchall()

    def change(self, statement: str, values: tuple[object, ...] = ()) -> int:
        """Carry out a statement; the number of rows it changed."""
        with self._as_unavailable():
            return self._db.execute(statement, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Alone with the table: nobody else writes between the first line and the last."""
        self.change("BEGIN IMMEDIATE")
        try:
            yield
            self.change("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self.change("ROLLBACK")
            raise

    def _version(self) -> int:
        return int(self.rows("PRAGMA user_version")[0][0])

    def _create(self) -> None:
        self.rows("PRAGMA journal_mode = WAL")
        with self.transaction():
            version = self._version()  # again, now that nobody else can be creating it
            if version not in (0, VERSION):
                which = "a newer" if version > VERSION else "an older"
                raise Unavailable(
                    f"The list of runs in {self.path} was written by {which} version; use that "
                    "version, or move the file away to start a new list."
                )
            if version == 0:
                for statement in SCHEMA.split(";"):
                    self.change(statement)
                self.change(f"PRAGMA user_version = {VERSION}")
