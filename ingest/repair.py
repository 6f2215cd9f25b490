"""The I/O of late-data repair: loads what a vehicle that is due has to be folded again from, and gives what has to be written.

One repair a vehicle, however many of its fixes were late; several are loaded at a time. The pipeline itself decides whether a
repair still holds: where more has come in meanwhile, the vehicle stays due and its turn comes again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from fleet.clock import from_micros
from fleet.event import Event
from fleet.fix import FixBatch
from fleet.outcome import Outcome
from fleet.visit import Visit
from ingest.pipeline import Pipeline, earliest
from ingest.pipeline_diff import Published
from ingest.pipeline_intake import Late
from store.records import Anchor, Commit, NumberedEvent

#: Vehicles whose data is loaded at once, and whose findings go into one commit.
_AT_ONCE: Final = 16
_PAGE: Final = 1_000
#: What was published is loaded from so long before the anchor: corrections of a finding may lie a little beside it, and arrivals
#: may be dated back.
_MARGIN: Final = timedelta(hours=1)
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_END: Final = datetime(9999, 1, 1, tzinfo=UTC)


class RepairStore(Protocol):
    """What repair asks of the store (`store.protocol.Store`)."""

    async def anchor_before(self, key: int, time: datetime) -> tuple[datetime, bytes] | None: ...

    async def fixes_of(self, key: int, start: datetime, end: datetime) -> FixBatch: ...

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

    async def visits(
        self,
        tenant: str | None,
        *,
        vehicle: str | None = None,
        fence: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int,
        after: str | None = None,
    ) -> list[Visit]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """All that one vehicle is folded again from."""

    late: Late
    anchor: Anchor | None
    fixes: FixBatch
    published: Published


class Repairs:
    """`async for commit in repairs.run(committed_step, now)`: write each, and the vehicles in it are in order again."""

    def __init__(self, store: RepairStore, pipeline: Pipeline) -> None:
        self._store = store
        self._pipeline = pipeline
        #: Vehicles folded again since the start.
        self.done = 0

    def due(self, committed_step: int) -> list[Late]:
        """Vehicles all of whose fixes up to now are in the store, once the steps up to this one are committed."""
        return [late for late in self._pipeline.late if late.step <= committed_step]

    async def run(self, committed_step: int, now: datetime) -> AsyncIterator[Commit]:
        """Fold what is due again. A commit that is not written must end the pipeline: it has gone on already.

        Raises Unavailable; what was not folded yet stays due.
        """
        due = self.due(committed_step)
        for start in range(0, len(due), _AT_ONCE):
            loaded = await asyncio.gather(*(self._load(late) for late in due[start : start + _AT_ONCE]))
            # Written also where nothing was found: anchors that know nothing of the late fixes must go.
            yield self._commit(loaded, now)

    def _commit(self, loaded: Sequence[Loaded], now: datetime) -> Commit:
        outcome = Outcome()
        for one in loaded:
            outcome.extend(self._pipeline.repair(one.late, one.anchor, one.fixes, one.published, now))
            self.done += 1
        stale = {one.late.key: from_micros(one.late.since) for one in loaded}
        # Anchors of other vehicles may rest on fixes that are not committed yet: those are the worker's to write.
        return Commit(fixes=FixBatch.empty(), outcome=outcome, anchors=self._pipeline.anchors(stale.keys()), stale_anchors=stale)

    async def _load(self, late: Late) -> Loaded:
        found = await self._store.anchor_before(late.key, from_micros(late.since))
        anchor = None if found is None else Anchor(key=late.key, time=found[0], state=found[1])
        after = _BEGINNING if anchor is None else anchor.time + timedelta(microseconds=1)
        since = max(_BEGINNING, earliest(anchor) - _MARGIN) if anchor is not None else _BEGINNING
        fixes, published = await asyncio.gather(self._store.fixes_of(late.key, after, _END), self._published(late.key, since))
        return Loaded(late=late, anchor=anchor, fixes=fixes, published=published)

    async def _published(self, key: int, since: datetime) -> Published:
        whose = self._pipeline.whose(key)
        if whose is None:
            return Published()
        events, visits = await asyncio.gather(self._events(*whose, since), self._visits(*whose, since))
        return Published(events=events, visits=visits)

    async def _events(self, tenant: str, vehicle: str, since: datetime) -> list[Event]:
        events: list[Event] = []
        seq = 0
        while True:
            page = await self._store.events(tenant, after_seq=seq, vehicle=vehicle, start=since, limit=_PAGE)
            events += [numbered.event for numbered in page]
            if len(page) < _PAGE:
                return events
            seq = page[-1].seq

    async def _visits(self, tenant: str, vehicle: str, since: datetime) -> list[Visit]:
        visits: list[Visit] = []
        after = None
        while True:
            page = await self._store.visits(tenant, vehicle=vehicle, start=since, limit=_PAGE, after=after)
            visits += page
            if len(page) < _PAGE:
                return visits
            after = page[-1].id
