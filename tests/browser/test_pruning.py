"""The Pruning page in a browser: the mask by mouse, keyboard and touch, the module, predicting."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from efficiency import jobs
from efficiency.core.requests import PruneRequest
from efficiency.jobs import State
from tests import samples
from tests import samples_pruning as pruning
from tests.browser.conftest import (
    RUN_MILLISECONDS,
    SETTLED,
    SIZES,
    Server,
    Visitors,
    assert_fits,
    finish,
    soon,
    visit,
)

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
LIGHTNESS = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const seen = {};
    for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] < 255) continue; // beside the picture
        const sum = data[at] + data[at + 1] + data[at + 2];
        seen[sum] = (seen[sum] ?? 0) + 1;
    }
    return seen;
}"""
# Of the traces of the first chart on the page the one called so: how many points it has.
POINTS = """name => {
    const chart = document.querySelector('.js-plotly-plot');
    return chart?.data?.find((each) => each.name === name)?.x.length ?? 0;
}"""
PIXELS = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let [blue, orange] = [0, 0];
    for (let at = 0; at < data.length; at += 4) {
        blue += data[at + 2] > data[at] + 40;
        orange += data[at] > data[at + 2] + 40;
    }
    return [blue, orange];
}"""


@pytest.fixture(scope="module")
def runs(server: Server) -> Iterator[dict[str, str]]:
    """Finished runs in the server's own store; the newest is LeNet's."""
    studies = {
        "hostile": pruning.hostile(),
        "untrained": pruning.untrained(),
        "quick": pruning.quick(),
        "small": pruning.small(),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFICIENCY_HOME", str(server.home))
        yield {
            name: finish(study, PruneRequest(workload=str(study.request["workload"]), seed=seed))
            for seed, (name, study) in enumerate(studies.items(), 6000)
        }


class Mask:
    """The picture of a page's weights, and what is around it."""

    def __init__(self, page: Page, sent: list[str] | None = None) -> None:
        self.page = page
        self.root = page.locator(".mask-picture")
        self.said = self.root.locator(".said")
        self.canvas = self.root.locator("canvas")
        self.slider = self.root.locator("input[type=range]")
        self.sent = [] if sent is None else sent

    def scope(self, name: str) -> None:
        self.root.locator(f"label:has(input[name=scope][value={name}])").click()

    def layer(self, name: str) -> Locator:
        return self.root.locator(".layers label", has_text=name)

    def left(self) -> int:
        """How many weights are left, as it says."""
        (found,) = re.findall(r": ([\d\s]+) of [\d\s]+ are left", self.said.inner_text())
        return int(re.sub(r"\s", "", found))

    def pixels(self) -> list[int]:
        """How much of the canvas is blue and how much orange."""
        found: list[int] = self.canvas.evaluate(PIXELS)
        return found


@pytest.fixture(scope="module")
def visited(visitors: Visitors, server: Server, runs: dict[str, str]) -> Iterator[Mask]:
    """One visitor's page, which is opened once for all tests that leave it as they found it."""
    with visit(visitors, server, "/pruning") as (page, sent):
        found = Mask(page, sent)
        expect(found.said).to_contain_text("are left")
        yield found


@pytest.fixture
def mask(visited: Mask) -> Mask:
    """The page with the mask as it is at first; from now on it is noted what is sent."""
    visited.scope("global")
    visited.layer("conv2.weight").click()
    visited.slider.fill("80")
    visited.sent.clear()
    return visited


def test_slider_and_scopes_answer_at_once_and_ask_the_server_nothing(
    mask: Mask, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFICIENCY_HOME", str(server.home))
    before = {run.id for run in jobs.recent()}
    seen = []
    for percent in (0, 50, 90, 99):
        mask.slider.fill(str(percent))
        assert abs(mask.left() - (1 - percent / 100) * pruning.WEIGHTS) <= 1
        seen.append(sum(mask.pixels()))
    assert seen[0] > seen[1] > seen[2] > seen[3]
    box = mask.slider.bounding_box()
    assert box is not None
    mask.page.mouse.move(box["x"] + 0.99 * box["width"], box["y"] + box["height"] / 2)
    mask.page.mouse.down()
    mask.page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2, steps=8)
    mask.page.mouse.up()
    soon(mask.left, lambda left: 0.6 * pruning.WEIGHTS < left < 0.8 * pruning.WEIGHTS)
    mask.slider.fill("90")
    mask.scope("layer")
    expect(mask.said).to_contain_text("the smallest of each layer")
    assert {each.inner_text() for each in mask.root.locator(".layers em").all()} <= {"10 %", "9 %"}
    mask.scope("global")
    shares = [each.inner_text() for each in mask.root.locator(".layers em").all()]
    assert len(set(shares)) > 1
    mask.scope("run")
    expect(mask.said).to_contain_text("50 % of the weights are zero, as in this run")
    assert mask.left() == sum(image.nonzero for image in pruning.images())
    expect(mask.root.locator("table")).to_contain_text("l1_unstructured 0.5, fine-tuned")
    mask.slider.fill("30")  # a run has one amount: another one is of another choice
    expect(mask.said).to_contain_text("30 % of the weights are zero, the smallest of all layers")
    assert mask.sent == []
    assert {run.id for run in jobs.recent()} == before


