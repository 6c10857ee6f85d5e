"""A real server with a home of its own, and visitors with real browsers of their own."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar
from urllib.request import urlopen

import psutil
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)
from playwright.sync_api import Request as BrowserRequest

from efficiency.core import serial
from efficiency.core.requests import Request
from efficiency.core.values import Study
from efficiency.jobs.store import Store
from tests.conftest import share

ROOT = Path(__file__).parents[2]
# The last two only save work: pages of one server share a process, and scripts are compiled once.
QUIET = (
    "--disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--process-per-site --js-flags=--no-enable-lazy-source-positions"
)
START_SECONDS = 60
# Until a run is over. It takes less than a minute, but first come those of all tests beside it:
# one measurement at a time on a machine.
RUN_MILLISECONDS = 600_000
SIZES: dict[str, ViewportSize] = {
    "projector": {"width": 1280, "height": 720},
    "phone": {"width": 390, "height": 844},
}
# Two files that Streamlit itself asks for in vain on every page below the first.
STREAMLIT_ASKS_IN_VAIN = re.compile(r"/\w+/_stcore/(health|host-config)$")
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
# A machine that measures beside the tests draws late: no test counts on having waited long enough,
# but waits for what it wants to see, so long at most.
SOON_SECONDS = 60
expect.set_options(timeout=1000 * SOON_SECONDS)
# Charts are drawn some time after the page around them, and again when it gets another width.
CHARTS_DRAWN = """() => [...document.querySelectorAll(".js-plotly-plot")]
    .filter((plot) => plot.checkVisibility())
    .every((plot) => plot.querySelector(".main-svg") !== null
        && Math.abs(plot.clientWidth - plot._fullLayout.width) <= 1)"""
# How light the numbers on the first chart are: the sum of red, green and blue.
LIGHTNESS = """() => {
    const text = document.querySelector(".js-plotly-plot .annotation-text");
    const colors = text && getComputedStyle(text).fill.match(/[0-9]+/g);
    return colors ? colors.slice(0, 3).reduce((sum, each) => sum + Number(each), 0) : NaN;
}"""
# By how many pixels the page scrolls sideways.
TOO_WIDE = """Math.max(...[...document.querySelectorAll("[data-testid=stMain], html")]
    .map((each) => each.scrollWidth - each.clientWidth))"""
Seen = TypeVar("Seen")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. Skips where there is none, but never on the machine that checks all."""
    path = shutil.which("chromium")
    if path is None and not os.environ.get("CI"):
        pytest.skip("there is no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--no-first-run", *QUIET.split()]
        )
        yield browser
        browser.close()


@dataclass(frozen=True)
class Server:
    url: str
    home: Path
    process: subprocess.Popen[bytes]


