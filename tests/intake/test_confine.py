"""What the reading process really cannot do, tried from inside."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from efficiency import intake
from efficiency.core import paths
from efficiency.core.errors import BadFile
from efficiency.intake import reader
from efficiency.intake.confine import NO_FILES, NO_NETWORK
from tests.intake import crafted
from tests.intake.conftest import Give

ROOT = Path(intake.__file__).resolve().parents[2]
ATTEMPTS = """
import json, os, socket, sys
from pathlib import Path
from efficiency.intake.confine import confine

levels = confine(memory_bytes=2**30, cpu_seconds=5, file_bytes=1000,
    readable=[Path(sys.argv[1]) / "efficiency"])
done = {}
def attempt(name, action):
    try:
        action()
        done[name] = True
    except (OSError, MemoryError):
        done[name] = False
attempt("own file", lambda: Path("mine").write_bytes(b"x"))
attempt("long file", lambda: Path("long").write_bytes(b"x" * 2000))
attempt("memory", lambda: bytearray(2**31))
attempt("other file", lambda: Path(sys.argv[2]).read_bytes())
attempt("other folder", lambda: Path(sys.argv[2]).with_name("new").write_bytes(b"x"))
attempt("program", lambda: os.execv("/bin/true", ["true"]))
attempt("network", lambda: socket.create_connection(("127.0.0.1", int(sys.argv[3])), timeout=2))
print(json.dumps([levels, os.getpriority(os.PRIO_PROCESS, 0), done]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_the_reader_is_confined(tmp_path: Path) -> None:
    import socket

    secret, inside = tmp_path / "secret", tmp_path / "inside"
    secret.write_text("secret")
    inside.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        run = subprocess.run(
            [sys.executable, "-c", ATTEMPTS, ROOT, secret, str(server.getsockname()[1])],
            cwd=inside,
            env={"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
    levels, nice, done = json.loads(run.stdout)
    assert nice >= 10
    assert done["own file"]
    assert not done["long file"]
    assert not done["memory"]
    for level, attempts in {
        NO_FILES: ("other file", "other folder", "program"),
        NO_NETWORK: ("network",),
    }.items():
        if level in levels:
            assert not any(done[each] for each in attempts)
    assert all(level in intake.isolation() for level in levels)


def test_a_reader_that_takes_too_long_is_stopped(
    give: Give, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = _children()  # a browser of other tests, for example
    monkeypatch.setattr(reader, "seconds_allowed", lambda size: 0.01)
    with pytest.raises(BadFile, match="took longer than 0 seconds"):
        give(crafted.zipped(crafted.weights()))
    assert not list(paths.model_folder("x").parent.iterdir())
    assert _children() == others


def test_no_process_and_no_descriptor_is_left(give: Give) -> None:
    give(crafted.zipped(crafted.weights()))
    others = _children()
    before = len(os.listdir("/proc/self/fd"))
    give(crafted.zipped(crafted.weights(1)))
    assert len(os.listdir("/proc/self/fd")) == before
    assert _children() == others


def _children() -> list[int]:
    import psutil

    return [each.pid for each in psutil.Process().children()]
