"""Every test of the intake has a home of its own and gives bytes instead of paths."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec
import pytest

from efficiency import intake
from efficiency.core import paths
from efficiency.core.errors import EfficiencyError
from efficiency.intake import child, reader

Give = Callable[..., intake.Accepted]
Refused = Callable[..., str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("EFFICIENCY_HOME", str(folder))
    monkeypatch.delenv("EFFICIENCY_MAX_UPLOAD_MB", raising=False)
    return folder


@pytest.fixture
def give(tmp_path: Path) -> Give:
    """Accept bytes under a name."""

    def accept(data: bytes, name: str = "model.pt") -> intake.Accepted:
        path = tmp_path / "upload"
        path.write_bytes(data)
        return intake.accept(path, name)

    return accept


@pytest.fixture
def refused(give: Give, home: Path) -> Refused:
    """The one sentence with which bytes are refused; nothing may be left behind."""

    def sentence(data: bytes, name: str = "model.pt") -> str:
        with pytest.raises(EfficiencyError) as caught:
            give(data, name)
        text = str(caught.value)
        assert text.endswith((".", ").")), text
        assert "\n" not in text
        assert "weights_only" not in text
        assert not list(paths.model_folder("x").parent.iterdir()), "something was kept"
        return text

    return sentence


@pytest.fixture
def read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read by the code of the confined process, but in this one.

    For tests that are about weights and notes: to start a process takes longer than to read a
    hundred files. `test_confine.py` is about the process, and hostile files are given to it.
    """

    def run(
        file: BinaryIO, folder: Path, seconds: float, arguments: Sequence[str] = ()
    ) -> tuple[int, bytes]:
        assert not arguments
        monkeypatch.chdir(folder)
        monkeypatch.setattr(child, "INPUT", Path(f"/proc/self/fd/{file.fileno()}"))
        return 0, msgspec.json.encode(child._answer(file, os.fstat(file.fileno()).st_size))

    monkeypatch.setattr(reader, "_run", run)
