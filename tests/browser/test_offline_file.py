"""The exported HTML in a browser that has no network, opened from the disk."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from efficiency.core.values import Study
from efficiency.exports.html import html_text
from tests import samples
from tests.browser.conftest import LIGHTNESS, SOON_SECONDS, TOO_WIDE, soon, wait_for_charts

pytestmark = pytest.mark.browser

WIDTHS = (1280, 390)

STUDIES = {
    "report": samples.report(),
    "hostile": samples.hostile(),
    "weights": samples.weights(),
    "energy": samples.energy(tuple(samples.deep_layers()), title="Deep"),
    "training": samples.energy(title="LeNet, training step", training=True),
    "hostile energy": samples.hostile_energy(),
}


@pytest.fixture(scope="module")
def offline(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser without a network; pages stay open, and with them the scripts of the next one."""
    with chromium.new_context(offline=True) as context:
        context.set_default_timeout(1000 * SOON_SECONDS)
        yield context


@pytest.fixture
def open_file(offline: BrowserContext, tmp_path: Path) -> Callable[..., tuple[Page, list[str]]]:
    """Opens a study's file; gives the page and whatever was written to its console."""

    def open_it(study: Study) -> tuple[Page, list[str]]:
        path = tmp_path / "report.html"
        path.write_text(html_text(study))
        page = offline.new_page()
        page.set_viewport_size({"width": WIDTHS[0], "height": 800})
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("requestfailed", lambda request: said.append(request.url))
        page.goto(path.as_uri())
        page.locator(".js-plotly-plot .main-svg").first.wait_for()
        return page, said

    return open_it


TOUCHING = """
() => [...document.querySelectorAll(".js-plotly-plot")].flatMap((plot) => {
  const boxes = (what) =>
    [...plot.querySelectorAll(what)].map((each) => [each, each.getBoundingClientRect()]);
  const apart = (a, b) =>
    a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
  const marks = boxes(".points path.point, .errorbars path");
  return boxes(".annotation-text")
    .filter(([, text]) => marks.some(([, mark]) => !apart(text, mark)))
    .map(([text]) => `${plot.id}: ${text.textContent}`);
})
"""


@pytest.mark.parametrize("study", STUDIES)
def test_it_opens_silently_and_fits_and_no_name_or_number_touches_a_mark(
    open_file: Callable[..., tuple[Page, list[str]]], study: str
) -> None:
    page, said = open_file(STUDIES[study])
    assert page.title() == STUDIES[study].title
    expect(page.locator(".points path.point")).not_to_have_count(0)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        wait_for_charts(page)
        soon(lambda: page.evaluate(TOO_WIDE), lambda pixels: pixels <= 0)
        soon(lambda: page.evaluate(TOUCHING), lambda touching: touching == [])
    assert said == []
    if study == "hostile":
        text = page.locator("main").inner_text()
        assert all(name in text for name in (samples.HOSTILE, samples.FORMULA, samples.MARKDOWN))
        assert page.locator("main a").count() == 0


def test_it_is_light_dark_and_black_on_paper(
    open_file: Callable[..., tuple[Page, list[str]]],
) -> None:
    page, _ = open_file(samples.report())
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"({LIGHTNESS})() < 200")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"({LIGHTNESS})() > 500")
    page.emulate_media(color_scheme="dark", media="print")
    page.wait_for_function(f"({LIGHTNESS})() === 0")
