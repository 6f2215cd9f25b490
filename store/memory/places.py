"""Decisions about where places are, in memory."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import replace

from fleet.event import Event
from fleet.place_decision import PlaceDecision
from fleet.places import KINDS
from fleet.route import Stop
from store.errors import NotFound
from store.memory.found import EventLog
from store.memory.repository import page_places, reject_unstorable
from store.records import Change
from store.refusals import check_tenant


class PlaceBook:
    """See `store.protocol.PlaceStore`. `move` puts the stops that are still to come where a decision says, and counts them."""

    def __init__(self, events: EventLog, tell: Callable[[Change], None]) -> None:
        self._events = events
        self._tell = tell
        self._decisions: list[PlaceDecision] = []
        self._current: dict[tuple[str, str], PlaceDecision] = {}
        self.move: Callable[[PlaceDecision], int] = lambda _: 0

    async def decide(self, decision: PlaceDecision) -> PlaceDecision | None:
        reject_unstorable(decision)
        check_tenant(decision.tenant)
        place = (decision.tenant, decision.id)
        if not decision.may_follow(self._current.get(place)):
            return None
        # Stops are written by the newest decision, so it has to be known first.
        self._current[place] = decision
        kept = replace(decision, stops=self.move(decision))
        self._current[place] = kept
        self._decisions.append(kept)
        self._tell(Change(kind="route", tenant=decision.tenant))
        return kept

    async def get(self, tenant: str, place: str) -> PlaceDecision:
        try:
            return self._current[tenant, place]
        except KeyError:
            raise NotFound("place", place) from None

    async def list(self, tenant: str | None, *, limit: int, after: str | None = None) -> builtins.list[PlaceDecision]:
        return [self._current[place] for place in page_places(self._current, tenant, after)[:limit]]

    async def history(
        self,
        tenant: str,
        place: str,
        *,
        limit: int,
        after: int = 0,
    ) -> builtins.list[tuple[int, PlaceDecision]]:
        numbered = enumerate(self._decisions, start=1)
        of_place = [(number, one) for number, one in numbered if (one.tenant, one.id) == (tenant, place)]
        return [(number, one) for number, one in reversed(of_place) if not after or number < after][:limit]

    async def stands(self, tenant: str, place: str, *, limit: int) -> builtins.list[Event]:
        types = [f"{kind}*" for kind in KINDS]
        found = self._events.find(
            tenant,
            after_seq=0,
            types=types,
            vehicle=None,
            start=None,
            end=None,
            limit=self._events.last_seq,
            newest_first=True,
        )
        return [one.event for one in found if one.event.data.get("place") == place][:limit][::-1]

    def placed(self, tenant: str, stop: Stop) -> Stop:
        """The stop, which is given at the plan's own pin, where its place is."""
        decision = self._current.get((tenant, stop.place)) if stop.place is not None else None
        return stop if decision is None else decision.applied(stop)

    def tenants(self) -> set[str]:
        return {tenant for tenant, _ in self._current}
