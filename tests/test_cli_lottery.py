"""`lottery` on the command line: a line a level and the verdict, and folders of other data."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from efficiency import jobs
from efficiency.cli import main
from efficiency.core import serial
from efficiency.core.requests import LotteryRequest
from efficiency.core.values import Study
from efficiency.jobs.store import Store
from tests import samples_lottery

ROOT = Path(__file__).parents[1]


def stored(study: Study) -> str:
    with Store() as store:
        run = store.submit(LotteryRequest(seed=31))
        store.take()
        store.finish(run, serial.encode(study))
        store.vacate(run)
    return run


def test_every_level_is_a_line_and_the_verdict_stands_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EFFICIENCY_HOME", str(tmp_path))
    study = samples_lottery.won()
    assert study.lottery is not None
    assert main(["show", stored(study)]) == 0
    said = capsys.readouterr().out
    lines = [line for line in said.splitlines() if line.startswith("  level ")]
    assert len(lines) == len(study.lottery.levels)
    assert lines[0].startswith("  level 0, 100.0 % left: dense ")
    for row, part in zip(study.rows[1:4], lines[1].split(", ")[1:], strict=True):
        assert row.score is not None
        assert f"{100 * row.score:.1f} % (best at " in part
    assert study.lottery.verdict in said
    assert "python -m efficiency lottery --workload lenet" in said


def test_a_folder_that_has_no_idx_files_is_bad_input_in_a_sentence(tmp_path: Path) -> None:
    """The folder is named as seen from here, and found by a process elsewhere."""
    folder = os.path.relpath(tmp_path, ROOT)
    done = subprocess.run(
        [sys.executable, "-m", "efficiency", "lottery", "--data", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("This folder has no train-images-idx3-ubyte")
    (run,) = (each for each in jobs.recent() if each.kind == "lottery")
    assert isinstance(run.request, LotteryRequest)
    assert run.request.data == str(tmp_path.resolve())