def test_measurements_stand_below_and_outlive_a_prediction(mask: Mask) -> None:
    heads = mask.root.locator("thead th")
    mask.slider.fill("90")
    expect(heads).to_have_text(["", "no zeros", "90.0 % zeros"])
    table = mask.root.locator("tbody")
    for text in ("46.1 %", "96.4 %", "243 kB", "42 kB", "54 kB", "0.99×"):
        expect(table).to_contain_text(text)
    mask.slider.fill("85")
    expect(heads).to_have_text(["", "no zeros", "80.0 % zeros", "90.0 % zeros"])
    mask.slider.fill("42")
    page = mask.page
    page.get_by_text("10×", exact=True).first.click()
    page.get_by_role("button", name="Show me").click()
    expect(page.get_by_text("You said: 90 % zeros, times as fast")).to_be_visible()
    expect(page.get_by_text("a product with zero takes as long as any other").first).to_be_visible()
    expect(mask.said).to_contain_text("42 % of the weights")


def test_the_keyboard_is_enough(mask: Mask) -> None:
    mask.slider.focus()
    mask.page.keyboard.press("End")
    assert abs(mask.left() - 0.01 * pruning.WEIGHTS) <= 1
    mask.page.keyboard.press("ArrowLeft")
    assert abs(mask.left() - 0.02 * pruning.WEIGHTS) <= 1
    mask.page.keyboard.press("Tab")  # which weights go
    mask.page.keyboard.press("ArrowRight")
    expect(mask.said).to_contain_text("each layer")
    mask.page.keyboard.press("Tab")  # layers
    mask.page.keyboard.press("ArrowDown")
    expect(mask.root.locator("figcaption")).to_contain_text("fc1.weight (Linear): 120 × 400")
    for _ in range(4):  # three buttons, the picture
        mask.page.keyboard.press("Tab")
    expect(mask.canvas).to_be_focused()
    assert "zoomed" not in (mask.canvas.get_attribute("class") or "")
    before = mask.pixels()
    for _ in range(5):
        mask.page.keyboard.press("+")
    expect(mask.canvas).to_have_class("zoomed")
    zoomed = mask.pixels()
    mask.page.keyboard.press("ArrowRight")
    assert mask.pixels() != zoomed
    mask.page.keyboard.press("0")
    assert mask.pixels() == before
    assert mask.sent == []


def test_wheel_drag_and_buttons_zoom_and_move_until_numbers_appear(mask: Mask) -> None:
    mask.layer("fc2.weight").click()
    expect(mask.root.locator("figcaption")).to_contain_text("84 × 120 weights")
    mask.slider.fill("0")
    whole = mask.pixels()
    box = mask.canvas.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mask.page.mouse.move(*middle)
    expect(mask.root.locator(".point")).to_contain_text(
        re.compile(r"fc2.weight, output \d+, input \d+: −?0.\d+, stays")
    )
    mask.page.mouse.click(*middle)  # chosen: from now on the wheel is the picture's
    scrolled = mask.page.locator("[data-testid=stMain]").evaluate("each => each.scrollTop")
    mask.page.mouse.wheel(0, -900)
    expect(mask.canvas).to_have_class("zoomed")
    assert mask.page.locator("[data-testid=stMain]").evaluate("each => each.scrollTop") == scrolled
    near = mask.pixels()
    assert near != whole
    mask.page.mouse.down()
    mask.page.mouse.move(middle[0] - 90, middle[1] - 60, steps=4)
    mask.page.mouse.up()
    assert mask.pixels() != near
    mask.root.get_by_role("button", name="Show all of the layer").click()
    assert mask.pixels() == whole
    for _ in range(8):
        mask.root.get_by_role("button", name="Zoom in").click()
    assert mask.pixels() != whole


def test_two_fingers_zoom_on_a_phone_and_one_still_scrolls(
    open_page: Open, runs: dict[str, str]
) -> None:
    page = open_page("/pruning", viewport=SIZES["phone"], has_touch=True)
    mask = Mask(page)
    expect(mask.said).to_contain_text("are left")
    assert mask.canvas.evaluate("each => each.style.touchAction") == "pan-y"
    mask.canvas.evaluate(
        """canvas => {
            const { left, top } = canvas.getBoundingClientRect();
            const finger = (kind, id, x) => canvas.dispatchEvent(new PointerEvent(kind, {
                pointerId: id, pointerType: "touch", clientX: left + x, clientY: top + 90 }));
            canvas.setPointerCapture = () => {};
            finger("pointerdown", 1, 140); finger("pointerdown", 2, 180);
            for (let step = 1; step <= 8; step += 1) finger("pointermove", 2, 180 + 12 * step);
            finger("pointerup", 1, 140); finger("pointerup", 2, 276);
        }"""
    )
    expect(mask.canvas).to_have_class("zoomed")
    assert mask.canvas.evaluate("each => each.style.touchAction") == "none"


