"""One measurement at a time on the whole machine, also where each of its users has a home.

Supervisors of different homes know nothing of each other, but they all hold the lock on one file
while they carry out a run. The kernel lets go of it however a supervisor ends.
"""

import fcntl
import os
import sys
import time
from pathlib import Path

# Not where TMPDIR says: that may be another folder for every user.
LOCK = Path("/tmp/efficiency-lab.lock")  # noqa: S108  opened as `_opened` says
POLITE_SECONDS = 0.5  # longer than the others take to look again

# Nothing is read from the file or written to it, so all that somebody could plant at its place is
# harmless as long as it is opened without following a link and without waiting for a writer.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MODE = 0o444  # every user may open it, which is all that locking needs


class MachineLock:
    """The right to measure on this machine; with no path, nobody else is asked."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._held: int | None = None

    def take(self) -> bool:
        """Whether no other user measures now; if so, they wait until `give_back`.

        A file that cannot be opened holds nobody up: the supervisor's log says so.
        """
        if self._path is None:
            return True
        try:
            file = _opened(self._path)
        except OSError as error:
            print(f"measuring without the machine's lock: {error}", file=sys.stderr, flush=True)
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._held = file
        return True

    def give_back(self) -> None:
        """Let the next one measure: long enough for who waits to be before us."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
            time.sleep(POLITE_SECONDS)


def _opened(path: Path) -> int:
    """A descriptor of the file, which is made if there is none. Raises OSError."""
    # Never O_CREAT on what may be there: Linux refuses that for other users' files in such folders.
    try:
        return os.open(path, _FLAGS)
    except FileNotFoundError:
        pass
    try:
        file = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, _MODE)
    except FileExistsError:  # somebody was first
        return os.open(path, _FLAGS)
    os.fchmod(file, _MODE)  # whatever the umask
    return file
