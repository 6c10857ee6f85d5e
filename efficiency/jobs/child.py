"""The process that carries out one run, as the supervisor holds it.

It leads its own session and process group, so that everything it starts can be ended with it.
Between the two runs one socket pair: messages one way, and nothing the other way but its end,
which tells the runner that the supervisor died (see `runner.hold_lifeline`). What libraries print
comes through a pipe into the run's log.
"""

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

from efficiency.jobs import launch, logs, processes
from efficiency.jobs.messages import Lines, Message

GRACE_SECONDS = 0.4  # between asking to end and killing
CHUNK = 2**16


class Child:
    """A started runner. `end` must be called; after it no process of the run is left."""

    def __init__(self, run_id: str, runner: str) -> None:
        self._run_id = run_id
        self._lines = Lines()
        self._log = logs.Log(logs.log_file(run_id))
        self._socket, theirs = socket.socketpair()
        self._output, their_output = os.pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", "-m", runner, run_id, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=their_output,
                stderr=their_output,
                pass_fds=(theirs.fileno(),),
                cwd=launch.ROOT,
                env=os.environ | {processes.MARK: run_id, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        os.close(their_output)
        os.set_blocking(self._output, False)
        self._socket.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(self._output, selectors.EVENT_READ)

    def read(self, seconds: float) -> list[Message] | None:
        """What the runner says, waiting so long for a word of it; None if it says nothing.

        Raises TooLarge and msgspec.DecodeError.
        """
        data = self._receive(seconds)
        return self._lines.feed(data) if data else None

    def _receive(self, seconds: float) -> bytes:
        """Bytes from the socket, if any came; what came from the pipe is in the log."""
        from_socket = b""
        for key, _ in self._selector.select(seconds):
            try:
                data = os.read(key.fd, CHUNK)
            except ConnectionResetError:
                data = b""
            if not data:
                self._selector.unregister(key.fileobj)
            elif key.fd == self._output:
                self._log.write(data)
            else:
                from_socket = data
        return from_socket

    @property
    def exit_code(self) -> int | None:
        """None while the runner lives; the negative signal number if a signal ended it.

        The dead runner is not reaped here: until it is, nobody else can get its process id, and
        so `end` can signal its group.
        """
        if not hasattr(os, "waitid"):
            return self._process.poll()
        found = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

    def note(self, sentence: str) -> None:
        """Put a line of the supervisor's into the run's log."""
        self._log.write(f"[supervisor] {sentence}\n".encode())

    def await_exit(self, seconds: float) -> None:
        """Give the runner time to end by itself, listening to nothing but its output."""
        deadline = time.monotonic() + seconds
        while self.exit_code is None and time.monotonic() < deadline:
            self._receive(0.02)

    def end(self) -> bool:
        """End the whole group, politely and at once by force. False if a process will not go."""
        self._signal(signal.SIGTERM)
        self.await_exit(GRACE_SECONDS)
        self._signal(signal.SIGKILL)
        self.await_exit(processes.GONE_SECONDS)
        gone = processes.end_marked(self._run_id)  # such as left the group, too
        self._keep_last_words()
        for each in (self._selector, self._socket, self._log):
            each.close()
        os.close(self._output)
        if self.exit_code is not None:
            self._process.wait()
        return gone

    def _keep_last_words(self) -> None:
        # Bounded by what a pipe holds: all who could write more are dead.
        with suppress(BlockingIOError):
            while data := os.read(self._output, CHUNK):
                self._log.write(data)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # everybody is gone
            os.killpg(self._process.pid, number)
