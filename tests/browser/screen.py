"""The screen as a user has it: one page, what it shows, what can be done on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from math import dist
from typing import Any

from playwright.sync_api import Locator, Page, Request

#: The part of the map that no panel covers, CSS pixels, at the size that the tests use.
FREE = {"left": 350, "top": 70, "right": 1050, "bottom": 700}
SIZE = {"width": 1440, "height": 900}
#: A tile server that nobody can reach; the only other place than its own server that a page is ever told of.
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    vehicle: str
    x: float
    y: float


@dataclass(kw_only=True)
class Screen:
    """`window.__outrider` (described in `web/src/hook.ts`) says what is drawn; everything else is done as a user does it."""

    page: Page
    url: str
    requests: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", self._note_request)
        self.page.on("pageerror", lambda error: self.failures.append(str(error)))

    def open(self, rest: str = "") -> None:
        self.page.goto(f"{self.url}/{rest}")

    def hook(self, name: str) -> Any:
        return self.page.evaluate("(name) => window.__outrider?.[name]", name)

    def wait_for(self, condition: str, value: object = None, *, within_s: float = 60) -> None:
        """Until the JavaScript condition holds, with `hook` and `value` at hand."""
        script = f"(value) => {{ const hook = window.__outrider; return !!hook && ({condition}); }}"
        self.page.wait_for_function(script, arg=value, timeout=within_s * 1000)

    def wait_for_vans(self, count: int, *, within_s: float = 120) -> None:
        self.wait_for("hook.connection === 'live' && hook.vehicles === value", count, within_s=within_s)

    def spots(self, vehicles: Iterable[str]) -> list[Spot]:
        """Where they are drawn, those that no panel covers."""
        script = "(ids) => ids.map((id) => [id, window.__outrider.vehicleAt(id)])"
        found = self.page.evaluate(script, list(vehicles))
        spots = [Spot(vehicle=vehicle, x=at["x"], y=at["y"]) for vehicle, at in found if at is not None]
        return [s for s in spots if FREE["left"] < s.x < FREE["right"] and FREE["top"] < s.y < FREE["bottom"]]

    def rows(self) -> Locator:
        return self.page.get_by_role("listbox", name="Vehicles").get_by_role("option")

    def events(self, kind: str) -> Locator:
        return self.page.locator(f'.feed-row[data-type="{kind}"]')

    @property
    def outside_requests(self) -> list[str]:
        """What the page asked of anybody else; a page must work where there is no network."""
        own = (self.url, self.url.replace("http", "ws", 1), NOWHERE, "data:", "blob:")
        return [url for url in self.requests if not url.startswith(own)]

    def _note_request(self, request: Request) -> None:
        self.requests.append(request.url)


def loneliest(spots: list[Spot]) -> Spot:
    """The one that is farthest from all the others: a click on it means nobody else."""

    def room(spot: Spot) -> float:
        return min((dist((spot.x, spot.y), (other.x, other.y)) for other in spots if other is not spot), default=1e9)

    return max(spots, key=room)


def longest_leap_px(track: list[tuple[float, float]]) -> float:
    return max(dist(before, after) for before, after in pairwise(track))
