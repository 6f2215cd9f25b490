"""What the screen says and does when the server goes away, wants a key, or has nothing to show."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.screen import NOWHERE, Screen
from tests.browser.servers import ADMIN_KEY, FakeServer, ScreenServer

OpenScreen = Callable[..., Screen]
ServeFake = Callable[..., FakeServer]


@pytest.mark.timeout(400)
def test_a_lost_server_is_told_and_its_return_noticed(server: ScreenServer, open_screen: OpenScreen) -> None:
    screen = open_screen(server.url)
    screen.wait_for_vans(server.vans)
    server.stop()
    banner = screen.page.get_by_role("alert")
    expect(banner).to_contain_text("Connection lost", timeout=60_000)
    expect(screen.page.locator(".connection")).to_contain_text("Offline")
    screen.wait_for("hook.vehicles === value", server.vans)
    server.start()
    screen.wait_for_vans(server.vans, within_s=150)
    expect(banner).to_be_hidden(timeout=30_000)
    expect(screen.page.locator(".connection")).to_contain_text("Live")


def test_a_wrong_key_is_refused_and_a_right_one_opens(locked_server: ScreenServer, open_screen: OpenScreen) -> None:
    screen = open_screen(locked_server.url)
    form = screen.page.get_by_role("form", name="Sign in to Outrider")
    form.get_by_label("API key").fill("not the key")
    form.get_by_role("button", name="Sign in").click()
    expect(form.get_by_role("alert")).to_be_visible()
    form.get_by_label("API key").fill(ADMIN_KEY)
    form.get_by_role("button", name="Sign in").click()
    screen.wait_for("hook.connection === 'live'")
    expect(form).to_be_hidden()
    expect(screen.page.get_by_text("No vehicles yet")).to_be_visible()
    screen.page.get_by_role("button", name="Sign out").click()
    expect(form).to_be_visible()


def test_a_key_in_the_address_is_taken_out_and_sent_nowhere_else(locked_server: ScreenServer, open_screen: OpenScreen) -> None:
    screen = open_screen(locked_server.url, f"#key={ADMIN_KEY}")
    screen.wait_for("hook.connection === 'live'")
    assert ADMIN_KEY not in screen.page.url
    assert not any(ADMIN_KEY in url for url in screen.requests)
    stored = screen.page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])")
    assert ADMIN_KEY not in stored


def test_a_tracking_link_shows_nothing_of_the_fleet(serve_fake: ServeFake, open_screen: OpenScreen) -> None:
    server = serve_fake(vans=1)
    screen = open_screen(server.url, "t/some-token")
    expect(screen.page.get_by_role("heading", name="This link cannot be shown")).to_be_visible()
    assert not any("/v1/" in url for url in screen.requests)


def test_unreachable_tiles_are_told_and_the_vans_stay(serve_fake: ServeFake, open_screen: OpenScreen) -> None:
    server = serve_fake(vans=12, options=("--tile-url", f"{NOWHERE}/{{z}}/{{x}}/{{y}}.png"))
    screen = open_screen(server.url)
    screen.wait_for_vans(server.vans)
    expect(screen.page.get_by_text("The background map cannot be reached")).to_be_visible()
    assert any(url.startswith(NOWHERE) for url in screen.requests)


def test_an_unreachable_style_leaves_the_plain_ground(serve_fake: ServeFake, open_screen: OpenScreen) -> None:
    server = serve_fake(vans=12, options=("--style-url", f"{NOWHERE}/style.json"))
    screen = open_screen(server.url)
    screen.wait_for_vans(server.vans)
    expect(screen.page.get_by_text("The background map cannot be reached")).to_be_visible()


def test_every_control_has_a_name(serve_fake: ServeFake, open_screen: OpenScreen) -> None:
    server = serve_fake(vans=6)
    screen = open_screen(server.url)
    screen.wait_for_vans(server.vans)
    screen.rows().first.click()
    screen.page.get_by_role("button", name="Layers and legend").click()
    nameless = screen.page.evaluate(
        """() => [...document.querySelectorAll("button, input, select")]
          .filter((control) => !(control.ariaLabel || control.textContent.trim() || control.labels?.length))
          .map((control) => control.outerHTML)"""
    )
    assert nameless == []


def test_preferences_outlive_a_reload(serve_fake: ServeFake, open_screen: OpenScreen) -> None:
    server = serve_fake(vans=6)
    screen = open_screen(server.url)
    screen.wait_for_vans(server.vans)
    screen.page.get_by_role("button", name="Name", exact=True).click()
    screen.page.get_by_role("button", name="Theme: system").click()
    screen.page.reload()
    screen.wait_for_vans(server.vans)
    expect(screen.page.get_by_role("button", name="Name", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(screen.page.get_by_role("button", name="Theme: light")).to_be_visible()
