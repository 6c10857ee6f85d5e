"""Every test of the intake has a home of its own and gives bytes instead of paths."""

from collections.abc import Callable
from pathlib import Path

import pytest

from efficiency import intake
from efficiency.core import paths
from efficiency.core.errors import EfficiencyError

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
