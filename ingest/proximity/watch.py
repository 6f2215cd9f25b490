"""The watch over pairs of vehicles: the I/O around `geofence.proximity`, for the worker and the replay alike.

Call order: `apply` (the world), `restore`; then for every batch that is written `heard`, `take` and, after the commit, `written`;
and `turn` between commits, or beside them, for as long as it says that there is more to do. Only `turn` waits for anything.

Slots are judged by what the store holds; in memory are the pairs alone. Where nobody is watched, `heard` returns at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import numpy as np

from fleet.clock import from_micros, to_micros
from fleet.event import Event
from fleet.fence import Fence
from fleet.fix import FixBatch
from fleet.fixes_around import FixesAround, Reach
from fleet.proximity_rules import NO_PROXIMITY_RULES, ProximityRules, ProximityScope
from geofence.proximity.excepted import Excepted
from geofence.proximity.fold import Watched, advance
from geofence.proximity.pairs import Pairs, no_pairs
from geofence.proximity.settings import Limits, ProximitySettings
from geofence.proximity.words import Teller
from geofence.roster import Roster
from ingest.proximity.correcting import TYPES, corrections, names_of, since
from ingest.proximity.course import Again, Course, forgotten, state_of
from ingest.proximity.lateness import Lateness
from store.protocol import NotFound
from store.records import NumberedEvent, ProximityStates

#: Slots that are read at once, and places in them: some seconds of the database's work, well below its time limit.
_AT_ONCE: Final = 8
_PLACES_AT_ONCE: Final = 80_000
_PAGE: Final = 1_000


class VehicleBook(Protocol):
    async def get(self, tenant: str, id: str) -> Any: ...  # noqa: A002 - the domain's word


class ProximityStore(Protocol):
    """What is asked of the store (`store.protocol.Store`)."""

    @property
    def vehicles(self) -> VehicleBook: ...

    async def fixes_around(self, tenant: str, instants: Sequence[int], reach: Reach) -> FixesAround: ...

    async def proximity_before(self, tenant: str, time: datetime) -> tuple[datetime, bytes] | None: ...

    async def events(
        self,
        tenant: str | None,
        *,
        after_seq: int = 0,
        types: Sequence[str] = (),
        vehicle: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int,
        newest_first: bool = False,
    ) -> list[NumberedEvent]: ...


class ProximityWatch:
    """`looks_back`: tenants are judged from their first fix on, even if that comes in late; else from when they are first seen."""

    def __init__(self, store: ProximityStore, settings: ProximitySettings, roster: Roster, *, looks_back: bool = False) -> None:
        self._store = store
        self._settings = settings
        self._roster = roster
        self._horizon = round(settings.horizon_s / settings.slot_s)
        self._looks_back = looks_back
        self._lateness = Lateness(settings, roster)
        self._rules: dict[str, ProximityRules] = {}
        self._fences: dict[str, list[Fence]] = {}
        self._watched: dict[str, Watched | None] = {}
        self._courses: dict[str, Course] = {}
        self._seen: set[str] = set()
        self._forgotten: list[ProximityStates] = []
        #: Tenants judged again since the start.
        self.done = 0

    # what is known of the world

    def apply(self, scopes: Sequence[ProximityScope], fences: Sequence[Fence]) -> None:
        """These are all rules of tenants, and all fences, now. A tenant that is not watched any more is forgotten as it is."""
        self._rules = {scope.tenant: scope.rules for scope in scopes}
        self._fences = {}
        for fence in fences:
            if fence.tags:
                self._fences.setdefault(fence.tenant, []).append(fence)
        self._watched = {}
        for tenant in [tenant for tenant in self._courses if self._watched_of(tenant) is None]:
            del self._courses[tenant]
            self._forgotten.append(forgotten(tenant))

    def restore(self, states: Mapping[str, tuple[datetime, bytes]]) -> None:
        """Go on from the newest states. `apply` comes first."""
        for tenant, (_, state) in states.items():
            course = Course.of(tenant, self._settings.slot, state)
            if course is None or self._watched_of(tenant) is None:
                self._forgotten.append(forgotten(tenant))
            else:
                self._courses[tenant] = course

    @property
    def is_off(self) -> bool:
        """Whether nobody is watched."""
        return not self._rules and Limits.of(self._settings) is None

    # what comes in

    def heard(self, fixes: FixBatch) -> None:
        """The next commit carries these fixes."""
        if self.is_off or not len(fixes):
            return
        for tenant, slots in self._lateness.heard(fixes):
            if self._watched_of(tenant) is None:
                continue
            self._seen.add(tenant)
            course = self._courses.get(tenant)
            if course is None and self._looks_back:
                first = int(slots.min()) - 1
                course = self._courses[tenant] = Course(tenant, self._settings.slot, first, first - self._horizon)
            if course is not None:
                late = slots[(slots <= course.reached) & (slots > course.slot - self._horizon)]
                if len(late):
                    course.late(int(late.min()))

    # what is written

    @property
    def has_news(self) -> bool:
        """Whether a commit has something to carry."""
        return bool(self._forgotten) or any(course.has_news for course in self._courses.values())

    @property
    def due(self) -> int:
        """Tenants that have to be judged again, or are being so."""
        return sum(course.due is not None or course.again is not None for course in self._courses.values())

    def take(self) -> tuple[list[Event], list[ProximityStates]]:
        """What the next commit has to carry, once its fixes are heard."""
        events: list[Event] = []
        states, self._forgotten = self._forgotten, []
        gone = {one.tenant for one in states}
        for course in self._courses.values():
            if course.has_news and course.tenant not in gone:
                found, kept = course.take()
                events += found
                states.append(kept)
        return events, states

    def written(self) -> None:
        """The commit with what was taken last is in the store."""
        for course in self._courses.values():
            course.written()

    # judging

    async def turn(self, now: datetime) -> bool:
        """Judge some slots, up to `now` (event time); whether there is more to do at once, or after the next commit.

        Raises Unavailable; the same call later goes on."""
        is_more = False
        target = (to_micros(now) - round(self._settings.delay_s * 1e6)) // self._settings.slot
        for tenant in sorted(self._seen - self._courses.keys()):
            if self._watched_of(tenant) is not None:
                self._courses[tenant] = Course(tenant, self._settings.slot, target, target)
        for course in list(self._courses.values()):
            watched = self._watched_of(course.tenant)
            if watched is not None:
                is_more |= await self._live(course, watched, target, now)
                is_more |= await self._again(course, watched, now)
        return is_more

    async def _live(self, course: Course, watched: Watched, target: int, now: datetime) -> bool:
        if course.slot < target - self._horizon:
            course.skip_to(target - self._horizon)
        last = min(target, course.slot + _slots_at_once(course))
        if last <= course.slot:
            return False
        if course.is_full:
            return True
        course.reached = last
        async for slot, pairs, events in self._slots(course, watched, course.slot + 1, last, course.pairs, now):
            course.judged(slot, pairs, events)
        return last < target

    async def _again(self, course: Course, watched: Watched, now: datetime) -> bool:
        again = course.again or await self._begun_again(course)
        if again is None:
            return course.due is not None
        last = min(course.slot, again.slot + _slots_at_once(course))
        if last > again.slot:
            again.reached = last
            async for slot, pairs, events in self._slots(course, watched, again.slot + 1, last, again.pairs, now):
                course.judged_again(slot, pairs, events)
        if again.slot < course.slot or not course.is_settled:
            return True
        await self._correct(course, again, now)
        return course.due is not None

    async def _slots(
        self, course: Course, watched: Watched, first: int, last: int, pairs: Pairs, now: datetime
    ) -> AsyncIterator[tuple[int, Pairs, list[Event]]]:
        """Slot after slot, with what was found in each. Others have their turn in between; ends where the tenant is not watched in
        this course any more."""
        slot_us = self._settings.slot
        around = await self._store.fixes_around(
            course.tenant, [slot * slot_us for slot in range(first, last + 1)], self._settings.reach
        )
        course.places = len(around) // (last - first + 1)
        for slot in range(first, last + 1):
            if not self._is_current(course):
                return
            teller = Teller(course.tenant, slot_us, self._name_of, now)
            pairs = advance(pairs, around.at(slot * slot_us), slot, watched, self._settings, teller)
            yield slot, pairs, teller.events
            await asyncio.sleep(0)

    async def _begun_again(self, course: Course) -> Again | None:
        """From the state before what is due; None where that cannot be begun yet."""
        due = course.due
        if due is None or not course.is_settled:
            return None
        before = course.recent_before(due)
        if before is None:
            kept = await self._store.proximity_before(course.tenant, from_micros(due * self._settings.slot))
            before = None if kept is None else state_of(kept[1])
            if not self._is_current(course) or course.due != due:
                return None
        course.begin_again(Again.at(*(before or (due - 1, no_pairs()))))
        return course.again

    async def _correct(self, course: Course, again: Again, now: datetime) -> None:
        """Again has come to where live is, and everything that live has found is in the store."""
        slot_us = self._settings.slot
        published = await self._published(course.tenant, since(again.since, again.start, slot_us))
        found = corrections(published, again.found, again.since, again.start, slot_us, self._name_of, now)
        kept = await self._kept(course.tenant, found)
        if self._is_current(course):
            course.corrected(kept)
            self.done += 1

    async def _kept(self, tenant: str, events: Sequence[Event]) -> list[Event]:
        """Without corrections about vehicles that were deleted since: what was found about them stands."""
        corrected = {name for event in events if "of" in event.data for name in names_of(event)}
        gone = {name for name in corrected if not await self._is_there(tenant, name)}
        return [event for event in events if "of" not in event.data or gone.isdisjoint(names_of(event))]

    async def _is_there(self, tenant: str, vehicle: str) -> bool:
        try:
            await self._store.vehicles.get(tenant, vehicle)
        except NotFound:
            return False
        return True

    async def _published(self, tenant: str, start: datetime) -> list[Event]:
        events: list[Event] = []
        seq = 0
        while True:
            page = await self._store.events(tenant, after_seq=seq, types=TYPES, start=start, limit=_PAGE)
            events += [numbered.event for numbered in page]
            if len(page) < _PAGE:
                return events
            seq = page[-1].seq

    def _is_current(self, course: Course) -> bool:
        """Whether the tenant is still watched in this course: the world may have changed while something was read."""
        return self._courses.get(course.tenant) is course

    def _name_of(self, key: int) -> str:
        return self._roster.whose(int(self._roster.assign(np.array([key], np.int64))[0]))[1]

    def _watched_of(self, tenant: str) -> Watched | None:
        if tenant not in self._watched:
            limits = Limits.of(self._settings, self._rules.get(tenant, NO_PROXIMITY_RULES))
            excepted = Excepted.of(self._fences.get(tenant, ()), limits.except_tag if limits else "")
            self._watched[tenant] = Watched(limits=limits, excepted=excepted) if limits else None
        return self._watched[tenant]


def _slots_at_once(course: Course) -> int:
    """As many as make a read of a fair size; the first read, of nobody knows how many vehicles, is of one."""
    return 1 if course.places is None else max(1, min(_AT_ONCE, _PLACES_AT_ONCE // max(1, course.places)))
