from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from efficiency.core import serial
from efficiency.core.requests import parse
from efficiency.core.values import Study
from efficiency.jobs import State, supervisor
from efficiency.jobs.store import Store
from pages.shared import lazy

APP = Path(__file__).parents[2] / "app.py"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for every test, so that no test sees another one's runs."""
    monkeypatch.setenv("EFFICIENCY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(APP.parent)
    return tmp_path / "home"


@pytest.fixture
def nothing_starts(home: Path) -> Iterator[None]:
    """The test is the supervisor, and has what is submitted wait."""
    lock = supervisor.take_lock()
    assert lock is not None
    with lock:
        yield


@pytest.fixture
def finished() -> Callable[[Study], str]:
    """Puts a study into the store as a run that is done; gives its id."""
    seeds = iter(range(1000, 2000))

    def finish(study: Study) -> str:
        with Store() as store:
            run = store.submit(parse(study.request | {"seed": next(seeds)}))
            store.take()
            store.finish(run, serial.encode(study))
            store.vacate(run)
        return run

    return finish


@pytest.fixture
def partial() -> Callable[[Study, State], str]:
    """Puts a study into the store as that of a run that has got so far; gives its id."""

    def come_so_far(study: Study, state: State) -> str:
        with Store() as store:
            run = store.submit(parse(study.request | {"seed": 99}))
            store.take()
            store.update(run, None, serial.encode(study))
            if state is State.CANCELLED:
                store.cancel(run)
                store.vacate(run)
        return run

    return come_so_far


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """Opens a page as a new visitor; fails if anything escaped the page."""

    def open_it(page: str = "", **query: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        if page:
            app.switch_page(f"pages/{page}/page.py").run()
        assert not app.exception
        return app

    return open_it


@pytest.fixture
def all_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tab and every fold is drawn, as for somebody who opens them all."""
    monkeypatch.setattr(lazy, "is_open", lambda container: True)
