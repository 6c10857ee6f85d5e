"""Log files of runs and of the supervisor, each with a size that it cannot outgrow."""

from pathlib import Path
from typing import BinaryIO

from efficiency.core import paths

LARGEST = 1_000_000  # bytes of one log
_DROPPED = b"[earlier output was dropped here to keep this log small]\n"


def log_file(name: str) -> Path:
    """Where the output of the run with this id goes, or of the "supervisor"."""
    folder = paths.home() / "logs"
    folder.mkdir(exist_ok=True)
    return folder / f"{name}.log"


class Log:
    """A file that starts over when it is full: the end of the output is what explains a crash."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("wb", buffering=0)
        self._size = 0

    def write(self, output: bytes) -> None:
        """Append. A full disk costs the log, not the run."""
        if self._size + len(output) > LARGEST:
            self._file.seek(0)
            self._file.truncate()
            output = _DROPPED + output[-LARGEST // 2 :]
            self._size = 0
        try:
            self._file.write(output)
        except OSError:
            return
        self._size += len(output)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
