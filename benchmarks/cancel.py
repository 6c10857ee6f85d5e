"""How long a cancelled run lives on, and what a progress poll costs: `python -m benchmarks.cancel`.

The run computes with torch in two processes, on two threads, and shows its rows twice a second. It
is cancelled twenty times; the time is from the call of `jobs.cancel` to the last of its processes
gone from the process table. Between, a poll is what a page does: the run, its place, the queue.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from statistics import mean, median
from typing import ClassVar

from efficiency import jobs
from efficiency.core.context import Context
from efficiency.core.requests import REQUESTS, Request
from efficiency.core.values import Environment, Progress, Row, Study, Timing
from efficiency.jobs import launch, processes, runner

CANCELS = 20
POLLS = 200
ALLOWED_SECONDS = 2.0
ALLOWED_POLL_SECONDS = 0.010

BUSY = "import torch\nx = torch.randn(1024, 1024)\nwhile True: x @ x"


@dataclass(frozen=True, slots=True, kw_only=True)
class BusyRequest(Request):
    """Computes until it is cancelled."""

    kind: ClassVar[str] = "busy"


def run(request: BusyRequest, context: Context) -> Study:
    """Multiply matrices for ever, here and in a child, and keep talking about it."""
    import torch

    subprocess.Popen([sys.executable, "-c", BUSY])
    matrix = torch.randn(1024, 1024)
    samples: list[float] = []
    while True:
        start = time.perf_counter()
        matrix @ matrix
        samples.append(time.perf_counter() - start)
        context.progress(Progress(step="multiplying", done=len(samples), total=10**9))
        context.partial(study(request, tuple(samples[-200:])))


def study(request: Request, samples: tuple[float, ...]) -> Study:
    """Twelve rows with their samples: as much as a report has."""
    row = Row(name="matmul", label="Matrix product", timing=Timing(samples=samples))
    return Study(
        kind=request.kind,
        title="Busy",
        request=request.document(),
        environment=Environment(
            measured_at="",
            device="cpu",
            features=(),
            cpu="",
            cores=os.cpu_count() or 1,
            threads=2,
            memory_bytes=0,
            platform=sys.platform,
            versions={},
        ),
        rows=tuple(replace(row, name=f"row-{number}") for number in range(12)),
        complete=False,
    )


def start(seed: int) -> jobs.Run:
    """A run that computes in both of its processes."""
    run = jobs.submit(BusyRequest(seed=seed))
    while jobs.get(run.id).study is None:
        time.sleep(0.05)
    while sum(each.cpu_times().user > 1 for each in processes.marked(run.id)) < 2:
        time.sleep(0.05)
    return run


def cancel_seconds(run: jobs.Run) -> float:
    """Seconds from the call to no process left."""
    begin = time.perf_counter()
    jobs.cancel(run.id)
    while processes.marked(run.id):
        time.sleep(0.005)
    return time.perf_counter() - begin


def poll_seconds(run: jobs.Run, interval: float) -> float:
    """CPU seconds of one poll: the mean over POLLS, `interval` seconds apart."""
    used = 0.0
    for _ in range(POLLS):
        begin = time.process_time()
        jobs.get(run.id)
        jobs.position(run.id)
        jobs.queue_length()
        used += time.process_time() - begin
        time.sleep(interval)
    return used / POLLS


def main() -> None:
    """Print the figures; exit 1 if one is over what is allowed."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["EFFICIENCY_HOME"] = home
        polled = start(CANCELS)
        changing = poll_seconds(polled, interval=0.1)
        unchanged = poll_seconds(polled, interval=0.0)
        jobs.cancel(polled.id)
        seconds = [cancel_seconds(start(seed)) for seed in range(CANCELS)]
        while launch.supervisor_alive():  # until it leaves, so that its home can go
            time.sleep(0.1)
    print(f"cancel to no process left, n={CANCELS}: median {median(seconds):.3f} s,", end=" ")
    print(f"mean {mean(seconds):.3f} s, longest {max(seconds):.3f} s (allowed {ALLOWED_SECONDS} s)")
    print(f"a poll ten times a second, n={POLLS}: {1e3 * changing:.2f} ms of CPU", end=" ")
    print(f"(allowed {1e3 * ALLOWED_POLL_SECONDS:.0f} ms); as fast as possible, mostly unchanged:")
    print(f"{1e3 * unchanged:.2f} ms of CPU")
    sys.exit(max(seconds) > ALLOWED_SECONDS or changing > ALLOWED_POLL_SECONDS)


if __name__ == "__main__":
    REQUESTS[BusyRequest.kind] = BusyRequest
    launch.SUPERVISOR = (
        *("efficiency.jobs.supervisor", "--runner", "benchmarks.cancel", "--idle", "2"),
    )
    if len(sys.argv) == 3:  # as the runner, started by the supervisor with a run and a descriptor
        runner.main({BusyRequest.kind: "benchmarks.cancel:run"})
    else:
        main()
