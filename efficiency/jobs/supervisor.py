"""The one process of a home that carries out runs, one after the other.

Started on demand by `launch.ensure_supervisor`, it takes the lock, cleans up after a predecessor
that was killed, and then works through the queue until nothing has been queued for a while. It
learns of new and cancelled runs by looking at the table five times a second, about a thousandth
of one core, so that nobody has to be able to reach it.
"""

import argparse
import fcntl
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from efficiency import intake
from efficiency.core import paths
from efficiency.core.errors import Unavailable
from efficiency.core.values import Progress
from efficiency.jobs import launch, logs, machine, processes
from efficiency.jobs.child import Child
from efficiency.jobs.machine import MachineLock
from efficiency.jobs.messages import Done, Failed, Said, TooLarge, text
from efficiency.jobs.run import State
from efficiency.jobs.store import Store

# By kind; others get the default. The lottery keeps what it has done, and can go on another day.
DEADLINE_SECONDS: dict[str, float] = {"amp": 40 * 60, "lottery": 24 * 3600}
DEFAULT_DEADLINE_SECONDS = 20 * 60.0
IDLE_SECONDS = 60.0
UNATTENDED_SECONDS = 24 * 3600.0  # for somebody who uploads today and measures tomorrow
LOOK_SECONDS = 0.2
LEAVE_SECONDS = 5.0  # for a runner that has delivered to end by itself
LOCK_SECONDS = 1.0  # somebody who only asks holds the lock for microseconds

LOST = (
    "The run was interrupted because the process that carried it out was stopped from outside; "
    "run it again."
)
ELSEWHERE = Progress(
    step="another user's measurement is in progress on this machine", done=0, total=1
)


def main() -> None:
    """Entry of `python -m efficiency.jobs.supervisor`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runner", default="efficiency.jobs.runner", help="module run with -m")
    parser.add_argument("--idle", type=float, default=IDLE_SECONDS, help="seconds before leaving")
    parser.add_argument("--deadline", type=float, help="seconds a run may take, of any kind")
    parser.add_argument(
        "--machine-lock",
        metavar="PATH",
        default=machine.LOCK,
        help="file that the supervisors of a machine lock while they measure, or none",
        type=lambda path: None if path == "none" else Path(path),
    )
    options = parser.parse_args()
    if os.fork():  # who started this need not wait for its end, see `launch`
        os._exit(0)
    lock = take_lock()
    if lock is None:
        return
    with Store() as store:
        clean_up(store)
        forget_models(store)
        say_ready()
        serve(store, lock, options)


def take_lock() -> BinaryIO | None:
    """The locked file, None if another supervisor has it. Closing it lets go of the lock."""
    file = launch.lock_file().open("ab")
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                file.close()
                return None
            time.sleep(0.02)
        else:
            file.truncate(0)
            file.write(str(os.getpid()).encode())
            file.flush()
            return file


def say_ready() -> None:
    """Tell who started this, and let go of the pipe to them."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def clean_up(store: Store) -> None:
    """End and forget what a killed supervisor left: its run is lost, processes and folder go."""
    for run_id, state in store.occupied():
        store.fail(run_id, LOST, state=State.LOST)
        if processes.end_marked(run_id):
            vacate(store, run_id, keep=state is State.DONE)


def forget_models(store: Store) -> None:
    """Delete models that were brought long ago and never measured, or whose runs are deleted."""
    for model in set(intake.unattended(UNATTENDED_SECONDS)) - store.models():
        intake.forget(model)


def vacate(store: Store, run_id: str, *, keep: bool) -> None:
    """Remove the folder of a run that has no result, and note that nothing is left over."""
    if not keep:
        shutil.rmtree(paths.run_folder(run_id), ignore_errors=True)
    store.vacate(run_id)