@pytest.fixture(scope="session")
def port() -> int:
    """One for all servers of this process, so that browsers know their scripts already.

    Of those that the kernel gives to nobody, so that it is free again for the next server.
    """
    of_this_process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])  # with pytest -n
    first = 20_000 + 100 * of_this_process
    for found in range(first, first + 100):
        with closing(socket.socket()) as free, suppress(OSError):
            free.bind(("127.0.0.1", found))
            return found
    raise AssertionError("no port is free")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, together: Path, port: int) -> Iterator[Server]:
    """`streamlit run app.py`; at the end nothing of it is left."""
    home = tmp_path_factory.mktemp("browser-home")
    share(home, together)
    options = [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", *options],
            cwd=ROOT,
            env=os.environ | {"EFFICIENCY_HOME": str(home)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{url}/_stcore/health", process)
        yield Server(url=url, home=home, process=process)
    finally:
        with suppress(ProcessLookupError):  # a test may have killed it
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)
        _end_all_of(home)


def _wait(health: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urlopen(health, timeout=2):  # noqa: S310 (our own server)
            return
        time.sleep(0.1)
    pytest.fail("the server did not start")


def _end_all_of(home: Path) -> None:
    """End the supervisor and runners of this home: a server that stops leaves them their work."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("EFFICIENCY_HOME") == str(home):
                process.kill()


class Visitors:
    """All visitors of the servers. Those with the same options share a browser context, and so what
    it has loaded: seven megabytes of scripts, which take seconds on a busy machine. Nothing that
    they load may come from outside the machine.
    """

    def __init__(self, chromium: Browser, url: str) -> None:
        self.chromium = chromium
        self.url = url
        self.known = (url, url.replace("http", "ws"), "data:", "blob:", "file:")
        self.contexts: dict[str, BrowserContext] = {}
        self.staying: list[Page] = []
        self.outside: list[str] = []
        self.failures: list[str] = []

    def context(self, **options: object) -> BrowserContext:
        """The context with these options."""
        if repr(options) not in self.contexts:
            context = self.chromium.new_context(**options)  # type: ignore[arg-type]
            context.set_default_timeout(1000 * SOON_SECONDS)
            context.on("request", self._asked)
            context.on("weberror", lambda error: self.failures.append(str(error.error)))
            self.contexts[repr(options)] = context
            # As long as a page of the server is open, the process of all of them stays, with the
            # scripts that it has compiled: half of the work of opening the next one.
            self.staying.append(context.new_page())
            if not options.get("offline"):
                self.staying[-1].goto(f"{self.url}/_stcore/health")
        return self.contexts[repr(options)]

    def leave(self) -> None:
        """Close all pages but those that stay, and look what went wrong on them."""
        for context in self.contexts.values():
            for page in context.pages:
                if page not in self.staying:
                    page.close()
        outside, failures = self.outside[:], self.failures[:]
        self.outside.clear()
        self.failures.clear()
        assert outside == []
        assert failures == []

    def _asked(self, request: BrowserRequest) -> None:
        if not request.url.startswith(self.known):
            self.outside.append(request.url)


@pytest.fixture(scope="session")
def visitors(chromium: Browser, port: int) -> Iterator[Visitors]:
    """All visitors of the servers of this process, one after the other."""
    found = Visitors(chromium, f"http://127.0.0.1:{port}")
    yield found
    for context in found.contexts.values():
        context.close()


@pytest.fixture
def visitor(visitors: Visitors) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browsers for one test; when it is over their pages are closed."""
    yield visitors.context
    visitors.leave()


@pytest.fixture
def open_page(visitor: Callable[..., BrowserContext], server: Server) -> Callable[..., Page]:
    """A new visitor's page at a path of the server, drawn to the end.

    `hear` gets all that the page writes to the console.
    """

    def open_it(
        path: str = "/",
        *,
        hear: Callable[[ConsoleMessage], None] | None = None,
        color_scheme: Literal["light", "dark"] = "light",
        **options: object,
    ) -> Page:
        page = visitor(**options).new_page()
        page.emulate_media(color_scheme=color_scheme)
        if hear is not None:
            page.on("console", hear)
        page.goto(server.url + path)
        page.wait_for_selector(SETTLED)
        page.get_by_text("Presenter mode").wait_for()
        return page

    return open_it


@pytest.fixture
def open_listening(open_page: Callable[..., Page]) -> Iterator[Callable[..., Page]]:
    """Like `open_page`, and at the end nothing was written to the console as an error."""
    errors: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        known = STREAMLIT_ASKS_IN_VAIN.search(message.location["url"]) and "404" in message.text
        if message.type == "error" and not known:
            errors.append(f"{message.text} ({message.location['url']})")

    yield partial(open_page, hear=hear)
    assert errors == []


@contextmanager
def visit(visitors: Visitors, server: Server, path: str) -> Iterator[tuple[Page, list[str]]]:
    """A visitor's page for all tests that leave it as they found it, and what it sends."""
    page = visitors.context().new_page()
    visitors.staying.append(page)
    try:
        sent: list[str] = []
        watch(page, sent)  # before its socket is opened
        page.goto(f"{server.url}{path}")
        page.wait_for_selector(SETTLED)
        page.get_by_text("Presenter mode").wait_for()
        assert "a frame" in sent
        yield page, sent
    finally:
        visitors.staying.remove(page)
    visitors.leave()


@pytest.fixture
def sent() -> list[str]:
    """What a page has sent to its server; `watch` has it fill."""
    return []


def watch(page: Page, sent: list[str]) -> None:
    """Note all that is sent from now on, on every socket that is opened later and by HTTP.

    Fonts and scripts of the page itself, which a busy machine loads late, tell the server nothing.
    """
    page.on("request", lambda asked: None if "/static/" in asked.url else sent.append(asked.url))
    page.on(
        "websocket", lambda socket: socket.on("framesent", lambda frame: sent.append("a frame"))
    )


def soon(look: Callable[[], Seen], right: Callable[[Seen], bool]) -> Seen:
    """Look until what is seen is right, and give it; what `expect` is for the rest."""
    deadline = time.monotonic() + SOON_SECONDS
    while not right(seen := look()):
        assert time.monotonic() < deadline, f"it is still {seen!r}"
        time.sleep(0.05)
    return seen


def settle(page: Page) -> None:
    """Until what was just clicked or typed is on its way, and its answer is drawn."""
    page.wait_for_timeout(200)
    page.wait_for_selector(SETTLED)


def wait_for_charts(page: Page) -> None:
    """Until there is a chart, and all that can be seen are drawn at the width they have now."""
    expect(page.locator(".js-plotly-plot .main-svg")).not_to_have_count(0)
    page.wait_for_function(CHARTS_DRAWN)


def assert_fits(page: Page, *, every_tab: bool = True) -> None:
    """The page does not scroll sideways at any of the sizes; nor does any of its tabs."""
    for size in SIZES.values():
        page.set_viewport_size(size)
        for tab in (page.get_by_role("tab").all() if every_tab else []) or [None]:
            if tab is not None:
                tab.click()
                settle(page)
            page.wait_for_function(CHARTS_DRAWN)
            soon(lambda: page.evaluate(TOO_WIDE), lambda pixels: pixels <= 0)
    page.set_viewport_size(SIZES["projector"])


def finish(study: Study, request: Request) -> str:
    """Put a study into the store as the run of that request, done; gives its id."""
    with Store() as store:
        run = store.submit(request)
        store.take()
        store.finish(run, serial.encode(study))
        store.vacate(run)
    return run
