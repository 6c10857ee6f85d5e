"""What the web process costs: memory after a visit to every page, and CPU time of a progress poll.

    python -m benchmarks.web

Starts a real server with a home of its own, visits every page in a real Chromium, and reads /proc.
A poll is what a browser that follows a run asks for every POLL_SECONDS. Its cost is the CPU time of
the server over a while of polling, per poll, minus what it uses while nobody polls.
"""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import IO
from urllib.request import urlopen

import psutil
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from efficiency.core import serial
from efficiency.core.requests import ReportRequest
from efficiency.core.values import Progress
from efficiency.jobs.store import Store
from pages.shared.run_panel import POLL_SECONDS
from tests import samples

ROOT = Path(__file__).parents[1]
WATCH_SECONDS = 40.0
VISITORS = 4


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


def stored_runs() -> tuple[str, str]:
    """Ids of a finished run and of one that stays in the middle, with all its rows."""
    with Store() as store:
        done = store.submit(ReportRequest(workload="lenet", seed=1))
        store.take()
        store.finish(done, serial.encode(samples.report()))
        store.vacate(done)
        running = store.submit(ReportRequest(workload="lenet", seed=2))
        store.take()
        step = Progress(step="timing", done=5, total=10, seconds_left=20.0)
        store.update(running, step, serial.encode(samples.report()))
    return done, running


def hold_the_lock(home: str) -> IO[bytes]:
    """Stand in for the supervisor, so that the run in the middle stays there."""
    lock = (Path(home) / "supervisor.lock").open("ab")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def measure(process: psutil.Process, url: str, done: str, running: str) -> None:
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
        for path in ("/", "/report", f"/report?run={done}", "/runs"):
            visit(browser, url + path)
        print(f"memory after every page        {megabytes(process):6.0f} MB (goal: under 200)")
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
    return context


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
