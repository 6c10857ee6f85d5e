"""What all tests share: a home of their own, never the user's."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before any torch is imported, and for all processes that tests start: on two cores, threads of
# two processes at once wait for each other up to fifty times as long as they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """EFFICIENCY_HOME for the whole session, so that training is done once."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFICIENCY_HOME", str(folder))
        yield folder
