"""The report to show before anybody has asked for one: the last measured, else the shipped one."""

from dataclasses import dataclass
from pathlib import Path

import efficiency
from efficiency import jobs
from efficiency.core import serial
from efficiency.core.requests import ReportRequest
from efficiency.core.values import Study
from efficiency.jobs import Run

SHIPPED = Path(efficiency.__file__).with_name("samples") / "lenet.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A study and the run it comes from; None for the one that is shipped."""

    study: Study
    run: Run | None


def latest_report() -> Shown | None:
    """The newest finished report with times, else the shipped one, else None."""
    run = jobs.latest(ReportRequest.kind)
    if run is not None and run.study is not None:
        return Shown(study=run.study, run=run)
    if SHIPPED.is_file():
        return Shown(study=serial.decode(SHIPPED.read_bytes()), run=None)
    return None
