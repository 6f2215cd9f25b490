"""How far a tenant has been judged, and from where it has to be judged again. No I/O.

1. *Live*: slot after slot, as time goes on; what is found waits for the next commit.
2. *Again*: a fix that came after its slot was judged makes the tenant due from there. Its pairs are taken as they were before that
   slot, and judged again up to where live is; then only the difference is published, and live goes on from the corrected pairs.
   Live does not wait for it meanwhile.
3. States are kept at *anchors*, whole multiples of `ANCHOR_SLOTS`, and at the newest slot, where a restart goes on. The last few
   are kept in memory as well: most fixes are late by little.

What makes a tenant due is in the record that is written with the very fix, so no restart forgets it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec
import numpy as np

from fleet.clock import from_micros
from fleet.event import Event
from geofence.proximity.pairs import PAIR, Pairs, no_pairs
from store.records import ProximityStates

#: Slots between two anchors: a quarter of an hour.
ANCHOR_SLOTS: Final = 30
#: States in memory.
_RECENT: Final = 64
#: Live waits once so many slots are judged and not written yet.
_MOST_WAITING: Final = 32
#: Of the record below. One of another version is not read: its tenant starts anew.
_VERSION: Final = 1
_ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Record(msgspec.Struct, array_like=True):
    """A state as it is kept. `due` None: nothing has to be judged again."""

    version: int
    slot: int
    floor: int
    due: int | None
    pairs: bytes


@dataclass(slots=True, kw_only=True)
class Again:
    """Judging again: from the pairs after `start`; `slot` is done, `reached` being read."""

    start: int
    slot: int
    reached: int
    pairs: Pairs
    since: Pairs
    found: list[Event] = field(default_factory=list)
    anchors: list[tuple[int, Pairs]] = field(default_factory=list)
    recent: deque[tuple[int, Pairs]] = field(default_factory=lambda: deque(maxlen=_RECENT))

    @classmethod
    def at(cls, slot: int, pairs: Pairs) -> Again:
        return cls(start=slot, slot=slot, reached=slot, pairs=pairs, since=pairs)


class Course:
    """One tenant's. `slot` is judged, `floor` the last one that never will be; `slot_us` is the time from slot to slot."""

    def __init__(self, tenant: str, slot_us: int, slot: int, floor: int) -> None:
        self.tenant = tenant
        self.slot = self.reached = slot
        self.floor = floor
        self.pairs = no_pairs()
        #: How many places a slot had when it was read last; None: none was read yet.
        self.places: int | None = None
        self.due: int | None = None
        self.again: Again | None = None
        self._slot_us = slot_us
        self._recent: deque[tuple[int, Pairs]] = deque([(slot, self.pairs)], maxlen=_RECENT)
        #: What the next commit carries; whether one is under way; and the slot behind which kept states give way.
        self._events: list[Event] = []
        self._states: list[tuple[int, Pairs]] = []
        self._is_dirty = True
        self._is_in_flight = False
        self._kept = _anchor(slot)

    @classmethod
    def of(cls, tenant: str, slot_us: int, state: bytes) -> Course | None:
        """As it was kept; None where another version has written it."""
        version, *_ = msgspec.msgpack.decode(state)
        if version != _VERSION:
            return None
        record = msgspec.msgpack.decode(state, type=Record)
        course = cls(tenant, slot_us, record.slot, record.floor)
        course.due, course.pairs = record.due, pairs_of(record)
        course._recent = deque([(record.slot, course.pairs)], maxlen=_RECENT)
        course._is_dirty = False
        return course

    # what comes in late

    def late(self, slot: int) -> None:
        """A fix came in that changes places from this slot on."""
        if slot > self.reached or (self.again is not None and self.again.reached < slot):
            return
        slot = max(slot, self.floor + 1)
        if self.due is None or slot < self.due:
            self.due = slot
            self._is_dirty = True

    # live

    @property
    def is_full(self) -> bool:
        """Whether live has to wait for a commit."""
        return len(self._states) >= _MOST_WAITING

    def skip_to(self, slot: int) -> None:
        """What lies before is too long ago to be judged (nothing was taken in for days, or one fix is from long ago)."""
        self.slot = self.reached = self.floor = slot
        self.again = None
        self._recent.append((slot, self.pairs))
        self._is_dirty = True

    def judged(self, slot: int, pairs: Pairs, events: Sequence[Event]) -> None:
        """Live has come to this slot."""
        self.slot, self.pairs = slot, pairs
        self._recent.append((slot, pairs))
        self._states.append((slot, pairs))
        self._events += events
        self._is_dirty = True

    # again

    @property
    def is_settled(self) -> bool:
        """Whether everything that was found is in the store."""
        return not self._events and not self._states and not self._is_in_flight

    def recent_before(self, slot: int) -> tuple[int, Pairs] | None:
        """The newest state in memory that is earlier."""
        return max((one for one in self._recent if one[0] < slot), key=lambda one: one[0], default=None)

    def begin_again(self, again: Again) -> None:
        """What is due is being judged again. Until that is done the record says that it is due."""
        self.due, self.again = None, again

    def judged_again(self, slot: int, pairs: Pairs, events: Sequence[Event]) -> None:
        if self.again is None:
            raise RuntimeError("nothing is being judged again")
        self.again.slot, self.again.pairs = slot, pairs
        self.again.found += events
        self.again.recent.append((slot, pairs))
        if slot % ANCHOR_SLOTS == 0:
            self.again.anchors.append((slot, pairs))

    def corrected(self, events: Sequence[Event]) -> None:
        """Live and again have met; `events` is the difference."""
        again, self.again = self.again, None
        if again is None:
            raise RuntimeError("nothing is being judged again")
        self.pairs = again.pairs
        kept = [one for one in self._recent if one[0] <= again.start] or [(again.start, again.since)]
        self._recent = deque([*kept, *again.recent], maxlen=_RECENT)
        self._states, self._events = again.anchors, list(events)
        self._kept = min(self._kept, again.start)
        self._is_dirty = True

    # what is written

    @property
    def has_news(self) -> bool:
        return self._is_dirty and not self._is_in_flight

    def take(self) -> tuple[list[Event], ProximityStates]:
        """What the next commit has to carry. `written` tells that it has."""
        events, self._events = self._events, []
        waiting, self._states = self._states, []
        anchors = [(slot, pairs) for slot, pairs in waiting if slot % ANCHOR_SLOTS == 0 and slot != self.slot]
        states = [(self._instant(slot), self._record(slot, pairs, None)) for slot, pairs in anchors]
        states.append((self._instant(self.slot), self._record(self.slot, self.pairs, self._due())))
        since = from_micros(self._kept * self._slot_us + 1)
        self._kept = _anchor(self.slot)
        self._is_dirty, self._is_in_flight = False, True
        return events, ProximityStates(tenant=self.tenant, since=since, states=states)

    def written(self) -> None:
        self._is_in_flight = False

    def _due(self) -> int | None:
        """From where a restart would have to judge again."""
        if self.again is None:
            return self.due
        return self.again.start + 1 if self.due is None else min(self.due, self.again.start + 1)

    def _record(self, slot: int, pairs: Pairs, due: int | None) -> bytes:
        return msgspec.msgpack.encode(Record(_VERSION, slot, self.floor, due, pairs.tobytes()))

    def _instant(self, slot: int) -> datetime:
        return from_micros(slot * self._slot_us)


def forgotten(tenant: str) -> ProximityStates:
    """Nothing is kept of a tenant any more."""
    return ProximityStates(tenant=tenant, since=_ALWAYS, states=[])


def pairs_of(record: Record) -> Pairs:
    return np.frombuffer(record.pairs, PAIR).copy()


def state_of(state: bytes) -> tuple[int, Pairs] | None:
    """Slot and pairs of a kept state; None where another version has written it."""
    version, *_ = msgspec.msgpack.decode(state)
    if version != _VERSION:
        return None
    record = msgspec.msgpack.decode(state, type=Record)
    return record.slot, pairs_of(record)


def _anchor(slot: int) -> int:
    """The last anchor up to a slot."""
    return slot // ANCHOR_SLOTS * ANCHOR_SLOTS
