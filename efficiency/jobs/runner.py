"""The process that carries out one run: `python -m efficiency.jobs.runner RUN FD`.

Started by the supervisor. FD is its end of a socket pair: messages go out on it, and it ends when
the supervisor is gone. Whatever a routine or a library prints goes to the run's log.
"""

import errno
import importlib
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from efficiency.core import paths, serial
from efficiency.core.context import Context
from efficiency.core.errors import BadInput, EfficiencyError
from efficiency.core.requests import Request
from efficiency.core.values import Phase, Progress, Study
from efficiency.jobs import limits, logs, processes
from efficiency.jobs.messages import Done, Failed, Message, Said, TooLarge, encode
from efficiency.jobs.store import Store

ROUTINES: Mapping[str, str] = {
    "amp": "efficiency.routines.amp:run",
    "energy": "efficiency.routines.energy:run",
    "lottery": "efficiency.routines.lottery:run",
    "prune": "efficiency.routines.prune:run",
    "quantize": "efficiency.routines.quantize:run",
    "report": "efficiency.routines.report:run",
}

Routine = Callable[[Request, Context], Study]

STARTS = "process starts"  # the phase of a study that starting its processes is booked under
NEWS_SECONDS = 0.5  # at most two updates a second, however often a routine speaks


class Voice:
    """The Context of a run. Speaking costs the routine nothing: a thread encodes and sends the
    latest of what was said, so that measurements are not disturbed by being watched.
    """

    def __init__(self, folder: Path, line: socket.socket) -> None:
        self._folder = folder
        self._line = line
        self._lock = threading.Lock()
        self._news = threading.Event()
        # One place each: what is new pushes out what was not sent yet.
        self._progress: deque[Progress] = deque(maxlen=1)
        self._study: deque[Study] = deque(maxlen=1)
        threading.Thread(target=self._speak, name="voice", daemon=True).start()

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        return self._folder

    def progress(self, progress: Progress) -> None:
        """Say where the run is."""
        self._progress.append(progress)
        self._news.set()

    def partial(self, study: Study) -> None:
        """Show what is measured so far."""
        self._study.append(study)
        self._news.set()

    def last_word(self, message: Done | Failed) -> None:
        """Say how it ended, after everything that was said before."""
        with self._lock:
            if isinstance(message, Failed):
                self._send_news()
            self._send(message)

    def _speak(self) -> None:
        while self._news.wait():
            self._news.clear()
            with self._lock:
                try:
                    self._send_news()
                except Exception:  # noqa: BLE001  the next news, or the last word, may get through
                    traceback.print_exc()
            time.sleep(NEWS_SECONDS)

    def _send_news(self) -> None:
        progress = self._progress.pop() if self._progress else None
        study = self._study.pop() if self._study else None
        if progress is not None or study is not None:
            encoded = msgspec.Raw(serial.encode(study) if study is not None else b"null")
            self._send(Said(progress, encoded))

    def _send(self, message: Message) -> None:
        self._line.sendall(encode(message))


def hold_lifeline(run_id: str, line: socket.socket) -> None:
    """End all processes of the run as soon as the supervisor is gone, however it went.

    The supervisor never writes, so reading waits, without any cost, for the end of the connection.
    """

    def wait() -> None:
        try:
            line.recv(1)
            processes.end_marked(run_id)  # such as left the group, too
        finally:
            os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def main(routines: Mapping[str, str] = ROUTINES) -> None:
    """Carry out the run named on the command line with the routine of its kind."""
    run_id, fd = sys.argv[1], int(sys.argv[2])
    os.set_inheritable(fd, False)
    line = socket.socket(fileno=fd)
    hold_lifeline(run_id, line)
    voice = Voice(paths.run_folder(run_id), line)
    message = carry_out(run_id, voice, routines)
    voice.last_word(message)
    sys.exit(0 if isinstance(message, Done) else 1)


def carry_out(run_id: str, context: Context, routines: Mapping[str, str]) -> Done | Failed:
    """The study, or the sentence that says why there is none; the log gets the traceback."""
    try:
        with Store() as store:
            run = store.get(run_id)
        request = run.request
        limits.apply(limit_memory=request.device == "cpu")
        context.folder.mkdir(parents=True)
        routine = find(routines[request.kind])
        starting = time.time() - (run.started or run.created)
        study = routine(request, context)
        encoded = serial.encode(with_start(study, starting))
        serial.decode(encoded)  # what cannot be read again is no result; better known now
        done = Done(msgspec.Raw(encoded))
        encode(done)
        return done
    except EfficiencyError as error:
        traceback.print_exc()
        return Failed(str(error), isinstance(error, BadInput))
    except Exception as error:  # noqa: BLE001  becomes the run's error
        traceback.print_exc()
        return Failed(sentence(error, run_id))


def with_start(study: Study, seconds: float) -> Study:
    """The study with the wall time that went before the routine's first line: this process had to
    start, and to import what the routine needs.
    """
    others = tuple(phase for phase in study.phases if phase.name != STARTS)
    known = sum(phase.seconds for phase in study.phases if phase.name == STARTS)
    start = Phase(name=STARTS, seconds=known + max(0.0, seconds))
    return replace(study, phases=(start, *others))


def find(name: str) -> Routine:
    """The routine called `module:function`, imported now."""
    module, _, function = name.partition(":")
    routine: Routine = getattr(importlib.import_module(module), function)
    return routine


def sentence(error: Exception, run_id: str) -> str:
    """What to tell people about an error that was not meant for them."""
    words = str(error).lower()
    if isinstance(error, TooLarge):
        return "The result is too large to be kept; try a model with fewer layers."
    if getattr(error, "errno", None) == errno.ENOSPC or "no space left" in words:
        return f"The disk of {paths.home()} is full; free some space and run it again."
    # torch raises RuntimeError from its CPU allocator and a RuntimeError of its own on accelerators
    if isinstance(error, MemoryError) or "can't allocate memory" in words or "out of mem" in words:
        return (
            "The run needed more memory than this machine has; try a smaller model or batch, or "
            "close other programs, and run it again."
        )
    return (
        f"Something went wrong in our code ({type(error).__name__}), which is not your fault; "
        f"please report it with its log at {logs.log_file(run_id)}."
    )


if __name__ == "__main__":
    main()
