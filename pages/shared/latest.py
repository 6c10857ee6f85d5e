"""What to show before anybody has asked: the last study of a kind, else the one that is shipped."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import efficiency
from efficiency import jobs
from efficiency.core import serial
from efficiency.core.values import Study
from efficiency.jobs import Run, State

SAMPLES = Path(efficiency.__file__).with_name("samples")
KINDS = ("amp", "energy", "lottery", "prune", "quantize", "report")
SHIPPED = {kind: SAMPLES / f"{kind}.json" for kind in KINDS}


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


def by_workload(kind: str, workloads: Collection[str]) -> dict[str, Study]:
    """The newest finished run of the kind for each of these workloads, else a shipped one, if any.

    Only recent runs are looked at.
    """
    found: dict[str, Study] = {}
    for run in jobs.recent():
        workload = getattr(run.request, "workload", None)
        if run.kind != kind or run.state is not State.DONE or workload not in workloads:
            continue
        study = None if workload in found else _study_of(run.id)
        if study is not None and study.rows[0].timing is not None:
            found[str(workload)] = study
    for workload in set(workloads) - set(found):
        path = SHIPPED[kind].with_name(f"{kind}-{workload}.json")
        if path.is_file():
            found[workload] = _read(path, path.stat().st_mtime)
    return found


@lru_cache(maxsize=16)
def _study_of(run_id: str) -> Study | None:
    """The study of a finished run, which does not change any more."""
    return jobs.get(run_id).study


@lru_cache(maxsize=8)
def _read(path: Path, modified: float) -> Study:
    """The study in a file, decoded once for everybody as long as the file is not `modified`."""
    return serial.decode(path.read_bytes())
