"""kill -9 in the middle of a real report: of the web server, the supervisor, the runner."""

import time
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest
from playwright.sync_api import Page, expect

from efficiency import jobs
from efficiency.core.requests import ReportRequest
from efficiency.jobs import Run, State, launch, processes
from tests.browser.conftest import RUN_MILLISECONDS, Server
from tests.jobs.watch import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def running(server: Server, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A LeNet report of the server's home that has come as far as its first rows."""
    monkeypatch.setenv("EFFICIENCY_HOME", str(server.home))
    run = jobs.submit(ReportRequest(workload="lenet", budget_seconds=1))
    deadline = time.monotonic() + RUN_MILLISECONDS / 1000
    while run.active and (run.study is None or not run.study.rows):
        assert time.monotonic() < deadline
        time.sleep(0.1)
        run = jobs.get(run.id)
    assert run.state is State.RUNNING
    return run


def holder() -> psutil.Process:
    return psutil.Process(int(launch.lock_file().read_text()))


# That a killed runner ends like a killed supervisor is tested without a browser, in tests/jobs.
def test_a_killed_run_can_be_repeated_and_outlives_the_web_server(
    running: Run, server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"/report?run={running.id}")
    holder().kill()
    again = page.get_by_role("button", name="Run it again")
    again.wait_for(timeout=RUN_MILLISECONDS)
    assert jobs.get(running.id).state is State.LOST
    until(lambda: not processes.marked(running.id))  # the sentence comes before their end

    again.click()
    page.wait_for_url(lambda url: running.id not in url)
    repeated = page.url.partition("run=")[2]
    expect(page.get_by_text("Measured so far")).to_be_visible(timeout=RUN_MILLISECONDS)
    server.process.kill()
    server.process.wait()
    finished = jobs.wait(repeated)
    assert finished.state is State.DONE
    assert finished.study is not None
    assert finished.study.complete
    until(lambda: not processes.marked(repeated))  # the result comes before their end
    with suppress(psutil.NoSuchProcess):
        assert holder().is_running(), "the supervisor waits for more, or has left"
