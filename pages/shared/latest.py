"""What to show before anybody has asked: the last study of a kind, else the one that is shipped."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import efficiency
from efficiency import jobs
from efficiency.core import serial
from efficiency.core.values import Study
from efficiency.jobs import Run

SAMPLES = Path(efficiency.__file__).with_name("samples")
SHIPPED = {kind: SAMPLES / f"{kind}.json" for kind in ("amp", "energy", "report")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A study and the run it comes from; None for the one that is shipped."""

    study: Study
    run: Run | None


def latest(kind: str) -> Shown | None:
    """The newest finished run of the kind with times, else the shipped study, else None."""
    run = jobs.latest(kind)
    if run is not None and run.study is not None:
        return Shown(study=run.study, run=run)
    study = shipped(kind)
    return None if study is None else Shown(study=study, run=None)


def shipped(kind: str) -> Study | None:
    """The study of the kind that came with the program, None if there is none."""
    path = SHIPPED[kind]
    return _read(path, path.stat().st_mtime) if path.is_file() else None


@lru_cache(maxsize=8)
def _read(path: Path, modified: float) -> Study:
    """The study in a file, decoded once for everybody as long as the file is not `modified`."""
    return serial.decode(path.read_bytes())
