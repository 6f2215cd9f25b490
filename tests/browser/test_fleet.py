"""The fleet on the screen: every van is drawn and moves, can be found and followed, and what happens is told."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import vehicles_of
from tests.browser.pixels import has_marker, screenshot
from tests.browser.screen import Screen, loneliest, longest_leap_px
from tests.browser.servers import FakeServer, ScreenServer

OpenScreen = Callable[..., Screen]
ServeFake = Callable[..., FakeServer]


def test_every_van_is_drawn_where_it_is(server: ScreenServer, open_screen: OpenScreen, decoder: Page) -> None:
    screen = open_screen(server.url)
    screen.wait_for_vans(server.vans)
    screen.page.get_by_role("button", name="Show the whole fleet").click()
    screen.page.wait_for_timeout(2_000)
    spots = screen.spots(vehicles_of(server.url))
    pixels = screenshot(screen.page, decoder)
    assert len(spots) >= server.vans * 0.75, "most of the fleet lies on the part of the map that no panel covers"
    missing = [spot for spot in spots if not has_marker(pixels, spot.x, spot.y)]
    assert missing == []
    assert not has_marker(pixels, 400, 80), "bare ground has none: the look can fail"


def test_vans_glide_and_do_not_leap(server: ScreenServer, open_screen: OpenScreen) -> None:
    screen = open_screen(server.url)
    screen.wait_for_vans(server.vans)
    script = """async (ids) => {
      const track = ids.map(() => []);
      for (let frame = 0; frame < 40; frame += 1) {
        await new Promise(requestAnimationFrame);
        await new Promise((resolve) => setTimeout(resolve, 100));
        ids.forEach((id, at) => { const spot = window.__outrider.vehicleAt(id); if (spot) track[at].push([spot.x, spot.y]); });
      }
      return track;
    }"""
    tracks = screen.page.evaluate(script, vehicles_of(server.url))
    moving = [[tuple(spot) for spot in track] for track in tracks if len({tuple(spot) for spot in track}) > 14]
    assert len(moving) >= server.vans * 0.3, "a good part of the fleet is on its way"
    assert max(map(longest_leap_px, moving)) < 40


def test_search_finds_and_selects_by_keyboard(server: ScreenServer, open_screen: OpenScreen) -> None:
    screen = open_screen(server.url)
    screen.wait_for_vans(server.vans)
    wanted = sorted(vehicles_of(server.url))[6]
    screen.page.keyboard.press("/")
    screen.page.keyboard.type(wanted)
    expect(screen.rows()).to_have_count(1)
    screen.page.keyboard.press("Enter")
    screen.wait_for("hook.selected === value", wanted)
    expect(screen.rows().first).to_have_attribute("aria-selected", "true")
    screen.page.keyboard.press("Escape")
    screen.page.keyboard.press("Escape")
    screen.wait_for("hook.selected === null")
    expect(screen.page.get_by_text(f"{server.vans} vehicles", exact=True)).to_be_visible()


def test_search_without_a_match_says_so(serve_fake: ServeFake, open_screen: OpenScreen) -> None:
    server = serve_fake(vans=6)
    screen = open_screen(server.url)
    screen.wait_for_vans(server.vans)
    screen.page.get_by_role("searchbox").fill("no such van")
    expect(screen.page.get_by_text("No vehicle matches")).to_be_visible()
    screen.page.get_by_role("button", name="Show all").click()
    expect(screen.rows().first).to_be_visible()


def test_a_click_on_a_van_shows_its_trail_and_route(server: ScreenServer, open_screen: OpenScreen) -> None:
    screen = open_screen(server.url)
    screen.wait_for_vans(server.vans)
    screen.page.wait_for_timeout(1_500)
    spot = loneliest(screen.spots(vehicles_of(server.url)))
    screen.page.mouse.click(spot.x, spot.y)
    screen.wait_for("hook.selected === value", spot.vehicle)
    screen.wait_for("hook.trailPoints > 1")
    panel = screen.page.locator(".detail")
    expect(panel.get_by_text(re.compile(r"^[\d,.]+ fixes$"))).to_be_visible()
    expect(panel.get_by_role("heading", name=re.compile("^Route "))).to_be_visible()
    expect(panel.get_by_role("button", name="Stop following")).to_have_attribute("aria-pressed", "true")
    screen.wait_for("Math.abs(hook.vehicleAt(value).x - (340 + 1440 - 380) / 2) < 40", spot.vehicle)


@pytest.mark.timeout(400)
def test_the_feed_tells_of_an_arrival_in_plain_words(server: ScreenServer, open_screen: OpenScreen) -> None:
    screen = open_screen(server.url)
    screen.wait_for_vans(server.vans)
    seq = screen.hook("seq") or 0
    screen.wait_for("hook.seq > value", seq, within_s=180)
    arrival = screen.events("stop.arrived").first
    arrival.wait_for(timeout=180_000)
    assert re.search(r"arrived at stop \d+ of \S+, (on time|\d+ .*(early|late))", arrival.inner_text().replace("\n", " "))


def test_a_click_on_an_event_goes_to_its_place(server: ScreenServer, open_screen: OpenScreen) -> None:
    screen = open_screen(server.url)
    screen.wait_for_vans(server.vans)
    before = screen.hook("zoom")
    row = screen.events("stop.arrived").first
    row.wait_for(timeout=180_000)
    row.click()
    screen.wait_for("hook.zoom > value", before)
