"""What every page owes every visitor: it fits, it needs no network, it shows names as they are."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from efficiency import jobs
from efficiency.core.requests import ReportRequest
from efficiency.core.values import Study
from tests import samples
from tests.browser.conftest import LIGHTNESS, SETTLED, Server, assert_fits, finish, soon

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
FONT_SIZE = "each => parseFloat(getComputedStyle(each).fontSize)"


@pytest.fixture(scope="module")
def runs(server: Server) -> Iterator[dict[str, str]]:
    """Finished runs in the server's own store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFICIENCY_HOME", str(server.home))
        studies: dict[str, Study] = {
            "honest": samples.report(),
            "hostile": samples.hostile(),
            "weights": samples.weights(),
        }
        yield {
            name: finish(study, ReportRequest(workload="lenet", seed=seed))
            for seed, (name, study) in enumerate(studies.items(), start=1000)
        }


def test_the_first_visitor_of_a_server_can_start_at_any_address_and_it_fits(
    open_page: Open, runs: dict[str, str]
) -> None:
    page = open_page("/report")
    expect(page.get_by_role("heading", name="Compression report")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert_fits(page, every_tab=False)  # pressed where names are long, below


def test_hostile_names_are_text_and_fit(open_page: Open, runs: dict[str, str]) -> None:
    page = open_page(f"/report?run={runs['hostile']}")
    expect(page.locator("h2", has_text=samples.HOSTILE)).to_be_visible()
    said = page.locator("[data-testid=stMain]").inner_text().replace("\N{WORD JOINER}", "")
    assert samples.MARKDOWN in said
    assert samples.FORMULA in said
    assert "Efficiency Lab" in page.title() or "Compression report" in page.title()
    assert page.locator("a[href*=evil]").count() == 0
    assert_fits(page)


def test_a_run_is_dark_where_the_system_is(open_page: Open, runs: dict[str, str]) -> None:
    page = open_page(f"/report?run={runs['honest']}", color_scheme="dark")
    page.wait_for_function(f"({LIGHTNESS})() > 500")


def test_a_run_is_light_has_an_address_and_tabs_for_the_keyboard(
    open_page: Open, runs: dict[str, str]
) -> None:
    page = open_page(f"/report?run={runs['honest']}")
    page.wait_for_function(f"({LIGHTNESS})() < 200")
    page.get_by_text("Share", exact=True).click()
    expect(page.locator("code").filter(has_text="?run=").first).to_have_text(page.url)
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Speed against the baseline").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Up and left is better")).to_be_visible()


def test_pages_fit_and_large_type_stays_from_one_to_the_other(
    open_page: Open, runs: dict[str, str]
) -> None:
    page = open_page("/")
    assert_fits(page, every_tab=False)
    small = page.locator("h1").evaluate(FONT_SIZE)
    page.get_by_text("Presenter mode").click()
    page.get_by_role("link", name="Runs").first.click()
    page.get_by_role("heading", name="Runs").wait_for()
    soon(lambda: page.locator("h1").evaluate(FONT_SIZE), lambda large: large > 1.2 * small)
    assert_fits(page, every_tab=False)


def tick(page: Page, row: int) -> None:
    """Tick a row of the list, or no longer; the first is 1.

    The boxes are drawn on a canvas, 35 pixels apart. What screen readers get says when it is drawn
    and which rows are ticked.
    """
    table = page.get_by_test_id("stDataFrame")
    read = table.locator(f"canvas tr[aria-rowindex='{row + 1}']")  # the first is the heads'
    page.wait_for_selector(SETTLED)
    read.wait_for(state="attached")
    ticked = read.get_attribute("aria-selected") == "true"
    table.click(position={"x": 15, "y": 35 * row + 17})
    expect(read).to_have_attribute("aria-selected", str(not ticked).lower())


def test_ticks_go_with_their_runs_and_only_what_is_named_is_deleted(
    open_page: Open, server: Server, runs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFICIENCY_HOME", str(server.home))
    doomed = finish(
        replace(samples.report(), title="Doomed"), ReportRequest(workload="lenet", seed=2000)
    )
    page = open_page("/runs")
    tick(page, 1)
    expect(page.get_by_text(f"Open {doomed[:6]}")).to_be_visible()

    above = finish(
        replace(samples.report(), title="Spared"), ReportRequest(workload="lenet", seed=2001)
    )
    tick(page, 2)  # what lay there when the list was drawn is the run "weights"
    expect(page.get_by_text(f"Open {doomed[:6]}")).to_be_visible()
    expect(page.get_by_text(f"Open {runs['weights'][:6]}")).to_be_visible()
    expect(page.get_by_text(f"Open {above[:6]}")).to_have_count(0)
    tick(page, 3)  # and now it lies one further down
    expect(page.get_by_text(f"Open {runs['weights'][:6]}")).to_have_count(0)

    find = page.get_by_label("Find")
    find.fill("Spared")
    find.press("Enter")
    expect(page.get_by_text("Tick rows on the left")).to_be_visible()
    find.fill("")
    find.press("Enter")
    tick(page, 2)
    page.get_by_role("button", name="Delete 1").click()
    expect(page.get_by_role("listitem").filter(has_text="Doomed, 20")).to_be_visible()
    newest = finish(
        replace(samples.report(), title="Newest"), ReportRequest(workload="lenet", seed=2002)
    )
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("Tick rows on the left")).to_be_visible()
    left = {run.id for run in jobs.recent()}
    assert left == {*runs.values(), above, newest}
    for run in (above, newest):
        jobs.delete(run)


def test_ticked_runs_are_compared(open_page: Open, runs: dict[str, str]) -> None:
    page = open_page("/runs")
    tick(page, 1)
    expect(page.get_by_text(re.compile("^Open "))).to_have_count(1)
    tick(page, 2)
    expect(page.get_by_text("Request, machine and software")).to_be_visible()
    differing = page.locator("tr.differs")
    expect(
        differing.filter(has_text="workload").or_(differing.filter(has_text="seed"))
    ).not_to_have_count(0)
