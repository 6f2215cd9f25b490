"""A browser and a server for the screen's tests. Playwright's loop occupies the thread while it is there, so it lives no
longer than one module: tests with a loop of their own may follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.screen import SIZE, Screen
from tests.browser.servers import FakeServer, RealServer, ScreenServer, require_page
from tests.realparts.absence import PartMissingError, missing

VANS = 40
#: WebGL without a graphics card, and no request that the page did not make.
FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]


#: Not a bar for speed: pictures drawn without a graphics card on a busy machine take their time.
expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def decoder(browser: Browser) -> Iterator[Page]:
    """A blank page that turns pictures into numbers."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture(scope="module", params=["fake", pytest.param("real", marks=pytest.mark.slow)])
def server(request: pytest.FixtureRequest, chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScreenServer]:
    """The screen with `VANS` moving vans: made up, and then those of the whole product."""
    folder = tmp_path_factory.mktemp(f"screen-{request.param}")
    one = FakeServer(folder=folder, vans=VANS) if request.param == "fake" else RealServer(folder=folder, vans=VANS)
    yield from _running(one)


@pytest.fixture(scope="module", params=["fake", pytest.param("real", marks=pytest.mark.slow)])
def locked_server(
    request: pytest.FixtureRequest, chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ScreenServer]:
    """A server that wants a key."""
    from tests.browser.servers import ADMIN_KEY

    folder = tmp_path_factory.mktemp(f"locked-{request.param}")
    if request.param == "fake":
        yield from _running(FakeServer(folder=folder, vans=0, options=["--key", ADMIN_KEY]))
    else:
        yield from _running(RealServer(folder=folder, vans=0, demo=False))


@pytest.fixture
def serve_fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., FakeServer]]:
    """`serve_fake(vans=..., options=[...])`: a fake server of the test's own."""
    started: list[FakeServer] = []

    def serve(vans: int = VANS, options: tuple[str, ...] = ()) -> FakeServer:
        _require_page()
        one = FakeServer(folder=tmp_path_factory.mktemp("fake"), vans=vans, options=options)
        started.append(one)
        one.start()
        return one

    yield serve
    for one in started:
        one.stop()


@pytest.fixture
def open_screen(browser: Browser) -> Iterator[Callable[..., Screen]]:
    """`open_screen(url)`: the page in a window of its own. An error in the page's scripts fails the test, and so
    does a request to anybody but its server."""
    screens: list[Screen] = []

    def open_one(url: str, rest: str = "", **context: object) -> Screen:
        options = {"viewport": SIZE, "color_scheme": "light", "locale": "en-IE", **context}
        screen = Screen(page=browser.new_context(**options).new_page(), url=url)  # type: ignore[arg-type]
        screens.append(screen)
        screen.open(rest)
        return screen

    yield open_one
    failures = [failure for screen in screens for failure in screen.failures]
    outside = [url for screen in screens for url in screen.outside_requests]
    for screen in screens:
        screen.page.context.close()
    assert failures == []
    assert outside == []


def vehicles_of(url: str) -> list[str]:
    """The ids of all vehicles, as the API lists them to anybody who may look."""
    answer = httpx.get(f"{url}/v1/vehicles", params={"limit": 1000}, timeout=10)
    answer.raise_for_status()
    return [vehicle["id"] for vehicle in answer.json()["items"]]


def _running(one: FakeServer | RealServer) -> Iterator[ScreenServer]:
    _require_page()
    one.start()
    yield one
    one.stop()


def _require_page() -> None:
    try:
        require_page()
    except PartMissingError as problem:
        missing("The screen", str(problem))
