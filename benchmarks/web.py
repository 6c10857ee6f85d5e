"""What the web process costs: memory after visits to every page, and CPU time of a progress poll.

    python -m benchmarks.web

Starts a real server with a home of its own and a history of 200 runs of real size, visits every
page in a real Chromium, first once and then again and again, and reads /proc.
A poll is what a browser that follows a run asks for every POLL_SECONDS. Its cost is the CPU time of
the server over a while of polling, per poll, minus what it uses while nobody polls.
"""

import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO
from urllib.request import urlopen

import psutil
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from efficiency.core import serial
from efficiency.core.requests import ReportRequest
from efficiency.core.values import Progress, Row, Study, Timing
from efficiency.jobs.store import Store
from pages.shared.run_panel import POLL_SECONDS
from tests import samples

ROOT = Path(__file__).parents[1]
WATCH_SECONDS = 40.0
VISITORS = 4
HISTORY = 200  # finished runs, as many as the page of runs lists
SAMPLES = 920  # of each row: as many rounds as a LeNet fits into the default timing budget
ROUNDS_OF_VISITS = 5


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="efficiency-web-") as home:
        os.environ["EFFICIENCY_HOME"] = home
        done, running = stored_runs()
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        supervisor = hold_the_lock(home)
        command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
        server = subprocess.Popen(
            [*command, "--server.address=127.0.0.1", "--server.headless=true"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            measure(psutil.Process(server.pid), f"http://127.0.0.1:{port}", done, running)
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(10)
            supervisor.close()


def stored_runs() -> tuple[list[str], str]:
    """Ids of finished runs and of one that stays in the middle, with all its rows."""
    study = serial.encode(study_of_real_size())
    print(f"history                        {HISTORY:6} runs of {len(study) / 1e3:.0f} kB")
    done = []
    with Store() as store:
        for seed in range(HISTORY):
            done.append(store.submit(ReportRequest(workload="lenet", seed=seed)))
            store.take()
            store.finish(done[-1], study)
            store.vacate(done[-1])
        running = store.submit(ReportRequest(workload="lenet", seed=HISTORY))
        store.take()
        step = Progress(step="timing", done=5, total=10, seconds_left=20.0)
        store.update(running, step, study)
    return done, running


def study_of_real_size() -> Study:
    """The sample report, with as many different samples as a measurement has."""
    noise = random.Random(0)  # noqa: S311

    def lengthened(row: Row) -> Row:
        if row.timing is None:
            return row
        middle = row.timing.median_seconds
        times = tuple(middle * noise.lognormvariate(0.0, 0.05) for _ in range(SAMPLES))
        return replace(row, timing=Timing(samples=times))

    study = samples.report()
    return replace(study, rows=tuple(map(lengthened, study.rows)))


def hold_the_lock(home: str) -> IO[bytes]:
    """Stand in for the supervisor, so that the run in the middle stays there."""
    lock = (Path(home) / "supervisor.lock").open("ab")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def measure(process: psutil.Process, url: str, done: list[str], running: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError), urlopen(f"{url}/_stcore/health", timeout=2):  # noqa: S310
            break
        time.sleep(0.1)
    print(f"memory before the first visit  {megabytes(process):6.0f} MB")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for number in range(ROUNDS_OF_VISITS):
            for path in ("/", "/report", f"/report?run={done[number]}", "/runs"):
                visit(browser, url + path).close()
            if number == 0:
                print(f"memory after every page        {megabytes(process):6.0f} MB")
        print(f"memory after every page, {ROUNDS_OF_VISITS} times", end=" ")
        print(f"{megabytes(process):5.0f} MB (goal: under 200)")
        print(f"CPU of a visit to the runs     {cpu_of_visit(process, browser, url):6.0f} ms")
        print(f"libtorch mapped                {libtorch_mapped(process)!s:>6}    (goal: False)")
        idle = cpu_seconds_during(process, WATCH_SECONDS)
        contexts = [visit(browser, f"{url}/report?run={running}") for _ in range(VISITORS)]
        time.sleep(3)
        busy = cpu_seconds_during(process, WATCH_SECONDS)
        polls = VISITORS * WATCH_SECONDS / POLL_SECONDS
        cost = 1000 * (busy - idle) / polls
        print(f"CPU of one progress poll       {cost:6.1f} ms (goal: under 10; {polls:.0f} polls)")
        print(f"memory with {VISITORS} visitors         {megabytes(process):6.0f} MB")
        for context in contexts:
            context.close()
        browser.close()


def visit(browser: Browser, address: str) -> BrowserContext:
    """A new visitor; stays until its context is closed."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    page.get_by_text("Presenter mode").wait_for()
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    return context


def cpu_of_visit(process: psutil.Process, browser: Browser, url: str) -> float:
    """CPU time of the server, in milliseconds, for a new visitor of the list of runs."""
    before = process.cpu_times()
    visit(browser, f"{url}/runs").close()
    after = process.cpu_times()
    return 1000 * (after.user + after.system - before.user - before.system)


def megabytes(process: psutil.Process) -> float:
    """Resident memory, millions of bytes."""
    return process.memory_info().rss / 1e6


def libtorch_mapped(process: psutil.Process) -> bool:
    """Whether any of torch's libraries is in the address space."""
    return any("libtorch" in each.path for each in process.memory_maps())


def cpu_seconds_during(process: psutil.Process, seconds: float) -> float:
    """CPU time of the process, user and system, over a while."""
    before = process.cpu_times()
    time.sleep(seconds)
    after = process.cpu_times()
    return after.user + after.system - before.user - before.system


if __name__ == "__main__":
    main()
