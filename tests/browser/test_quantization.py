"""The Quantization page in a browser: the integer grid, and a run to its numbers.

The grid's arithmetic is compared with PyTorch's observers and its fake quantization.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Page, expect
from torch.ao.quantization import MinMaxObserver, PerChannelMinMaxObserver

from efficiency import jobs
from efficiency.core.requests import QuantizeRequest
from efficiency.exports.programs.quantization import programs
from efficiency.exports.quantization import chosen
from tests import samples
from tests import samples_quantization as quantized
from tests.browser.conftest import (
    ROOT,
    RUN_MILLISECONDS,
    SETTLED,
    SIZES,
    Server,
    Visitors,
    assert_fits,
    finish,
    soon,
    visit,
    wait_for_charts,
)

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
BITS = range(2, 9)
SCHEMES = {
    "symmetric": (torch.per_tensor_symmetric, torch.per_channel_symmetric),
    "affine": (torch.per_tensor_affine, torch.per_channel_affine),
}


@pytest.fixture(scope="module")
def evaluate(chromium: Browser) -> Iterator[Callable[[str], Any]]:
    """Evaluates an expression in which `q` is the module quantize.js, in an empty page."""
    source = (ROOT / "pages/quantization/quantize.js").read_bytes()
    address = f"data:text/javascript;base64,{base64.b64encode(source).decode()}"
    page = chromium.new_page()
    yield lambda code: page.evaluate(
        f"async () => {{ const q = await import('{address}'); {code} }}"
    )
    page.close()


def integers(bits: int) -> dict[str, Any]:
    """What PyTorch calls the integers of so many bits."""
    return {"dtype": torch.qint8, "quant_min": -(2 ** (bits - 1)), "quant_max": 2 ** (bits - 1) - 1}


def numbers(seed: int = 0, *, low: float | None = None) -> torch.Tensor:
    found = torch.randn(6, 50, generator=torch.Generator().manual_seed(seed)) * 0.1
    found[1] *= 5
    return found if low is None else found.clamp(min=low)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("low", [None, 0.0, 0.05])
def test_scale_zero_point_and_integers_are_those_of_pytorch(
    evaluate: Callable[[str], Any], scheme: str, bits: int, low: float | None
) -> None:
    data = numbers(bits, low=low)
    observer = MinMaxObserver(qscheme=SCHEMES[scheme][0], **integers(bits))
    observer(data)
    scale, zero = observer.calculate_qparams()
    grid = evaluate(
        f"return q.gridOf({float(data.min())!r}, {float(data.max())!r}, {bits}, "
        f"{json.dumps(scheme == 'symmetric')});"
    )
    assert grid["scale"] == pytest.approx(float(scale), rel=1e-6)
    assert grid["zero"] == int(zero)
    limits = integers(bits)
    assert (grid["first"], grid["last"]) == (limits["quant_min"], limits["quant_max"])
    ends = limits["quant_min"], limits["quant_max"]
    floats = torch.fake_quantize_per_tensor_affine(data, float(scale), int(zero), *ends)
    expected = ((floats / scale).round() + zero).int().flatten().tolist()
    made = evaluate(
        f"const grid = {json.dumps(grid)};"
        f"return {json.dumps(data.flatten().tolist())}.map((each) => q.toInteger(each, grid));"
    )
    # Where a number lies between two integers, float32 and double may round to different sides.
    differing = sum(a != b for a, b in zip(made, expected, strict=True))
    assert differing <= 1
    assert all(abs(a - b) <= 1 for a, b in zip(made, expected, strict=True))


def sets_of(data: torch.Tensor) -> str:
    return json.dumps(
        [
            {"numbers": row.tolist(), "counts": None, "low": float(row.min()),
             "high": float(row.max())}
            for row in data
        ]
    )  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("bits", BITS)
def test_sqnr_is_that_of_pytorch_s_fake_quantization(
    evaluate: Callable[[str], Any], scheme: str, per_channel: bool, bits: int
) -> None:
    data, limits = numbers(7), integers(bits)
    ends = limits["quant_min"], limits["quant_max"]
    if per_channel:
        each = PerChannelMinMaxObserver(ch_axis=0, qscheme=SCHEMES[scheme][1], **limits)
        each(data)
        scale, zero = each.calculate_qparams()
        rounded = torch.fake_quantize_per_channel_affine(data, scale, zero.int(), 0, *ends)
    else:
        whole = MinMaxObserver(qscheme=SCHEMES[scheme][0], **limits)
        whole(data)
        scale, zero = whole.calculate_qparams()
        rounded = torch.fake_quantize_per_tensor_affine(data, float(scale), int(zero), *ends)
    expected = 10 * torch.log10(data.square().sum() / (data - rounded).square().sum())
    settings = {"bits": bits, "symmetric": scheme == "symmetric", "perChannel": per_channel}
    settings["keep"] = 1
    found = evaluate(f"return q.sqnr(q.outcome({sets_of(data)}, {json.dumps(settings)}));")
    assert found == pytest.approx(float(expected), abs=0.02)


def test_clipping_counts_what_lies_outside_and_the_best_share_has_the_least_error(
    evaluate: Callable[[str], Any],
) -> None:
    data = torch.randn(6, 50, generator=torch.Generator().manual_seed(3))
    settings = {"bits": 2, "symmetric": True, "perChannel": False, "keep": 1}
    code = f"const sets = {sets_of(data)}, settings = {json.dumps(settings)};"
    best = evaluate(f"{code} return q.bestKeep(sets, settings);")
    noises = {
        share: evaluate(f"{code} return q.outcome(sets, {{...settings, keep: {share}}}).noise;")
        for share in (best - 0.01, best, best + 0.01, 1)
    }
    assert min(noises.values()) == noises[best] < noises[1]
    clipped = evaluate(f"{code} return q.outcome(sets, {{...settings, keep: 0.1}}).clipped;")
    reach = 0.1 * float(data.abs().max())  # 1.5 steps of the grid, from -2 to 1
    assert clipped == int(((data > reach) | (data < -2.5 / 1.5 * reach)).sum()) > 0
    assert evaluate(f"{code} return q.outcome(sets, settings).clipped;") == 0


def test_numbers_with_counts_weigh_as_often_as_they_are_there(
    evaluate: Callable[[str], Any],
) -> None:
    settings = '{"bits": 3, "symmetric": false, "perChannel": false, "keep": 1}'
    once = '{"numbers": [0.1, 0.1, 0.1, 0.7], "counts": null, "low": 0, "high": 1}'
    counted = '{"numbers": [0.1, 0.7, 0.9], "counts": [3, 1, 0], "low": 0, "high": 1}'
    ratios = [
        evaluate(f"return q.sqnr(q.outcome([{each}], {settings}));") for each in (once, counted)
    ]
    assert ratios[0] == pytest.approx(ratios[1])


@pytest.fixture(scope="module")
def runs(server: Server) -> Iterator[dict[str, str]]:
    """Finished runs in the server's own store; the newest is LeNet's."""
    studies = {
        "losing": quantized.losing(),
        "untrained": quantized.untrained(),
        "hostile": quantized.hostile(),
        "small": quantized.small(),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFICIENCY_HOME", str(server.home))
        yield {
            name: finish(study, QuantizeRequest(workload=str(study.request["workload"]), seed=seed))
            for seed, (name, study) in enumerate(studies.items(), 5000)
        }


class Grid:
    """The integer grid of a page."""

    def __init__(self, page: Page, sent: list[str] | None = None) -> None:
        self.page = page
        self.sent = [] if sent is None else sent
        self.first_layer = ""
        self.root = page.locator(".integer-grid")
        self.said = self.root.locator(".said")
        self.layer = self.root.locator("select")

    def choose(self, name: str, value: str) -> None:
        """Click what a visitor sees of a radio button."""
        self.root.locator(f"label:has(input[name={name}][value='{value}'])").click()

    def offered(self, name: str, value: str) -> float:
        """The SQNR that a choice says it would give."""
        text = self.root.locator(f"input[name={name}][value='{value}'] + span small").inner_text()
        return float(text.removesuffix(" dB").replace("\N{MINUS SIGN}", "-"))

    def sqnr(self) -> float:
        """The SQNR that is reached."""
        return float(re.findall(r"SQNR (\d+\.\d) dB", self.said.inner_text())[0])

    def slide(self, name: str, value: int) -> None:
        self.root.locator(f"[data-slide={name}]").fill(str(value))


@pytest.fixture(scope="module")
def visited(visitors: Visitors, server: Server, runs: dict[str, str]) -> Iterator[Grid]:
    """One visitor's page for all tests that only try the grid."""
    with visit(visitors, server, "/quantization") as (page, sent):
        found = Grid(page, sent)
        expect(found.said).to_contain_text("SQNR")
        found.first_layer = found.layer.input_value()
        yield found


