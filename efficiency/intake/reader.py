"""Starts the confined process on one file; however it ends, that becomes an answer or a refusal."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import msgspec

import efficiency
from efficiency.core.errors import BadFile, Unavailable
from efficiency.intake.answer import MAX_ANSWER_BYTES, Answer
from efficiency.intake.limits import seconds_allowed
from efficiency.intake.packages import PACKAGES
from efficiency.intake.sentences import SAVE_WEIGHTS

log = logging.getLogger(__name__)
CODE = Path(efficiency.__file__).resolve().parents[1]


def read(file: BinaryIO, folder: Path, size: int) -> Answer:
    """Let a confined process convert the open file into `folder`. Raises BadFile, Unavailable."""
    try:
        code, output = _run(file, folder, seconds_allowed(size))
    except subprocess.TimeoutExpired:
        raise BadFile(
            f"Reading the file took longer than {seconds_allowed(size):.0f} seconds and was "
            f"stopped; save only the weights: {SAVE_WEIGHTS}."
        ) from None
    if code == -signal.SIGXCPU:
        raise BadFile(f"Reading the file takes too long; save only the weights: {SAVE_WEIGHTS}.")
    try:
        answer = msgspec.json.decode(output, type=Answer)
    except msgspec.DecodeError:
        log.error("the reader ended with %s and said %r", code, output[:200])
        raise BadFile(
            "The file made its reader crash, which harmed nothing; it is damaged or made to do "
            f"that, so save it again with {SAVE_WEIGHTS}."
        ) from None
    if answer.refused is not None:
        raise BadFile(answer.refused)
    if answer.disk_full:
        raise Unavailable("The disk of this machine is full; delete some runs and try again.")
    if answer.out_of_memory:
        raise BadFile(
            "The file needs more memory than its reader may use, although it is small enough; "
            f"save only the weights: {SAVE_WEIGHTS}."
        )
    return answer


@cache
def isolation() -> str:
    """How a strange file is kept apart on this machine, as words for the page."""
    with TemporaryDirectory(prefix="efficiency-") as folder, open(os.devnull, "rb") as nothing:
        _, output = _run(nothing, Path(folder), 30.0, ["--isolation"])
    levels = msgspec.json.decode(output, type=Answer).isolation
    return f"read in a separate process with {', '.join(levels)}"


def _run(
    file: BinaryIO, folder: Path, seconds: float, arguments: Sequence[str] = ()
) -> tuple[int, bytes]:
    """Exit code and standard output, both limited. Raises TimeoutExpired; leaves no process."""
    said, complained = folder / "stdout", folder / "stderr"
    with said.open("wb") as output, complained.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-m", "efficiency.intake.child", *arguments],
            stdin=file,
            stdout=output,
            stderr=errors,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
        try:
            code = process.wait(seconds)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if complaint := complained.read_bytes()[-2000:]:
        log.warning("the reader said: %r", complaint)
    with said.open("rb") as output_file:
        output_bytes = output_file.read(MAX_ANSWER_BYTES)
    said.unlink()
    complained.unlink()
    return code, output_bytes


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours but where the code is and the one setting that changes a limit."""
    kept = {name: os.environ[name] for name in ("EFFICIENCY_MAX_UPLOAD_MB",) if name in os.environ}
    # One thread: a measurement may be running, and a process without threads needs no more rights.
    return {
        "PYTHONPATH": os.pathsep.join((str(CODE), str(PACKAGES))),
        "PYTHONUTF8": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "HOME": str(folder),
        **kept,
    }