def serve(store: Store, lock: BinaryIO, options: argparse.Namespace) -> None:
    """Carry out what is queued; return, without the lock, after `idle` seconds of nothing."""
    turn = MachineLock(options.machine_lock)
    last, idle = time.monotonic(), True
    while True:
        if store.any_queued():
            if turn.take():
                carry_out_next(store, options)
                turn.give_back()
            else:
                store.hold_up(ELSEWHERE)
                time.sleep(LOOK_SECONDS)
            last, idle = time.monotonic(), False
            continue
        if not idle:
            forget_models(store)
            idle = True
        if time.monotonic() - last > options.idle and store.leave(lock.close):
            return
        time.sleep(LOOK_SECONDS)


def carry_out_next(store: Store, options: argparse.Namespace) -> None:
    """The oldest queued run, unless it was cancelled just now."""
    taken = store.take()
    if taken is not None:
        run_id, kind = taken
        allowed = options.deadline or DEADLINE_SECONDS.get(kind, DEFAULT_DEADLINE_SECONDS)
        carry_out(store, run_id, options.runner, allowed)


def carry_out(store: Store, run_id: str, runner: str, allowed: float) -> None:
    """One run from its start until nothing of it is left but its result."""
    child = Child(run_id, runner)
    done = False
    try:
        ending = follow(store, run_id, child, allowed)
        if ending is not None and ending.study is not None:
            # First of all, so that nothing that happens now can lose it.
            done = store.finish(run_id, ending.study)
            child.await_exit(LEAVE_SECONDS)
    except Unavailable as error:  # what it said cannot be stored; a short sentence may still be
        ending = Ending(error=str(error))
    finally:
        gone = child.end()
    if ending is not None and ending.error is not None:
        store.fail(run_id, ending.error, bad_input=ending.bad_input, state=ending.state)
    if gone:
        vacate(store, run_id, keep=done)
    else:
        print(f"run {run_id}: a process of it will not end", file=sys.stderr)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ended: with the JSON of a study, or with a sentence and a state."""

    study: bytes | None = None
    error: str | None = None
    bad_input: bool = False
    state: State = State.FAILED


def follow(store: Store, run_id: str, child: Child, allowed: float) -> Ending | None:
    """Listen until the runner has said its last word, or has to be stopped.

    None if the run was cancelled or deleted: then nobody waits for more.
    """
    deadline = time.monotonic() + allowed
    while store.is_running(run_id):
        if time.monotonic() > deadline:
            return Ending(
                error=f"The run was stopped because it took longer than {allowed / 60:.4g} "
                "minutes; try a smaller model, a smaller batch or a shorter timing budget."
            )
        exit_code = child.exit_code  # asked before reading: what a dead runner said is all there
        try:
            messages = child.read(LOOK_SECONDS)
        except (TooLarge, msgspec.DecodeError) as reason:
            child.note(f"The runner said what is not a message: {reason!r}")
            return Ending(error=_our_fault(run_id))
        for message in messages or ():
            match message:
                case Said(progress, study):
                    store.update(run_id, progress, text(study))
                case Done(study):
                    return Ending(study=bytes(study))
                case Failed(error, bad_input):
                    return Ending(error=error, bad_input=bad_input)
        if exit_code is not None and messages is None:
            child.note(f"The runner ended with exit code {exit_code} and no result.")
            return ending_without_a_word(run_id, exit_code)
    return None


def ending_without_a_word(run_id: str, exit_code: int) -> Ending:
    """What to tell people about a runner that ended without a last word."""
    if exit_code in (-signal.SIGKILL, -signal.SIGTERM):
        return Ending(
            state=State.LOST,
            error=f"The run was stopped from outside ({signal.Signals(-exit_code).name}), most "
            "often because the machine ran out of memory; close other programs, or use a smaller "
            "model or batch, and run it again.",
        )
    if exit_code < 0:
        return Ending(
            error=f"The run crashed inside a library ({signal.Signals(-exit_code).name}); run it "
            f"again, and if it happens again, report it with its log at {logs.log_file(run_id)}."
        )
    return Ending(error=_our_fault(run_id))


def _our_fault(run_id: str) -> str:
    return (
        "The run ended without a result, which is our fault and not yours; please report it with "
        f"its log at {logs.log_file(run_id)}."
    )


if __name__ == "__main__":
    main()
