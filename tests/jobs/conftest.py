"""Every test has a home, a supervisor and runners of its own, and leaves no process behind."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from efficiency.core.requests import REQUESTS
from efficiency.jobs import launch
from tests.jobs import example
from tests.jobs.watch import kill, processes_of, supervisor, until


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("EFFICIENCY_HOME", str(tmp_path))
    monkeypatch.setattr(launch, "SUPERVISOR", launch.SUPERVISOR)  # put back afterwards
    monkeypatch.setitem(REQUESTS, "example", example.ExampleRequest)
    example.install()
    yield tmp_path
    if launch.supervisor_alive():
        kill(supervisor())
    with suppress(AssertionError):
        until(lambda: not processes_of(tmp_path), seconds=5)
    left = processes_of(tmp_path)
    for process in left:
        process.kill()
    assert not left
