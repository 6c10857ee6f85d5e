"""The Lottery ticket page in a browser: a real run grows, is cancelled, and another ends."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from efficiency import jobs
from efficiency.core.requests import LotteryRequest
from efficiency.exports.lottery import sentences
from efficiency.exports.programs.lottery import lottery_program
from efficiency.jobs import State
from tests import samples, samples_lottery
from tests.browser.conftest import (
    RUN_MILLISECONDS,
    SETTLED,
    SIZES,
    Server,
    assert_fits,
    finish,
    settle,
    soon,
    wait_for_charts,
)

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
# Of the traces of the first chart on the page the one called so: how many points it has.
POINTS = """name => {
    const chart = document.querySelector('.js-plotly-plot');
    const trace = chart?.data?.find((each) => each.name === name);
    return trace === undefined ? 0 : trace.x.length;
}"""


@pytest.fixture(scope="module")
def runs(server: Server) -> Iterator[dict[str, str]]:
    """Finished lottery runs in the server's own store, and the store for the test itself."""
    studies = {"hostile": samples_lottery.hostile(), "won": samples_lottery.won()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFICIENCY_HOME", str(server.home))
        yield {
            name: finish(study, LotteryRequest(workload="lenet300", seed=seed))
            for seed, (name, study) in enumerate(studies.items(), 6000)
        }


def start(page: Page, sizes: dict[str, float]) -> str:
    """Fill in sizes on the page and click Run; gives the run's id."""
    page.get_by_text("Rounds, rates, seeds").click()
    for label, value in sizes.items():
        field = page.get_by_role("spinbutton", name=label, exact=True)
        field.fill(str(value))
        field.press("Enter")
        page.wait_for_selector(SETTLED)
    networks = sizes["Seeds"] * (1 + 3 * sizes["Rounds of pruning"])
    expect(page.get_by_text(f"{networks} networks, each trained for")).to_be_visible()
    page.locator(".st-key-lottery_run button").click()
    page.wait_for_url("**/lottery?run=*")
    return re.findall(r"run=(\w+)", page.url)[0]


def grown(page: Page, points: int) -> None:
    """Wait until the ticket's curve has so many levels."""
    page.wait_for_function(
        f"({POINTS})('ticket') >= {points}",
        timeout=RUN_MILLISECONDS,
        polling=500,  # milliseconds; at every frame it takes a core from what it waits for
    )


@pytest.mark.slow
def test_the_curve_grows_while_it_runs_and_stays_after_a_cancel(
    open_listening: Open, runs: dict[str, str]
) -> None:
    page = open_listening("/lottery")
    sizes = {"Rounds of pruning": 14, "Seeds": 2, "Iterations": 300, "Pruned a round": 0.2}
    run = start(page, sizes)
    expect(page.get_by_role("heading", name="Measured so far")).to_be_visible(
        timeout=RUN_MILLISECONDS
    )
    grown(page, 1)
    before = page.evaluate(POINTS, "ticket")
    grown(page, before + 1)
    expect(page.locator(".js-plotly-plot image")).to_have_count(1)  # the mask
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("This run was cancelled.")).to_be_visible()
    expect(page.get_by_role("heading", name="Measured until then")).to_be_visible()
    grown(page, before + 1)
    found = jobs.get(run)
    assert found.state is State.CANCELLED
    assert found.study is not None
    assert found.study.lottery is not None
    done = {each.level for each in found.study.lottery.outcomes} - {0}
    assert len(done) > before
    soon(lambda: page.evaluate(POINTS, "ticket"), lambda points: points == len(done))
    page.reload()
    page.wait_for_selector(SETTLED)
    grown(page, len(done))


@pytest.mark.slow
def test_a_run_from_the_click_to_the_verdict_and_a_program(
    open_listening: Open, runs: dict[str, str]
) -> None:
    page = open_listening("/lottery?lottery_workload=LeNet-300-100")
    run = start(page, {"Rounds of pruning": 2, "Seeds": 2, "Iterations": 20})
    study = jobs.wait(run).study  # until then the last study may still stand on the page
    expect(page.get_by_role("heading", name="Why?")).to_be_visible(timeout=RUN_MILLISECONDS)
    assert study is not None
    assert study.request == LotteryRequest(
        workload="lenet300", rounds=2, seeds=2, iterations=20
    ).document()  # fmt: skip
    expect(page.get_by_text(sentences(study)[-1]).first).to_be_visible()
    soon(lambda: page.evaluate(POINTS, "ticket"), lambda points: points == 2)
    with page.expect_download() as download:
        page.get_by_role("button", name="PyTorch program").click()
    assert download.value.path().read_text() == lottery_program(study)
    other = open_listening(f"/lottery?run={run}")  # the address works for others
    expect(other.get_by_role("heading", name="Why?")).to_be_visible()


def test_the_sliders_over_levels_and_masks_and_all_fits(
    open_listening: Open, runs: dict[str, str], sent: list[str]
) -> None:
    page = open_listening(f"/lottery?run={runs['won']}")
    wait_for_charts(page)
    assert_fits(page, every_tab=False)  # pressed where names are long, below
    chart = page.locator(".js-plotly-plot", has=page.locator(".slider-group")).first
    chart.scroll_into_view_if_needed()
    wait_for_charts(page)  # they were made narrow and wide again
    page.on("request", lambda asked: sent.append(asked.url))
    line = "each => each.data.find((trace) => trace.name === 'ticket').y.at(-1)"
    ends = [chart.evaluate(line)]
    box = chart.locator(".slider-rail-touch-rect").bounding_box()
    assert box is not None
    for place in (0.02, 0.98):
        page.mouse.click(box["x"] + place * box["width"], box["y"] + box["height"] / 2)
        ends.append(soon(lambda: chart.evaluate(line), lambda end: end not in ends))
    assert sent == []

    expect(page.get_by_text("fc1.weight, 12×20: 17 of 240 weights are left")).to_be_visible()
    picture = page.locator(".js-plotly-plot image")
    before = picture.get_attribute("href")
    thumb = page.get_by_role("slider").first
    thumb.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("fc1.weight, 12×20: 17 of 240 weights are left")).to_have_count(0)
    expect(picture).not_to_have_attribute("href", before or "")


def test_before_anything_else_it_fits_too(open_listening: Open, runs: dict[str, str]) -> None:
    page = open_listening("/lottery")
    page.get_by_text("Rounds, rates, seeds").click()
    page.get_by_role("button", name="Show me").click()
    settle(page)
    assert_fits(page, every_tab=False)


def test_markup_in_names_of_layers_is_text_and_fits(
    open_listening: Open, runs: dict[str, str]
) -> None:
    page = open_listening(f"/lottery?run={runs['hostile']}", color_scheme="dark")
    wait_for_charts(page)
    assert_fits(page)
    page.set_viewport_size(SIZES["phone"])
    assert page.title() != "owned"
    assert page.locator("a[href*=evil]").count() == 0
    expect(page.locator("h2", has_text=samples.HOSTILE)).to_be_visible()
    page.get_by_text("Weights left in every layer, as a table").click()
    cell = page.locator("table.lab-table th", has_text=samples.HOSTILE)
    expect(cell.first).to_be_visible()
