"""What all tests share: a home of their own, never the user's."""

import os
import random
import sys
from collections.abc import Iterator
from itertools import chain, zip_longest
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before any torch is imported, and for all processes that tests start: on two cores, threads of
# two processes at once wait for each other up to fifty times as long as they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")


TESTS = Path(__file__).parent

# Time limits on single examples would make a busy machine fail tests; and the same code must not
# pass once and fail once. To look for more: `python -m tests --hypothesis-profile search`.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", patient, max_examples=1000)
settings.register_profile("check", patient, derandomize=True)
settings.load_profile("check")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Tests that draw numbers draw the same ones each time, whatever ran before."""
    random.seed(0)
    if "torch" in sys.modules:  # those that need none are not to wait for it
        sys.modules["torch"].manual_seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)


@pytest.fixture(scope="session")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes share that share the work (pytest -n)."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def share(home: Path, together: Path) -> None:
    """Have a home take what takes long to make, and is the same for all, from all other homes."""
    for name in ("trained", "compiled", "data"):
        (together / name).mkdir(exist_ok=True)
        (home / name).symlink_to(together / name)


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, together: Path) -> Iterator[Path]:
    """EFFICIENCY_HOME for the whole session, so that training is done once."""
    folder = tmp_path_factory.mktemp("home")
    share(folder, together)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFICIENCY_HOME", str(folder))
        yield folder


# Where tests start browsers, servers, runs and other processes, the longest first.
LONG = ("browser", "test_cli", "routines", "exports", "workloads", "intake", "jobs", "measure")
IN_TURN = LONG[:2]  # their runs measure one at a time, as all runs of a machine do


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that none of them is left over at the end; but of those that wait for
    each other only every second one, so that there is something else to do meanwhile.

    Processes take whole files (`--dist=loadfile`), in this order.
    """

    def place(file: Path) -> int:
        first = file.relative_to(TESTS).parts[0]
        return next((at for at, name in enumerate(LONG) if first.startswith(name)), len(LONG))

    files = sorted(dict.fromkeys(item.path for item in items), key=place)
    in_turn = [file for file in files if place(file) < len(IN_TURN)]
    pairs = zip_longest(in_turn, files[len(in_turn) :])
    order = {file: at for at, file in enumerate(chain.from_iterable(pairs))}
    items.sort(key=lambda item: order[item.path])
