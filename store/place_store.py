"""The seam of the store for decisions about where places are; a part of `store.protocol.Store`."""

from __future__ import annotations

import builtins
from typing import Protocol

from fleet.event import Event
from fleet.place_decision import PlaceDecision


class PlaceStore(Protocol):
    """The newest decision of a place holds, also for the stops of routes that are put later."""

    async def decide(self, decision: PlaceDecision) -> PlaceDecision | None:
        """Keep a decision, and move the stops at the place that are still to come, on routes that are not over; as it was kept,
        with `stops`. None where it does not count after the one that holds (`PlaceDecision.may_follow`). Told to
        `IngestStore.changes` as a change of routes. Raises Rejected."""
        ...

    async def get(self, tenant: str, place: str) -> PlaceDecision:
        """The one that holds. Raises NotFound where nothing was decided of the place."""
        ...

    async def list(self, tenant: str | None, *, limit: int, after: str | None = None) -> builtins.list[PlaceDecision]:
        """Those that hold; pages as a repository's."""
        ...

    async def history(self, tenant: str, place: str, *, limit: int, after: int = 0) -> builtins.list[tuple[int, PlaceDecision]]:
        """All of a place, with their numbers, newest first; `after` is the last number of the page before, 0 = from the newest."""
        ...

    async def stands(self, tenant: str, place: str, *, limit: int) -> builtins.list[Event]:
        """The newest events that say where vehicles stood at the place (`fleet.places.KINDS`), with their corrections, in the
        order in which they were published."""
        ...
