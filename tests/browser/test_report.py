"""A visitor brings a model: from the upload to the file on the disk, and what can go wrong."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import RUN_MILLISECONDS, SETTLED, Server, settle, soon

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def lenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LeNet state_dict as plain PyTorch saves it."""
    import torch

    from efficiency.workloads import lenet

    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("upload") / "my **lenet** <b>.pt"
    torch.save(lenet.build().state_dict(), path)
    return path


def upload(page: Page, path: Path) -> None:
    page.locator("input[type=file]").set_input_files(path)


def shorten(page: Page) -> None:
    """Spend three seconds in the timing loops, not thirty."""
    page.get_by_text("Options", exact=True).click()
    budget = page.locator(".st-key-report_budget_seconds input")
    budget.fill("3")
    budget.press("Enter")
    settle(page)


def numbers(page: Page) -> int:
    """How many cells of the first table hold a number."""
    return page.evaluate(
        "[...(document.querySelector('table.lab-table')?.querySelectorAll('td') ?? [])]"
        ".filter(each => /\\d/.test(each.innerText)).length"
    )


def test_from_the_upload_to_the_files(
    open_page: Open,
    visitor: Callable[..., BrowserContext],
    server: Server,
    lenet: Path,
    tmp_path: Path,
) -> None:
    page = open_page("/report")
    upload(page, lenet)
    expect(page.get_by_text("Recognised as LeNet")).to_be_visible()
    expect(page.get_by_role("heading").filter(has_text="my **lenet** <b>.pt")).to_be_visible()
    shorten(page)
    page.get_by_role("button", name="Run the report").click()

    page.wait_for_url("**/report?run=*")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect(page.get_by_text("Measured so far")).to_be_visible(timeout=RUN_MILLISECONDS)
    finished = page.get_by_role("heading", name="All candidates")
    seen = []
    deadline = time.monotonic() + RUN_MILLISECONDS / 1000
    while not finished.is_visible() and time.monotonic() < deadline:
        count = numbers(page)
        seen += [count] if count else []  # between two drawings there is no table
        page.wait_for_timeout(500)
    expect(finished).to_be_visible()
    expect(page.locator("table.lab-table").first.locator("tbody tr")).to_have_count(10)
    assert seen[0] < numbers(page)
    assert seen == sorted(seen)  # what was seen once never goes away
    assert len(set(seen)) > 2

    # Somebody else, elsewhere, with nothing but the address.
    other = visitor(locale="en-GB").new_page()  # another browser
    other.goto(page.url)
    expect(other.get_by_text("All candidates")).to_be_visible()
    table = page.locator("table.lab-table").first.inner_text()
    soon(other.locator("table.lab-table").first.inner_text, lambda text: text == table)

    with other.expect_download() as download:
        other.get_by_role("button", name="HTML report").click()
    report = tmp_path / "report.html"
    download.value.save_as(report)
    offline = visitor(offline=True).new_page()
    said: list[str] = []
    offline.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    offline.goto(report.as_uri())
    expect(offline.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    assert said == []

    with other.expect_download() as download:
        other.get_by_role("button", name="JSON").click()
    rows = json.loads(Path(download.value.path()).read_text())["rows"]
    assert len(rows) == 10

    closer = page.get_by_role("link", name="Pruning, every technique")
    closer.click()
    expect(page.get_by_role("combobox", name="Model")).to_have_value("the run's file, LeNet")

    with other.expect_download() as download:
        other.get_by_role("button", name="int8 dynamic").click()
    with ZipFile(download.value.path()) as zipped:
        assert {Path(name).name for name in zipped.namelist()} >= {
            "weights.safetensors",
            "load_model.py",
        }


def test_a_run_can_be_cancelled_and_repeated(open_page: Open) -> None:
    page = open_page("/report")
    page.locator(".st-key-example_mlp button").click()
    page.wait_for_url("**/report?run=*")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("This run was cancelled.")).to_be_visible()
    page.get_by_role("button", name="Run it again").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("This run was cancelled.")).to_be_visible()


def test_an_unknown_address_and_bad_files_leave_the_page_usable(
    open_page: Open, tmp_path: Path
) -> None:
    page = open_page("/report?run=nobody")
    expect(page.get_by_text("No run has this address")).to_be_visible()
    expect(page.locator(".st-key-example_lenet button")).to_be_enabled()
    for name, content in {
        "empty.pt": b"",
        "**page**.pt": b"<!doctype html><script>alert(1)</script>",
        "noise.safetensors": b"PK\x03\x04" + bytes(range(256)),
    }.items():
        bad = tmp_path / name
        bad.write_bytes(content)
        upload(page, bad)
        refusal = page.get_by_test_id("stAlert").filter(has_text=name)
        expect(refusal).to_be_visible()
        page.wait_for_selector(SETTLED)
        expect(page.locator("input[type=file]")).to_be_enabled()
        expect(page.locator(".st-key-example_lenet button")).to_be_enabled()
