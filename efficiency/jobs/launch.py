"""Finding the supervisor of this home, and starting it where there is none.

The supervisor holds an exclusive lock on `supervisor.lock` in EFFICIENCY_HOME for as long as it
lives; the kernel lets go of it however the process ends. So "is one alive" is a question to the
lock, never to a process id that may have become somebody else's:

    submit:      insert the run, commit; then ask the lock; start a supervisor if it is free.
    supervisor:  before it leaves, in one transaction: is nothing queued? then let go of the lock.

The insert comes either before that transaction, and the supervisor stays, or after it, and the
lock is found free. There is no order in which a run waits for a supervisor that is gone.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import efficiency
from efficiency.core import paths
from efficiency.core.errors import Unavailable
from efficiency.jobs import logs

# What is started with `python -m`. Tests put their own supervisor here, with shorter times.
SUPERVISOR: tuple[str, ...] = ("efficiency.jobs.supervisor",)

ROOT = Path(efficiency.__file__).parents[1]  # where `-m efficiency` can be found from
START_SECONDS = 30.0


def lock_file() -> Path:
    """The file whose lock the supervisor holds; it contains the supervisor's process id."""
    return paths.home() / "supervisor.lock"


def supervisor_alive() -> bool:
    """Whether a supervisor holds the lock. Takes microseconds."""
    with lock_file().open("ab") as file:
        try:
            # Shared, so that many can ask at once; a starting supervisor tries more than once.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def ensure_supervisor() -> None:
    """Return with a supervisor alive that has cleaned up after the one before it.

    Raises Unavailable if it does not start.
    """
    if supervisor_alive():
        return
    with (paths.home() / "supervisor.starting").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # of many who find none, one starts it, the others wait
        if not supervisor_alive():
            _start()


def _start() -> None:
    log = logs.log_file("supervisor")
    if log.exists() and log.stat().st_size > logs.LARGEST:
        log.unlink()
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *SUPERVISOR],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            cwd=ROOT,
            env=os.environ | {"EFFICIENCY_HOME": str(paths.home().absolute())},
            start_new_session=True,
        )
    # What is started here forks and ends, so that nobody has to wait for the supervisor's end;
    # the fork says a word when it is ready, and lets go of the pipe.
    try:
        ready, _ = process.communicate(timeout=START_SECONDS)
    except subprocess.TimeoutExpired:
        ready = b""
    if not ready and not supervisor_alive():
        raise Unavailable(
            f"The process that carries out runs did not start; {log} says why. Once that is "
            "mended, ask again."
        )
