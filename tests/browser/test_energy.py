"""The Energy page in a browser: controls that answer at once, a run from the click to the sums."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from efficiency import jobs
from efficiency.core.requests import parse
from efficiency.core.units import joules_text
from efficiency.core.values import Study
from efficiency.exports.columns import THIN
from efficiency.exports.energy import account
from efficiency.jobs import launch
from tests import samples
from tests.browser.conftest import (
    ROOT,
    RUN_MILLISECONDS,
    Server,
    assert_fits,
    finish,
    soon,
    wait_for_charts,
)

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
DRAWN_TWICE = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module")
def runs(server: Server) -> Iterator[dict[str, str]]:
    """Finished energy runs in the server's own store."""
    studies = {
        "deep": samples.energy(tuple(samples.deep_layers()), title="Deep"),
        "training": samples.energy(title="LeNet, training step", batch_size=8, training=True),
        "metered": samples.metered(),
        "hostile": samples.hostile_energy(),
        "lenet": samples.energy(),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFICIENCY_HOME", str(server.home))
        yield {
            name: finish(study, parse(study.request | {"seed": seed}))
            for seed, (name, study) in enumerate(studies.items(), 3000)
        }


def large(page: Page) -> list[str]:
    """What the cards and the line of counts say."""
    return page.locator(".lab-card strong, .lab-facts strong").all_inner_texts()


def joules(study: Study, precision: str) -> str:
    return joules_text(account(study, precision).whole.total.middle * 1e-12)


def choose(page: Page, label: str) -> None:
    page.get_by_role("radio", name=label, exact=True).or_(
        page.get_by_role("button", name=label, exact=True)
    ).first.click()


def test_controls_answer_without_a_run_and_without_the_queue(
    open_listening: Open, runs: dict[str, str], server: Server
) -> None:
    study = samples.energy()
    page = open_listening(f"/energy?run={runs['lenet']}")
    before = [run.id for run in jobs.recent()]
    for precision in ("int8", "fp16", "int32", "fp32"):
        choose(page, precision)
        expect(page.locator(".lab-card strong").first).to_have_text(joules(study, precision))
    choose(page, "int8")
    expect(page).to_have_url(re.compile("energy_precision=int8"))

    money = page.locator(".lab-card", has_text="Money a year").locator("strong")
    cost = money.inner_text()
    price = page.get_by_role("spinbutton", name="Price of a kWh")
    price.fill("2.5")
    price.press("Enter")
    expect(money).not_to_have_text(cost)

    assumption = page.get_by_role("combobox", name="What travels how far")
    assumption.scroll_into_view_if_needed()
    page.evaluate(DRAWN_TWICE)  # a list that opens while the page scrolls closes again
    assumption.click()
    page.get_by_role("option", name="Nothing is reused").click()
    expect(page.get_by_text("the worst case")).to_be_visible()
    expect(page.locator(".lab-card strong").first).not_to_have_text(joules(study, "int8"))
    assert [run.id for run in jobs.recent()] == before
    assert not launch.lock_file().exists()  # nobody was started to carry out anything


def test_a_teacher_s_link_opens_with_its_settings_in_large_type(
    open_listening: Open, runs: dict[str, str]
) -> None:
    settings = "energy_precision=fp16&energy_reuse=Weights+once+a+batch&presenter=true"
    page = open_listening(f"/energy?run={runs['lenet']}&{settings}")
    expect(page.get_by_text("Weights are fetched from DRAM once for all inputs")).to_be_visible()
    expect(page.locator(".lab-card strong").first).to_have_text(joules(samples.energy(), "fp16"))
    wait_for_charts(page)
    chart = page.locator(".js-plotly-plot").first
    height = chart.evaluate("each => each.clientHeight")
    page.get_by_text("Presenter mode").click()
    page.wait_for_function(
        f"document.querySelector('.js-plotly-plot').clientHeight < {height} / 1.2"
    )


def test_hostile_layers_are_text_and_fit(open_listening: Open, runs: dict[str, str]) -> None:
    page = open_listening(f"/energy?run={runs['hostile']}")
    wait_for_charts(page)
    assert_fits(page)
    page.get_by_text("Every layer (4)").click()
    cell = page.locator("table.lab-table th", has_text=samples.HOSTILE)
    expect(cell.first).to_be_visible()
    assert page.locator("a[href*=evil]").count() == 0
    assert page.title() != "owned"


def test_it_fits_and_the_question_is_answered_once_and_stays(
    open_listening: Open, runs: dict[str, str]
) -> None:
    page = open_listening("/energy")
    wait_for_charts(page)
    assert_fits(page, every_tab=False)  # pressed where names are long, above
    expect(page.get_by_text("The estimate", exact=True)).to_have_count(0)
    choose(page, "15×")
    expect(page.locator(".lab-card", has_text="Your prediction")).to_contain_text("15×")
    page.get_by_role("link", name="Runs").first.click()
    page.get_by_role("heading", name="Runs").wait_for()
    page.get_by_role("link", name="Energy").first.click()
    expect(page.locator(".lab-card", has_text="Your prediction")).to_contain_text("15×")


@pytest.mark.slow
def test_a_run_from_the_click_to_the_numbers_of_the_command_line(
    open_listening: Open, server: Server
) -> None:
    page = open_listening("/energy")
    page.locator(".st-key-energy_run button").click()
    page.wait_for_url("**/energy?run=*")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect(page.get_by_role("heading", name="Why?")).to_be_visible(timeout=RUN_MILLISECONDS)
    run = re.search(r"run=(\w+)", page.url)
    assert run is not None

    printed = subprocess.run(
        [sys.executable, "-m", "efficiency", "show", run[1], "--json"],
        cwd=ROOT,
        env=os.environ | {"EFFICIENCY_HOME": str(server.home)},
        capture_output=True,
        check=True,
    ).stdout
    study = json.loads(printed)
    layers = study["anatomy"]["layers"]
    counts = [
        sum(layer[name] for layer in layers) for name in ("macs", "multiplications", "additions")
    ]
    assert all(counts)
    counts.append(study["rows"][0]["footprint"]["parameters"])
    texts = {f"{count:,}".replace(",", THIN) for count in counts}
    soon(lambda: large(page), lambda shown: texts <= set(shown))
    for row in study["rows"][:4]:
        choose(page, row["name"])
        expect(page.locator(".lab-card strong").first).to_have_text(
            joules_text(row["energy"]["joules"])
        )
    page.get_by_text(f"Every layer ({len(layers)})").click()
    table = page.locator("table.lab-table", has_text="of its roof")
    expect(table.locator("tbody tr")).to_have_count(len(layers))
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
