"""What is closed is not sent to the browser; what is opened is, and the page is not drawn again."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from efficiency.core.values import Study
from tests import samples_pruning as samples
from tests.pages.test_pages import charts, words

Open = Callable[..., AppTest]
Finish = Callable[[Study], str]


def test_of_a_finished_run_only_what_is_seen_at_first_is_sent(
    open_page: Open, finished: Finish
) -> None:
    run = finished(samples.small())
    app = open_page("pruning", run=run)
    labels = {each.label for each in app.expander}
    assert {"More numbers", "Every amount of zeros, as a table"} <= labels
    assert len(charts(app)) == 3  # of three groups of tabs the first
    assert not any("prune.l1_unstructured" in each.value for each in app.code)


def test_a_part_that_is_opened_is_drawn(open_page: Open, finished: Finish) -> None:
    run = finished(samples.small())
    app = open_page("pruning", run=run)
    first, tables = charts(app)[0], words(app).count("<table")
    app.session_state[f"{run}_pruning-accuracy_tabs"] = "Size against zeros"
    app.session_state[f"{run}_programs"] = True
    app.session_state[f"{run}_More numbers"] = True
    app.run()
    assert charts(app)[0] != first
    assert "bytes of the file" in charts(app)[0]
    assert any("prune.l1_unstructured" in each.value for each in app.code)
    assert words(app).count("<table") == tables + 1


def test_the_whole_page_can_be_looked_at(open_page: Open, finished: Finish, all_open: None) -> None:
    assert len(charts(open_page("pruning", run=finished(samples.small())))) == 8