@pytest.fixture
def grid(visited: Grid) -> Grid:
    """The grid as it is at first; from now on it is noted what is sent."""
    visited.layer.select_option(visited.first_layer)
    first = {"what": "weights", "scheme": "symmetric", "granularity": "tensor", "bits": "4"}
    for name, value in first.items():
        visited.choose(name, value)
    visited.slide("keep", 100)
    visited.sent.clear()
    return visited


def test_the_grid_answers_at_once_and_starts_nothing(
    grid: Grid, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFICIENCY_HOME", str(server.home))
    before = {run.id for run in jobs.recent()}
    for bits in BITS:
        promised = grid.offered("bits", str(bits))
        grid.choose("bits", str(bits))
        expect(grid.said).to_contain_text(f"in int{bits},")
        assert grid.sqnr() == pytest.approx(promised, abs=0.06)
    for name, value in (("granularity", "channel"), ("scheme", "affine"), ("what", "activations")):
        grid.choose(name, value)
    grid.slide("keep", 60)
    grid.root.get_by_role("button", name="Least error").click()
    assert grid.sent == []
    assert {run.id for run in jobs.recent()} == before
    assert not supervisors(server)


def supervisors(server: Server) -> list[int]:
    """Processes of this server's home other than the server and what it is made of."""
    import psutil

    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any("supervisor" in word for word in process.info["cmdline"] or ()):
            try:
                if process.environ().get("EFFICIENCY_HOME") == str(server.home):
                    found.append(process.pid)
            except psutil.Error:
                continue
    return found


def test_every_bit_is_worth_about_6_db_and_a_scale_for_each_channel_is_worth_more(
    grid: Grid,
) -> None:
    grid.choose("granularity", "channel")
    steps = [grid.offered("bits", str(b + 1)) - grid.offered("bits", str(b)) for b in range(4, 8)]
    assert all(4.5 < step < 7.5 for step in steps)
    assert grid.offered("granularity", "channel") > grid.offered("granularity", "tensor") + 3


def test_per_channel_shows_one_channel_and_the_slider_takes_another(grid: Grid) -> None:
    channel = grid.root.locator(".slide.channel")
    expect(channel).to_be_hidden()
    grid.choose("granularity", "channel")
    expect(channel).to_be_visible()
    expect(grid.root.locator("[data-caption=histogram]")).to_contain_text("channel 1")
    scale = grid.root.locator("dd").nth(5)
    first = grid.root.locator("svg.histogram text").all_inner_texts()
    grid.slide("channel", 1)
    expect(channel).to_contain_text("2 of 16")
    expect(grid.root.locator("[data-caption=histogram]")).to_contain_text("channel 2")
    soon(grid.root.locator("svg.histogram text").all_inner_texts, lambda texts: texts != first)
    expect(scale).to_be_visible()
    expect(grid.root.locator("svg.ranges .mine")).to_have_count(1)


def test_affine_uses_all_integers_of_what_is_never_negative(grid: Grid) -> None:
    grid.choose("what", "activations")
    expect(grid.root.locator(".channels")).to_be_hidden()
    expect(grid.root.locator("input[name=granularity]").first).to_be_disabled()
    assert grid.offered("scheme", "affine") > grid.offered("scheme", "symmetric") + 4
    grid.choose("scheme", "affine")
    expect(grid.root.locator("dl")).to_contain_text(re.compile("Zero point\\s*−8"))


def test_clipping_is_drawn_and_counted(grid: Grid) -> None:
    expect(grid.said).to_contain_text("Nothing is clipped")
    expect(grid.root.locator("svg.histogram .cut")).to_have_count(0)
    grid.slide("keep", 30)
    expect(grid.said).to_contain_text("of the numbers are clipped")
    expect(grid.root.locator("svg.histogram .cut")).not_to_have_count(0)


def test_the_stairs_have_a_step_for_each_integer_and_end_flat(grid: Grid) -> None:
    grid.choose("bits", "2")
    path = grid.root.locator("svg.stairs .stair").get_attribute("d") or ""
    points = [tuple(map(float, each.split(","))) for each in re.findall(r"[\d.]+,[\d.]+", path)]
    assert len({y for _, y in points}) == 4
    assert points[0][1] == points[2][1]  # two steps at the end, but no higher


def test_the_keyboard_is_enough(grid: Grid) -> None:
    grid.layer.focus()
    grid.page.keyboard.press("Home")
    expect(grid.said).to_contain_text("conv1")
    grid.page.keyboard.press("Tab")  # the numbers
    grid.page.keyboard.press("ArrowRight")
    expect(grid.said).to_contain_text("inputs")
    grid.page.keyboard.press("ArrowLeft")
    grid.page.keyboard.press("Tab")  # the zero point
    grid.page.keyboard.press("ArrowRight")
    expect(grid.said).to_contain_text("affine")
    grid.page.keyboard.press("Tab")  # one scale
    grid.page.keyboard.press("ArrowRight")
    expect(grid.said).to_contain_text("a scale for each channel")
    grid.page.keyboard.press("Tab")  # bits
    grid.page.keyboard.press("ArrowRight")
    expect(grid.said).to_contain_text("int3")
    grid.page.keyboard.press("Tab")  # clipping
    grid.page.keyboard.press("PageDown")
    expect(grid.root.locator(".clip output")).not_to_have_text("100 %")
    assert grid.sent == []


def test_the_grid_outlives_the_page_s_own_redrawing(grid: Grid) -> None:
    grid.choose("bits", "3")
    grid.page.get_by_role("button", name="Show me").click()
    expect(grid.page.get_by_text("static (FX)").first).to_be_visible()
    grid.page.wait_for_selector(SETTLED)
    expect(grid.said).to_contain_text("in int3,")


def test_it_fits(grid: Grid) -> None:
    wait_for_charts(grid.page)
    assert_fits(grid.page, every_tab=False)  # pressed where names are long, below


def test_markup_in_a_layer_s_name_is_text_and_fits(open_page: Open, runs: dict[str, str]) -> None:
    page = open_page(f"/quantization?run={runs['hostile']}")
    wait_for_charts(page)
    assert_fits(page)
    expect(page.locator("h2", has_text=samples.HOSTILE)).to_be_visible()
    page.get_by_text("What integers keep of a layer").click()
    grid = Grid(page)
    grid.layer.select_option(index=0)
    expect(grid.said).to_contain_text("<script>")
    assert page.locator("a[href*=evil]").count() == 0
    assert page.title() != "owned"


def test_the_grid_fits_a_phone_and_answers_a_finger(open_page: Open, runs: dict[str, str]) -> None:
    page = open_page("/quantization", viewport=SIZES["phone"], has_touch=True)
    grid = Grid(page)
    grid.root.locator("label:has(input[name=bits][value='6'])").tap()
    expect(grid.said).to_contain_text("in int6,")
    wide = "each => each.scrollWidth - each.clientWidth"
    soon(lambda: grid.root.evaluate(wide), lambda pixels: pixels <= 0)


@pytest.mark.slow
def test_a_run_from_the_click_to_numbers_and_a_program(
    open_page: Open, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFICIENCY_HOME", str(server.home))
    page = open_page("/quantization")
    page.get_by_role("radio", name="static").click()
    page.get_by_role("radio", name="classic").click()
    page.get_by_text("Calibration, rounding, training").click()
    for name, value in {"Calibration inputs": 16, "Timing budget (s)": 2}.items():
        field = page.get_by_role("spinbutton", name=name, exact=True)
        field.fill(str(value))
        field.press("Enter")
    page.wait_for_selector(SETTLED)
    page.locator(".st-key-quantization_run button").click()
    page.wait_for_url("**/quantization?run=*")
    cancel = page.get_by_role("button", name="Cancel")
    expect(cancel).to_be_visible()
    expect(cancel).to_have_count(0, timeout=RUN_MILLISECONDS)
    expect(page.get_by_role("heading", name="Why?")).to_be_visible()
    run = jobs.get(re.findall(r"run=(\w+)", page.url)[0])
    assert run.request == QuantizeRequest(
        workload="lenet", method="static", back_end="classic", calibration_samples=16,
        budget_seconds=2.0,
    )  # fmt: skip
    assert run.study is not None
    row = chosen(run.study)
    assert row is not None
    assert row.speedup is not None
    card = page.locator(".lab-card", has_text="A call with 1 input")
    expect(card).to_contain_text(f"{row.speedup.ratio:.2f}× as fast")
    (program, *_) = programs(run.study)
    page.get_by_text("The same in PyTorch, one program for each row").click()
    with page.expect_download() as download:
        page.get_by_role("button", name=program.file_name).click()
    assert download.value.path().read_text() == program.source
