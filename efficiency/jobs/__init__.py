"""Runs in another process, one at a time for the whole machine: what pages and the CLI call.

    run = jobs.submit(request)      at once; the same question gets the same run, asked by anyone
    jobs.submit(request, again=True)           measures anew what has been measured
    run = jobs.get(run.id)          as often as you like; costs about a millisecond
    jobs.cancel(run.id)             by anyone who can see it: a run belongs to all who asked

How a run is carried out: `launch` finds or starts the `supervisor`, which starts a `runner` for
each run and ends it; `store` remembers; `machine` has homes of several users wait for each other.
None of this imports torch but the routine in the runner.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import replace

from efficiency import intake
from efficiency.core import paths
from efficiency.core.errors import Unavailable
from efficiency.core.requests import Request
from efficiency.jobs import launch, logs
from efficiency.jobs.run import Run, State
from efficiency.jobs.store import Store

__all__ = [
    "Run",
    "State",
    "cancel",
    "delete",
    "get",
    "latest",
    "position",
    "queue_length",
    "recent",
    "seconds_to_start",
    "submit",
    "wait",
]

VACANT_SECONDS = 10.0
POLL_SECONDS = 0.2
FRESH_SECONDS = 3600.0  # somebody who brought a model so lately may be about to measure it


def submit(request: Request, again: bool = False) -> Run:
    """The run that answers the request: the newest queued, running or done one, else a new one.

    Failed, cancelled and lost runs are repeated by submitting their request again. With `again`,
    done ones are, too: they stay at their addresses, and the new run answers from now on.
    Raises Unavailable if the run cannot be kept or nobody can be started to carry it out.
    """
    with Store() as store:
        run = store.get(store.submit(request, again=again))
    if run.active:
        launch.ensure_supervisor()
    return run


def get(run_id: str) -> Run:
    """The run as it is now. Raises UnknownName.

    Never shows a run as active that nobody carries out: a supervisor that was killed is replaced
    first, which makes its run lost and goes on with what is queued.
    """
    return _truthful(lambda store: (store.get(run_id),))[0]


def recent(limit: int = 50) -> tuple[Run, ...]:
    """The latest runs, newest first, without their studies; as truthful as `get` about the rest."""
    return _truthful(lambda store: store.recent(limit))


def latest(kind: str) -> Run | None:
    """The newest done run of the kind that measured times, with its study; None without one."""
    with Store() as store:
        return store.latest(kind)


def queue_length() -> int:
    """How many runs are queued or running: how many a new one would wait for."""
    with Store() as store:
        return len(store.ahead() or ())


def position(run_id: str) -> int | None:
    """How many runs come before this one: 0 if it runs or is next, None if it is not active."""
    with Store() as store:
        ahead = store.ahead(run_id)
    return None if ahead is None else len(ahead)


def seconds_to_start(run_id: str) -> float | None:
    """How long the runs before this one are expected to take, None if that cannot be told."""
    with Store() as store:
        ahead = store.ahead(run_id)
    if ahead is None:
        return None
    seconds = [_seconds_left(run) for run in ahead]
    known = [each for each in seconds if each is not None]
    return sum(known) if len(known) == len(seconds) else None


def _seconds_left(run: Run) -> float | None:
    if run.progress is not None and run.progress.seconds_left is not None:
        return run.progress.seconds_left
    if run.seconds_expected is None:
        return None
    return max(0.0, run.seconds_expected - (time.time() - run.started if run.started else 0.0))


def cancel(run_id: str) -> Run:
    """Stop an active run, for everybody who waits for it; a run that has ended stays as it is.

    Cancelled at once; its processes are gone within two seconds. Raises UnknownName.
    """
    with Store() as store:
        running = store.get(run_id).state is State.RUNNING
        store.cancel(run_id)
    if running:
        launch.ensure_supervisor()  # it ends the processes, also those of a killed predecessor
    with Store() as store:
        return store.get(run_id)


def delete(run_id: str) -> None:
    """Forget a run with its study, files and log, cancelling it first. Raises UnknownName.

    The model it was about goes too, unless another run is about the same or somebody has just
    brought it; then the supervisor deletes it when it has been left alone for a day.
    """
    model = getattr(cancel(run_id).request, "model", None)
    deadline = time.monotonic() + VACANT_SECONDS
    with Store() as store:
        while store.occupied(run_id) and time.monotonic() < deadline:
            launch.ensure_supervisor()
            time.sleep(0.05)
        shutil.rmtree(paths.run_folder(run_id), ignore_errors=True)
        logs.log_file(run_id).unlink(missing_ok=True)
        store.delete(run_id)
        if model in intake.unattended(FRESH_SECONDS) and model not in store.models():
            intake.forget(model)


def wait(run_id: str, on_change: Callable[[Run], None] | None = None) -> Run:
    """The run when it has ended, calling `on_change` with every revision seen on the way."""
    revision = 0
    while True:
        run = get(run_id)
        if on_change is not None and run.revision != revision:
            on_change(run)
        if not run.active:
            return run
        revision = run.revision
        time.sleep(POLL_SECONDS)


def _truthful(read: Callable[[Store], tuple[Run, ...]]) -> tuple[Run, ...]:
    with Store() as store:
        runs = read(store)
    if not any(run.active for run in runs) or launch.supervisor_alive():
        return runs
    try:
        launch.ensure_supervisor()
    except Unavailable as error:
        return tuple(
            replace(run, state=State.LOST, error=str(error)) if run.active else run for run in runs
        )
    with Store() as store:
        return read(store)
