"""The Mixed precision page in a browser: the number line, the slider, and a run to its numbers.

The number line's rounding is compared with what PyTorch and NumPy store, bit by bit.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Locator, Page, expect

from efficiency import jobs
from efficiency.charts.amp_gradients import share_text
from efficiency.core.requests import AmpRequest
from efficiency.exports.programs import amp as program
from tests import samples, samples_amp
from tests.browser.conftest import (
    ROOT,
    RUN_MILLISECONDS,
    SETTLED,
    SIZES,
    Server,
    Visitors,
    assert_fits,
    finish,
    settle,
    soon,
    visit,
    wait_for_charts,
)

pytestmark = pytest.mark.browser

Open = Callable[..., Page]

DTYPES = {
    "fp16": (torch.float16, torch.int16),
    "bf16": (torch.bfloat16, torch.int16),
    "fp8 e5m2": (torch.float8_e5m2, torch.uint8),
    "fp8 e4m3": (torch.float8_e4m3fn, torch.uint8),
}
SHAPES = {"fp32": (8, 23), "tf32": (8, 10), "bf16": (8, 7), "fp16": (5, 10)}
SHAPES |= {"fp8 e5m2": (5, 2), "fp8 e4m3": (4, 3)}


@pytest.fixture(scope="module")
def formats(chromium: Browser) -> Iterator[Callable[[str], Any]]:
    """Evaluates an expression in which `f` is the module formats.js, in an empty page."""
    source = (ROOT / "pages/amp/formats.js").read_bytes()
    address = f"data:text/javascript;base64,{base64.b64encode(source).decode()}"
    page = chromium.new_page()

    def evaluate(expression: str) -> Any:
        return page.evaluate(f"async () => {{ const f = await import('{address}'); {expression} }}")

    yield evaluate
    page.close()


def stored_in_browser(
    formats: Callable[[str], Any], name: str, numbers: np.ndarray
) -> list[tuple[float, str]]:
    """What formats.js stores of each number, and its bits."""
    # JSON has neither infinities nor NaN nor the sign of zero, so numbers travel as text.
    texts = json.dumps([repr(float(each)) for each in numbers])
    answer = formats(
        f"""const format = f.FORMATS.find((each) => each.name === {json.dumps(name)});
        const read = (text) => text.endsWith("inf") ? Number(text.replace("inf", "Infinity"))
          : text === "nan" ? NaN : Number(text);
        return {texts}.map((text) => {{
          const stored = f.round(read(text), format);
          const bits = f.bits(stored, format);
          return [Object.is(stored, -0) ? "-0" : String(stored),
            bits.sign + bits.exponent + bits.mantissa];
        }});"""
    )
    return [(float(text.replace("Infinity", "inf")), bits) for text, bits in answer]


def float32s(name: str) -> np.ndarray:
    """Several hundred numbers of float32: the format's own, ties between them, borders, any."""
    exponent_bits, mantissa_bits = SHAPES[name]
    bias = 2 ** (exponent_bits - 1) - 1
    step = 2.0 ** (1 - bias - mantissa_bits)
    chance = np.random.default_rng(0)
    whole = np.concatenate([np.arange(20), chance.integers(0, 2 ** (mantissa_bits + 2), 60)])
    around_zero = step * np.concatenate([whole, whole + 0.5, whole + 0.25, whole + 0.75])
    exponents = chance.integers(max(-126, 1 - bias), min(127, bias + 1), 60)
    mantissas = 1 + chance.integers(0, 2**mantissa_bits, 60) / 2**mantissa_bits
    ties = (mantissas + 2.0 ** -(mantissa_bits + 1)) * 2.0**exponents
    top = 2.0 ** (bias + 1)
    borders = np.array([0.0, top / 2, top, 448, 464, 465, 480, 57344, 61440, 65504, 65520, np.inf])
    borders = np.concatenate([borders, top * (1 - 2.0 ** -np.arange(1, 26))])
    with np.errstate(over="ignore"):
        sizes = np.concatenate([around_zero, mantissas * 2.0**exponents, ties, borders])
        sizes = sizes.astype(np.float32)
        beside = [np.nextafter(sizes, np.float32(0)), np.nextafter(sizes, np.float32(np.inf))]
    any_bits = chance.integers(0, 2**31, 200).astype(np.uint32).view(np.float32)
    numbers = np.concatenate([sizes, *beside, any_bits])
    return np.concatenate([numbers, -numbers])


