"""Keeps the positions that places have learned: moves them where a tenant wants that to happen by itself, and takes back what late
data has taken the ground from.

It follows the events, beside the worker's loop: what it decides reaches the worker as any change of the plan does. Nothing is kept
in between. At start, and for a tenant that has just asked for automatic moves, the places of the last `SPAN` are looked at;
after that, those that new events are about. A place that is looked at twice is decided alike, so nothing has to be exact.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from fleet.place_learning import next_decision
from fleet.place_rules import PlaceLearning, PlaceRules
from fleet.places import KINDS, standing_stands
from store.protocol import NotFound, NumberedEvent, Store, Unavailable

log = logging.getLogger(__name__)

SPAN: Final = timedelta(days=60)
#: How soon a change of a tenant's settings is noticed; events are noticed at once.
_LOOK_S: Final = 10.0
#: Events come in crowds: one look answers all that came within this time.
_SETTLE_S: Final = 0.5
_PAGE: Final = 1_000
#: Of a place, the newest; a median of more is no better.
_STANDS: Final = 500
_TYPES: Final = [f"{kind}*" for kind in KINDS]

#: Tenant, id.
Place: TypeAlias = tuple[str, str]


class PlaceKeeper:
    """`run` until cancelled. One at a time on a store; a second one only does the same work again."""

    def __init__(
        self, store: Store, clock: Callable[[], datetime], *, look_s: float = _LOOK_S, settle_s: float = _SETTLE_S
    ) -> None:
        self._store = store
        self._now = clock
        self._look_s = look_s
        self._settle_s = settle_s
        self._seq: int | None = None
        self._automatic: frozenset[str] = frozenset()
        self._woken = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(), name="place-events")
            tasks.create_task(self._work(), name="place-decisions")

    async def _listen(self) -> None:
        while True:
            try:
                async for _ in self._store.event_wakes():
                    self._woken.set()
            except Unavailable as failure:
                log.warning("cannot listen for events of places, trying again: %s", failure)
            await asyncio.sleep(self._look_s)

    async def _work(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self.look()
            except Unavailable as failure:
                log.warning("places wait: the store is away (%s)", failure)
            await asyncio.sleep(self._settle_s)
            try:
                async with asyncio.timeout(self._look_s):
                    await self._woken.wait()
            except TimeoutError:
                continue  # tenants may have changed their minds

    async def look(self) -> None:
        """Decide about all places that something new is known of. Raises Unavailable; the next look begins where this one did."""
        rules = await self._rules()
        automatic = frozenset(tenant for tenant, rule in rules.items() if rule.mode is PlaceLearning.AUTOMATIC)
        newest = await self._store.last_seq()
        affected: dict[Place, None] = {}
        for tenant in sorted(automatic - self._automatic):
            affected |= dict.fromkeys(await self._seen_lately(tenant))
        if self._seq is None:
            affected |= dict.fromkeys(await self._learned())
        elif newest > self._seq:
            affected |= await self._touched(newest, automatic)
        for tenant, place in affected:
            await self._decide(tenant, place, rules.get(tenant, PlaceRules()))
        self._seq, self._automatic = newest, automatic

    async def _decide(self, tenant: str, place: str, rules: PlaceRules) -> None:
        try:
            current = await self._store.places.get(tenant, place)
        except NotFound:
            current = None
        stands = standing_stands(await self._store.places.stands(tenant, place, limit=_STANDS))
        decision = next_decision(stands, current, rules, tenant, place, self._now())
        kept = await self._store.places.decide(decision) if decision is not None else None
        if kept is not None:
            log.info("place %s of %s: %s by %d visits, %d stops moved", place, tenant, kept.step, kept.visits, kept.stops)

    async def _rules(self) -> dict[str, PlaceRules]:
        """Of all tenants."""
        rules: dict[str, PlaceRules] = {}
        after: str | None = None
        while tenants := await self._store.tenants.list(limit=_PAGE, after=after):
            rules |= {tenant.id: tenant.settings.places for tenant in tenants}
            after = tenants[-1].id
        return rules

    async def _learned(self) -> list[Place]:
        """Places that have a learned position: it may have lost its ground while nobody looked."""
        found: list[Place] = []
        after: str | None = None
        while decisions := await self._store.places.list(None, limit=_PAGE, after=after):
            found += [(one.tenant, one.id) for one in decisions if not one.step.is_a_persons]
            after = f"{decisions[-1].tenant}/{decisions[-1].id}"
        return found

    async def _seen_lately(self, tenant: str) -> list[Place]:
        found: dict[Place, None] = {}
        seq = 0
        while events := await self._store.events(
            tenant, types=_TYPES, start=self._now() - SPAN, after_seq=seq, limit=_PAGE, newest_first=True
        ):
            found |= dict.fromkeys(_places(events))
            seq = events[-1].seq
        return list(found)

    async def _touched(self, newest: int, automatic: frozenset[str]) -> dict[Place, None]:
        """Places that new events are about: where pins move by themselves after each visit, elsewhere after corrections."""
        found: dict[Place, None] = {}
        seq = self._seq or 0
        while seq < newest and (events := await self._store.events(None, types=_TYPES, after_seq=seq, limit=_PAGE)):
            matter = [one for one in events if one.event.tenant in automatic or "of" in one.event.data]
            found |= dict.fromkeys(_places(matter))
            seq = events[-1].seq
        return found


def _places(events: Sequence[NumberedEvent]) -> list[Place]:
    return [(one.event.tenant, one.event.data["place"]) for one in events if one.event.data.get("place") is not None]
