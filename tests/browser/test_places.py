"""Pins that may be wrong: shown with the distance, on the map, and moved or kept by whoever may decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.browser.pixels import has_marker, screenshot
from tests.browser.screen import Screen
from tests.browser.servers import FakeServer

OpenScreen = Callable[..., Screen]
ServeFake = Callable[..., FakeServer]

OPERATOR = ("--role", "operator")


def offered(server: FakeServer) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = httpx.get(f"{server.url}/v1/places", timeout=10).json()["items"]
    return items


def stop_at(server: FakeServer, place: str) -> dict[str, Any]:
    routes = httpx.get(f"{server.url}/v1/routes", params={"limit": 1000}, timeout=10).json()["items"]
    found: dict[str, Any] = next(stop for route in routes for stop in route["stops"] if stop["place"] == place)
    return found


def test_who_only_looks_sees_the_distance_and_the_place(serve_fake: ServeFake, open_screen: OpenScreen, decoder: Page) -> None:
    server = serve_fake(vans=1)
    screen = open_screen(server.url)
    screen.wait_for_vans(server.vans)
    offers = screen.page.get_by_role("region", name="Pins that may be wrong")
    expect(offers).to_contain_text("is 150 m from its pin, say 4 visits")
    expect(offers.get_by_role("button", name="Move the pin")).to_have_count(0)
    offers.get_by_role("button").first.click()
    screen.wait_for("hook.zoom > 16")
    screen.page.wait_for_timeout(2_000)
    pixels = screenshot(screen.page, decoder)
    # The map's free middle lies midway between pin and place, at zoom 16.5: the place is 145 px above it.
    ring = [y for y in range(320, 350) for x in range(660, 740) if has_marker(pixels, x, y)]
    bare = [y for y in range(120, 150) for x in range(660, 740) if has_marker(pixels, x, y)]
    assert ring
    assert not bare, "bare ground has none: the look can fail"


def test_an_operator_moves_the_pin(serve_fake: ServeFake, open_screen: OpenScreen) -> None:
    server = serve_fake(vans=1, options=OPERATOR)
    [offer] = offered(server)
    screen = open_screen(server.url)
    screen.wait_for_vans(server.vans)
    screen.page.get_by_role("button", name="Move the pin").click()
    expect(screen.page.get_by_role("region", name="Pins that may be wrong")).to_have_count(0)
    assert offered(server) == []
    assert stop_at(server, offer["id"])["lat"] == offer["lat"]


def test_an_operator_keeps_the_pin(serve_fake: ServeFake, open_screen: OpenScreen) -> None:
    server = serve_fake(vans=1, options=OPERATOR)
    [offer] = offered(server)
    screen = open_screen(server.url)
    screen.wait_for_vans(server.vans)
    screen.page.get_by_role("button", name="Keep it").click()
    expect(screen.page.get_by_role("region", name="Pins that may be wrong")).to_have_count(0)
    assert offered(server) == []
    assert stop_at(server, offer["id"])["lat"] != offer["lat"]
