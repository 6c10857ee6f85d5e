"""Pages about runs of the past: measured by another version, measured again, or very many."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from efficiency import jobs
from efficiency.core.requests import ReportRequest
from efficiency.core.values import Study
from efficiency.jobs import State, supervisor
from efficiency.jobs.store import Store
from tests import samples
from tests.pages.test_pages import words

Open = Callable[..., AppTest]
Finish = Callable[[Study], str]


def spoil(run: str) -> None:
    """Make the study of a run one that this version cannot read."""
    with Store() as store:
        store.change(
            """UPDATE runs SET study = '{"title": "Old", "rows": [{"timing": 1}]}',
            study_revision = study_revision + 1 WHERE id = ?""",
            (run,),
        )


def test_a_run_of_another_version_says_so_and_can_be_measured_again(
    open_page: Open, finished: Finish, nothing_starts: None
) -> None:
    run = finished(samples.report())
    spoil(run)
    app = open_page("report", run=run)
    assert "another version" in app.error[0].value
    next(each for each in app.button if each.label == "Run it again").click().run()
    assert not app.exception
    (new,) = [each for each in jobs.recent() if each.id != run]
    assert app.query_params["run"] == new.id


@pytest.mark.parametrize("page", ["", "report", "runs"])
def test_every_page_survives_runs_of_another_version(
    open_page: Open, finished: Finish, page: str
) -> None:
    readable = finished(samples.report())
    spoil(finished(samples.report()))
    assert jobs.latest("report").id == readable  # type: ignore[union-attr]
    assert "LeNet on the digits" in words(open_page(page)) or page == "runs"


def test_a_finished_run_can_be_measured_again(
    open_page: Open, finished: Finish, nothing_starts: None
) -> None:
    run = finished(samples.report())
    app = open_page("report", run=run)
    next(each for each in app.button if each.label == "Measure again").click().run()
    assert not app.exception
    new, old = jobs.recent()
    assert app.query_params["run"] == new.id
    assert new.request == old.request
    assert (old.id, old.state) == (run, State.DONE)


def test_what_waits_for_another_user_says_so(open_page: Open, nothing_starts: None) -> None:
    with Store() as store:
        run = store.submit(ReportRequest(workload="lenet"))
        store.hold_up(supervisor.ELSEWHERE)
    (progress,) = open_page("report", run=run).get("progress")
    said = progress.proto.text.replace("\\", "")
    assert said.startswith("Another user's measurement is in progress")
