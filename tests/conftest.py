"""What all tests share: a home of their own, never the user's."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before any torch is imported, and for all processes that tests start: on two cores, threads of
# two processes at once wait for each other up to fifty times as long as they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")


# Time limits on single examples would make a busy machine fail tests.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """EFFICIENCY_HOME for the whole session, so that training is done once.

    Processes that share the work (pytest -n) have a home each, and trained weights in common.
    """
    folder = tmp_path_factory.mktemp("home")
    together = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        together = together.parent
    (together / "trained").mkdir(exist_ok=True)
    (folder / "trained").symlink_to(together / "trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFICIENCY_HOME", str(folder))
        yield folder