def tf32(numbers: np.ndarray) -> np.ndarray:
    """float32 with its mantissa rounded to 10 bits, ties to even, by adding to its bits."""
    raw = numbers.view(np.uint32)
    rounded = ((raw + 0xFFF + ((raw >> 13) & 1)) & ~np.uint32(0x1FFF)).view(np.float32)
    return np.where(np.isnan(numbers), np.float32(np.nan), rounded)


def oracle(name: str, numbers: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """What PyTorch stores of these numbers of float32 (NumPy for tf32), and its bits."""
    exponent_bits, mantissa_bits = SHAPES[name]
    width = 1 + exponent_bits + mantissa_bits
    if name == "tf32":
        stored = tf32(numbers)
        raw = stored.view(np.uint32) >> 13
    else:
        dtype, integers = DTYPES[name]
        cast = torch.from_numpy(numbers).to(dtype)
        stored = cast.double().numpy()
        raw = cast.view(integers).numpy().astype(np.int64) & (2**width - 1)
    return stored.astype(np.float64), [f"{each:0{width}b}" for each in raw]


def check(found: list[tuple[float, str]], stored: np.ndarray, raw: list[str]) -> None:
    for (number, bits), expected, expected_bits in zip(found, stored, raw, strict=True):
        if np.isnan(expected):
            assert np.isnan(number)
        else:
            assert number == expected
            assert bits == expected_bits


@pytest.mark.parametrize("name", ["tf32", *DTYPES])
def test_every_format_stores_what_pytorch_stores(formats: Callable[[str], Any], name: str) -> None:
    numbers = float32s(name)
    assert len(numbers) > 500
    check(stored_in_browser(formats, name, numbers), *oracle(name, numbers))


def test_fp32_stores_what_numpy_makes_of_a_double(formats: Callable[[str], Any]) -> None:
    chance = np.random.default_rng(1)
    singles = chance.integers(0, 2**31, 400).astype(np.uint32).view(np.float32)
    singles = singles[np.isfinite(singles)]
    after = np.nextafter(singles, np.float32(np.inf)).astype(np.float64)
    ties = (singles.astype(np.float64) + after) / 2
    borders = [
        0.1,
        1 / 3,
        2.0**24 + 1,
        2.0**-149,
        2.0**-150,
        1.1 * 2.0**-150,
        1e39,
        3.4028235677973366e38,
    ]
    numbers = np.concatenate([ties, np.nextafter(ties, 0), np.nextafter(ties, np.inf), borders])
    numbers = np.concatenate([numbers, -numbers])
    with np.errstate(over="ignore"):
        stored = numbers.astype(np.float32)
    raw = [f"{each:032b}" for each in stored.view(np.uint32)]
    check(stored_in_browser(formats, "fp32", numbers), stored.astype(np.float64), raw)


@pytest.mark.parametrize("name", DTYPES)
def test_the_step_is_the_distance_to_the_next_number(
    formats: Callable[[str], Any], name: str
) -> None:
    dtype, integers = DTYPES[name]
    limit = torch.tensor(torch.finfo(dtype).max, dtype=dtype).view(integers).item()
    raw = torch.arange(0, limit, max(1, int(limit) // 300)).to(integers)
    here, after = (each.view(dtype).double().tolist() for each in (raw, raw + 1))
    steps = formats(
        f"""const format = f.FORMATS.find((each) => each.name === {json.dumps(name)});
        return {json.dumps(here)}.map((each) => f.stepAt(each, format));"""
    )
    expected = [high - low for low, high in zip(here, after, strict=True)]
    assert list(map(float, steps)) == expected


@pytest.mark.parametrize(
    ("name", "number", "fate"),
    [
        ("fp16", 65519.996, "rounded"),
        ("fp16", 65520.0, "overflow"),
        ("fp16", 2.0**-25, "underflow"),
        ("fp16", 1.01 * 2.0**-25, "subnormal"),
        ("fp16", 2.0**-14, "exact"),
        ("bf16", 1e-8, "rounded"),
        ("fp8 e4m3", 464.0, "rounded"),
        ("fp8 e4m3", 464.1, "overflow"),
        ("fp8 e4m3", float("inf"), "overflow"),
        ("fp8 e5m2", float("inf"), "exact"),
        ("fp32", 0.0, "exact"),
        ("fp32", float("nan"), "nan"),
    ],
)
def test_what_becomes_of_a_number(
    formats: Callable[[str], Any], name: str, number: float, fate: str
) -> None:
    text = {"inf": "Infinity", "nan": "NaN"}.get(repr(number), repr(number))
    assert (
        formats(f"return f.fate({text}, f.FORMATS.find((each) => each.name === {name!r}));") == fate
    )


class Line:
    """The number line of a page."""

    def __init__(self, page: Page, sent: list[str] | None = None) -> None:
        self.sent = [] if sent is None else sent
        self.input = page.locator(".number-line input")
        self.handle = page.locator(".number-line .handle")
        self.axis = page.locator(".number-line .axis")
        self.said = page.locator(".number-line .said")
        self.rows = page.locator(".number-line .row[data-format]")
        self.page = page

    def row(self, name: str) -> Locator:
        return self.page.locator(f".number-line .row[data-format='{name}']")

    def value(self) -> float:
        return float(self.input.input_value())


@pytest.fixture(scope="module")
def visited(visitors: Visitors, server: Server) -> Iterator[Line]:
    """One visitor's page for all tests that only try the number line."""
    with visit(visitors, server, "/amp") as (page, sent):
        found = Line(page, sent)
        expect(found.rows).to_have_count(6)
        yield found


@pytest.fixture
def line(visited: Line) -> Line:
    """The number line as it is at first; from now on it is noted what is sent."""
    visited.page.get_by_role("radio", name="all", exact=True).click()
    visited.input.fill("0.1")
    visited.sent.clear()
    return visited


def test_a_typed_value_lights_up_what_is_lost_without_asking_the_server(
    line: Line,
) -> None:
    line.input.fill("1e-8")
    expect(line.row("fp16")).to_contain_text("becomes 0")
    expect(line.row("fp16").locator(".error")).to_have_text("100 %")
    expect(line.row("bf16")).to_contain_text("rounded")
    expect(line.said).to_contain_text("fp16, fp8 e5m2 and fp8 e4m3 flush it to 0")
    line.page.get_by_role("button", name="× 2¹⁶").click()
    expect(line.row("fp16")).to_contain_text("rounded")
    line.input.fill("65520")
    expect(line.row("fp16").locator(".stored b")).to_have_text("inf")
    expect(line.row("fp8 e4m3").locator(".stored b")).to_have_text("448")
    expect(line.said).to_contain_text("fp8 e4m3 has no infinity and stays at its largest number")
    line.page.get_by_role("button", name="±").click()
    expect(line.row("fp16").locator(".stored b")).to_have_text("−inf")
    line.input.fill("2^-24 ")
    expect(line.row("fp16")).to_contain_text("subnormal")
    line.input.fill("no number")
    expect(line.said).to_contain_text("Type a number")
    assert line.sent == []


def test_bits_and_step_are_drawn_for_every_format(line: Line) -> None:
    line.input.fill("-0.1")
    for name, (exponent, mantissa) in SHAPES.items():
        bits = line.row(name).locator(".bits")
        expect(bits.locator(".exponent")).to_have_count(exponent)
        expect(bits.locator(".mantissa")).to_have_count(mantissa)
        expect(bits.locator(".sign.one")).to_have_count(1)
    bits = line.row("fp16").locator(".bits")
    expect(bits).to_have_attribute("aria-label", "bits 1 01011 1001100110")
    expect(line.row("fp16").locator(".step")).to_have_text("6.104×10⁻⁵")


def test_the_value_can_be_dragged(line: Line) -> None:
    box = line.axis.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    line.page.mouse.move(box["x"] + 0.5 * box["width"], middle)
    line.page.mouse.down()
    line.page.mouse.move(box["x"] + 0.25 * box["width"], middle, steps=5)
    soon(line.value, lambda value: 2.0**-90 < value < 2.0**-70)
    line.page.mouse.move(box["x"] + 1.5 * box["width"], middle, steps=5)
    line.page.mouse.up()
    expect(line.row("fp32")).to_contain_text("overflow")
    line.page.mouse.move(box["x"], middle)  # let go: nothing moves any more
    expect(line.row("fp32")).to_contain_text("overflow")
    assert line.sent == []


def test_the_keyboard_moves_the_value_in_small_and_large_steps(line: Line) -> None:
    line.input.fill("1")
    line.handle.focus()
    line.page.keyboard.press("ArrowRight")
    soon(line.value, lambda value: 1 < value < 1.3)
    line.page.keyboard.press("ArrowLeft")
    soon(line.value, lambda value: value == pytest.approx(1, abs=0.01))
    line.page.keyboard.press("PageDown")
    soon(line.value, lambda value: value == pytest.approx(0.1, abs=0.01))
    expect(line.handle).to_have_attribute("aria-valuetext", re.compile("0[.]"))
    line.page.keyboard.press("Home")
    expect(line.row("tf32")).to_contain_text("becomes 0")
    line.page.keyboard.press("End")
    expect(line.row("bf16")).to_contain_text("overflow")
    assert line.sent == []


def test_the_range_of_fp16_can_be_looked_at_closely(line: Line) -> None:
    line.input.fill("2^-28")
    place = "each => each.getBoundingClientRect().x"
    low = line.handle.evaluate(place)
    line.page.get_by_role("radio", name="fp16").click()
    soon(lambda: line.handle.evaluate(place), lambda close: close < low - 50)
    expect(line.page.get_by_role("radio", name="fp16")).to_have_attribute("aria-checked", "true")


def test_a_finger_moves_it_too(open_page: Open) -> None:
    page = open_page("/amp", viewport=SIZES["phone"], has_touch=True)
    line = Line(page)
    track = line.row("fp16").locator(".track")
    track.scroll_into_view_if_needed()
    box = track.bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    expect(line.row("fp16")).to_contain_text("overflow")
    expect(line.row("fp32")).not_to_contain_text("overflow")


def test_the_number_line_outlives_the_page_s_own_redrawing(line: Line) -> None:
    line.input.fill("65504")
    line.page.get_by_text("Just show me").click()
    settle(line.page)
    expect(line.input).to_have_value("65504")
    expect(line.row("fp16")).to_contain_text("exact")
    expect(line.rows).to_have_count(6)


@pytest.fixture(scope="module")
def runs(server: Server) -> Iterator[dict[str, str]]:
    """Finished AMP runs in the server's own store."""
    studies = {
        "winning": samples_amp.winning(),
        "learning": samples_amp.learning(),
        "hostile": samples_amp.hostile(),
        "losing": samples_amp.losing(),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFICIENCY_HOME", str(server.home))
        yield {
            name: finish(study, AmpRequest(seed=seed))
            for seed, (name, study) in enumerate(studies.items(), 4000)
        }


def test_markup_from_a_study_is_text_and_fits(open_page: Open, runs: dict[str, str]) -> None:
    page = open_page(f"/amp?run={runs['hostile']}")
    wait_for_charts(page)
    assert_fits(page)
    expect(page.locator("h2", has_text=samples.HOSTILE)).to_be_visible()
    assert page.locator("a[href*=evil]").count() == 0
    assert page.title() != "owned"


def test_the_slider_answers_at_once_and_without_the_server_and_all_fits(
    visitors: Visitors, server: Server, runs: dict[str, str]
) -> None:
    with visit(visitors, server, f"/amp?run={runs['losing']}") as (page, sent):
        chart = page.locator(".js-plotly-plot:has(.slider-container)").first
        chart.scroll_into_view_if_needed()
        title = chart.locator(".gtitle")
        expect(title).to_contain_text("no scaling")
        page.wait_for_selector(SETTLED)
        wait_for_charts(page)
        sent.clear()
        rail = chart.locator(".slider-rail-touch-rect")
        box = rail.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2, steps=8)
        page.mouse.up()
        expected = share_text(samples_amp.gradients(), 32)
        expect(title).to_contain_text(re.findall(r"<b>([^<]*)</b> overflow", expected)[0])
        expect(title).not_to_contain_text("no scaling")
        assert sent == []
        assert_fits(page, every_tab=False)  # pressed where names are long, above


@pytest.mark.slow
def test_a_run_from_the_click_to_numbers_and_a_program(
    open_page: Open, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFICIENCY_HOME", str(server.home))
    page = open_page("/amp")
    page.get_by_text("Other sizes, and a sweep").click()
    for name, size in {"Batch size": 32, "Width": 64, "Batches": 10, "Epochs": 1}.items():
        field = page.get_by_role("spinbutton", name=name, exact=True)
        field.fill(str(size))
        field.press("Enter")
    page.wait_for_selector(SETTLED)
    page.locator(".st-key-amp_run button").click()
    page.wait_for_url("**/amp?run=*")
    cancel = page.get_by_role("button", name="Cancel")
    expect(cancel).to_be_visible()
    expect(cancel).to_have_count(0, timeout=RUN_MILLISECONDS)
    expect(page.get_by_role("heading", name="Why?")).to_be_visible()
    run = jobs.get(re.findall(r"run=(\w+)", page.url)[0])
    assert run.study is not None
    assert run.request == AmpRequest(batch_size=32, width=64, batches=10, epochs=1)
    amp = next(row for row in run.study.rows if row.name == "amp")
    assert amp.speedup is not None
    card = page.locator(".lab-card", has_text="One training step")
    expect(card).to_contain_text(f"{amp.speedup.ratio:.2f}× as fast")
    expect(card).to_contain_text(f"[{amp.speedup.low:.2f}, {amp.speedup.high:.2f}]")
    expect(page.get_by_text("Holds here:").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="PyTorch program").click()
    assert download.value.path().read_text() == program.amp_program(run.study)