def test_the_module_is_taken_apart_step_by_step(mask: Mask) -> None:
    page = mask.page
    anatomy = page.locator(".lab-anatomy")
    expect(anatomy).to_contain_text("6 × 1 × 3 × 3")
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    page.get_by_role("button", name="Next").click()
    expect(anatomy).to_contain_text("weight_mask")
    expect(anatomy.locator(".changed em").first).to_have_text("new")
    expect(anatomy.locator(".gone del")).to_have_text("weight")
    expect(anatomy.locator(".hooks")).to_contain_text("RandomUnstructured")
    page.get_by_text("4. Make it permanent").click()
    expect(anatomy.locator(".gone")).to_contain_text(
        ["weight_orig", "weight_mask", "weight", "hook"]
    )
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    page.get_by_text("This run, fc1").click()
    expect(anatomy).to_contain_text("120 × 400")
    page.get_by_role("button", name="Next").click()
    expect(anatomy).to_contain_text("L1Unstructured, then L1Unstructured")


def test_markup_in_names_is_text_and_fits(open_listening: Open, runs: dict[str, str]) -> None:
    page = open_listening(f"/pruning?run={runs['hostile']}")
    assert_fits(page)
    expect(page.locator("h2", has_text=samples.HOSTILE)).to_be_visible()
    expect(page.locator(".mask-picture figcaption")).to_contain_text(samples.HOSTILE)
    expect(page.locator(".lab-anatomy")).to_contain_text(samples.HOSTILE)
    assert "Efficiency Lab" in page.title() or "Pruning" in page.title()
    assert page.locator("a[href*=evil]").count() == 0


def background(mask: Mask) -> int:
    """How light the picture is where nothing is left: the sum of red, green and blue."""
    mask.slider.fill("99")
    counts = mask.canvas.evaluate(LIGHTNESS)
    most = max(counts, key=counts.get)
    drawn = sum(counts.values())
    assert drawn - counts[most] > 0.1 * drawn  # hatching
    return int(most)


def test_it_is_light_and_fits(mask: Mask) -> None:
    assert background(mask) > 600
    assert_fits(mask.page, every_tab=False)  # pressed where names are long, above


def test_large_layers_are_dark_and_fit(open_listening: Open, runs: dict[str, str]) -> None:
    page = open_listening(f"/pruning?run={runs['untrained']}", color_scheme="dark")
    mask = Mask(page)
    expect(mask.root.locator("figcaption")).to_contain_text("One cell stands for 2 × 2 weights")
    assert background(mask) < 180
    assert_fits(page)


def grown(page: Page, points: int) -> None:
    """Wait until so many amounts of zeros are scored on the chart."""
    page.wait_for_function(
        f"({POINTS})('as pruned') >= {points}",
        timeout=RUN_MILLISECONDS,
        polling=500,  # milliseconds; at every frame it takes a core from what it waits for
    )


@pytest.mark.slow
def test_the_curve_grows_while_it_runs_and_stays_after_a_cancel(
    open_page: Open, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFICIENCY_HOME", str(server.home))
    page = open_page("/pruning")
    page.get_by_text("Iterations, fine-tuning, channels, timing").click()
    budget = page.get_by_role("spinbutton", name="Timing budget (s)")
    budget.fill("10")
    budget.press("Enter")
    page.wait_for_selector(SETTLED)
    page.locator(".st-key-pruning_run button").click()
    page.wait_for_url("**/pruning?run=*")
    cancel = page.get_by_role("button", name="Cancel")
    expect(cancel).to_be_in_viewport()  # the button that was clicked was far below
    run = re.findall(r"run=(\w+)", page.url)[0]
    for points in (1, 6):  # the baseline first, in the end all that are scored
        grown(page, points)
    expect(page.get_by_role("heading", name="Measured so far")).to_be_visible()
    expect(page.locator("table.lab-table", has_text="90 % zeros").first).to_be_visible()
    cancel.click()
    expect(page.get_by_text("This run was cancelled.")).to_be_visible()
    expect(page.get_by_role("heading", name="Measured until then")).to_be_visible()
    grown(page, 6)
    cancelled = jobs.get(run)
    assert cancelled.state is State.CANCELLED
    assert cancelled.study is not None
    assert cancelled.study.pruned is not None
    assert cancelled.study.pruned.masks
    jobs.delete(run)  # the other tests of this file look at the newest
