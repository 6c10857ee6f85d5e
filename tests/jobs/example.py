"""A routine without torch for these tests: it measures sorting, or misbehaves as it is asked to."""

import ctypes
import os
import platform
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import psutil

from efficiency.core.context import Context
from efficiency.core.errors import BadFile, Unavailable
from efficiency.core.requests import REQUESTS, Request
from efficiency.core.requests.base import option
from efficiency.core.values import Environment, Progress, Row, Study, Timing
from efficiency.jobs import launch, runner

# One more process in the group, one that also ignores SIGTERM and leaves the group and session.
SLEEPERS = (
    "import time; time.sleep(600)",
    "import os, signal, time; os.setsid(); signal.signal(15, signal.SIG_IGN); time.sleep(600)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleRequest(Request):
    kind: ClassVar[str] = "example"

    action: str = option("sort", "What to do.")
    seconds: float = option(0.0, "How long to take for each row.")


def install(*options: str) -> None:
    """Let this process submit example requests, to a supervisor of their own."""
    REQUESTS[ExampleRequest.kind] = ExampleRequest
    launch.SUPERVISOR = (
        "efficiency.jobs.supervisor",
        *("--runner", "tests.jobs.example", "--idle", "30", "--deadline", "100"),
        *("--machine-lock", "none"),  # tests in other processes need not wait for these
        *options,  # the last of the same name counts
    )


def run(request: ExampleRequest, context: Context) -> Study:
    return ACTIONS[request.action](request, context)


def sort(request: ExampleRequest, context: Context) -> Study:
    study = Study(
        kind=request.kind,
        title="Sorting",
        request=request.document(),
        environment=environment(),
        rows=(),
        complete=False,
    )
    for done, length in enumerate((1_000, 2_000, 4_000)):
        context.progress(Progress(step=f"{length} numbers", done=done, total=3, seconds_left=1.5))
        row = Row(name=f"sort-{length}", label=f"Sort {length}", timing=time_sorting(length))
        study = replace(study, rows=(*study.rows, row))
        context.partial(study)
        (context.folder / row.name).write_text(str(length))
        time.sleep(request.seconds)
    return replace(study, complete=True)


def time_sorting(length: int) -> Timing:
    numbers = [random.random() for _ in range(length)]  # noqa: S311
    samples = []
    for _ in range(20):
        start = time.perf_counter()
        sorted(numbers)
        samples.append(time.perf_counter() - start)
    return Timing(samples=tuple(samples))


def environment() -> Environment:
    return Environment(
        measured_at="2026-11-22T10:00:00+00:00",
        device="cpu",
        features=(),
        cpu=platform.processor(),
        cores=os.cpu_count() or 1,
        threads=1,
        memory_bytes=0,
        platform=platform.platform(),
        versions={},
    )


def untimed(request: ExampleRequest, context: Context) -> Study:
    study = sort(request, context)
    return replace(study, rows=tuple(replace(row, timing=None) for row in study.rows))


def large(request: ExampleRequest, context: Context) -> Study:
    """A study of some megabytes, in many small pieces as real ones are."""
    study = sort(request, context)
    samples = tuple(random.random() for _ in range(20_000))  # noqa: S311
    rows = tuple(replace(row, timing=Timing(samples=samples)) for row in study.rows)
    return replace(study, rows=rows)


def hang(request: ExampleRequest, context: Context) -> Study:
    """Compute for ever, with descendants that want to survive."""
    for code in SLEEPERS:
        subprocess.Popen([sys.executable, "-c", code])
    sort(request, context)
    context.progress(Progress(step="hanging", done=1, total=1))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        sum(range(10_000))


def orphan(request: ExampleRequest, context: Context) -> Study:
    """Deliver a result and leave processes behind."""
    for code in SLEEPERS:
        subprocess.Popen([sys.executable, "-c", code])
    return sort(request, context)


def bad_input(request: ExampleRequest, context: Context) -> Study:
    (context.folder / "half-written").write_text("x")
    raise BadFile("The file is empty; choose one with weights in it.")


def unavailable(request: ExampleRequest, context: Context) -> Study:
    sort(request, context)
    raise Unavailable("There is no CUDA device here; choose cpu.")


def bug(request: ExampleRequest, context: Context) -> Study:
    raise ZeroDivisionError("division by zero")


def flood(request: ExampleRequest, context: Context) -> Study:
    for _ in range(3_000):
        print("x" * 1_000)
    raise KeyError("the very last words")


def memory(request: ExampleRequest, context: Context) -> Study:
    raise AssertionError(len(bytearray(2**62)))


def many_allocations(request: ExampleRequest, context: Context) -> Study:
    """Ask for more than the machine has, in pieces; they are never touched, so nothing is used."""
    import numpy as np  # not in the front, which a test looks at

    quarter = psutil.virtual_memory().total // 4
    pieces = [np.empty(quarter, np.uint8) for _ in range(5)]  # a bytearray would be written to
    raise AssertionError(len(pieces))


def disk(request: ExampleRequest, context: Context) -> Study:
    Path("/dev/full").write_bytes(b"x")
    raise AssertionError


def segfault(request: ExampleRequest, context: Context) -> Study:
    ctypes.string_at(0)
    raise AssertionError


def killed(request: ExampleRequest, context: Context) -> Study:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def leave(request: ExampleRequest, context: Context) -> Study:
    os._exit(3)


def babble(request: ExampleRequest, context: Context) -> Study:
    """Say something that is no message, through the descriptor named on the command line."""
    os.write(int(sys.argv[2]), b"hello\n")
    time.sleep(60)
    raise AssertionError


def huge(request: ExampleRequest, context: Context) -> Study:
    return replace(sort(request, context), notes=("x" * 17 * 2**20,))


def not_json(request: ExampleRequest, context: Context) -> Study:
    return replace(sort(request, context), notes=(object(),))  # type: ignore[arg-type]


def chatter(request: ExampleRequest, context: Context) -> Study:
    for done in range(2_000):
        context.progress(Progress(step="chatter", done=done, total=2_000))
    time.sleep(1.5)
    return sort(request, context)


ACTIONS = {
    each.__name__: each
    for each in (
        *(sort, hang, orphan, bad_input, unavailable, bug, flood, memory, many_allocations, disk),
        *(segfault, killed, leave, babble, huge, not_json, chatter, untimed, large),
    )
}

if __name__ == "__main__":
    from tests.jobs import example  # this file is __main__ here; the routine is found by its name

    example.install()
    runner.main({"example": "tests.jobs.example:run"})
