"""Looking at the processes of a run from outside, and killing them."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from efficiency import jobs
from efficiency.jobs import Run, launch


def supervisor() -> int:
    return int(launch.lock_file().read_text())


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: not launch.supervisor_alive() or pid != supervisor())


def processes_of(home: Path) -> list[psutil.Process]:
    """Whatever was started with this home: supervisors, runners, and what came from them."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("EFFICIENCY_HOME") == str(home):
                found.append(process)
    return found


def until(true: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def until_hanging(run: Run) -> None:
    """Until the run hangs: all of its processes exist and its rows are stored."""
    until(lambda: (now := jobs.get(run.id).progress) and now.step == "hanging")
