"""The hub: the board, the predictions and the event feed of one API process, and the readers that are told of them.

`Hub` itself does no I/O but the store's reads for readers that are far behind. What keeps it current (bus, store, clock) are the
loops of `api.live.loops`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from api.live.board import Board
from api.live.columns import BadFrame, parse_etas, parse_positions
from api.live.delta import NOTHING, Seen, step
from api.live.eta_board import EtaBoard
from api.live.event_feed import EventFeed, ReadyEvent, make_ready
from api.live.frames import Bulletin, Frame, portions
from api.live.messages import FASTEST_HZ
from api.live.reader import Reader, Wish
from api.live.view import View
from api.live.worker_signs import WorkerSigns
from store.protocol import NumberedEvent, ReadStore

#: The hub looks for changes so often while there are any; readers are served at every n-th tick, so that those with one rate
#: are served together and share what is made for them.
TICK_S: Final = 1.0 / FASTEST_HZ
_REFEEDS_AT_ONCE: Final = 8
_TOPIC_LEVELS: Final = 4
#: Of made messages kept for other readers. Each tick begins anew, so this bounds only one tick's variety.
_SHARED_MOST: Final = 4_096

_log = logging.getLogger(__name__)


class TooManyReaders(Exception):
    """The configured number of connections is reached."""


@dataclass(slots=True, kw_only=True)
class HubCounts:
    """For the metrics; they only grow."""

    frames: int = 0
    bad_frames: int = 0
    positions: int = 0
    etas: int = 0
    events: int = 0
    refeeds: int = 0
    messages_sent: int = 0
    bytes_sent: int = 0
    refused_connections: int = 0


class _Shared:
    """A bulletin's messages, kept for the other readers of the same tick once the first needed them."""

    __slots__ = ("_bulletin", "_made")

    def __init__(self, bulletin: Bulletin) -> None:
        self._bulletin = bulletin
        self._made: dict[int, list[Frame]] | None = {}

    def __iter__(self) -> Iterator[Frame]:
        for portion in range(len(self._bulletin)):
            yield from self._portion(portion)

    def _portion(self, portion: int) -> list[Frame]:
        if self._made is None:
            return self._bulletin.write(portion)
        if portion not in self._made:
            self._made[portion] = self._bulletin.write(portion)
        return self._made[portion]

    def forget(self) -> None:
        """A newer tick has come. Who is still reading this one writes the rest for itself, so that a slow reader holds
        one message and not a fleet's."""
        self._made = None


class Hub:
    def __init__(self, store: ReadStore, *, max_readers: int = 10_000, event_window: int = 10_000) -> None:
        self._store = store
        self._max_readers = max_readers
        self._readers: set[Reader] = set()
        self._shared: dict[object, tuple[_Shared, Seen]] = {}
        self._shared_etas: dict[object, list[Frame]] = {}
        self._shared_of = (-1, -1)
        self._refeeding = asyncio.Semaphore(_REFEEDS_AT_ONCE)
        self._tick = 0
        self._changed_at_tick = 0
        self._served = (-1, -1)
        self.board = Board()
        self.etas = EtaBoard()
        self.feed = EventFeed(event_window)
        self.workers = WorkerSigns()
        self.counts = HubCounts()
        #: Set when something on the bus says that there are new events.
        self.events_waiting = asyncio.Event()
        #: Whether positions were loaded and nothing that came later was missed.
        self.is_current = False

    # -- readers

    @property
    def readers(self) -> Iterable[Reader]:
        return tuple(self._readers)

    @property
    def reader_count(self) -> int:
        return len(self._readers)

    def join(self, tenant: str | None, credential: str | None) -> Reader:
        """A new reader. Raises TooManyReaders."""
        if len(self._readers) >= self._max_readers:
            self.counts.refused_connections += 1
            raise TooManyReaders
        reader = Reader(self, tenant, credential)
        self._readers.add(reader)
        return reader

    def leave(self, reader: Reader) -> None:
        self._readers.discard(reader)

    # -- what comes in

    def take_frame(self, topic: str, payload: bytes, now_s: float) -> None:
        """A frame of the bus. One that is not understood is counted and left out."""
        levels = topic.split("/")
        if len(levels) != _TOPIC_LEVELS:
            return
        tenant, kind = levels[2], levels[3]
        self.counts.frames += 1
        try:
            if kind == "positions":
                self.counts.positions += self.board.apply(tenant, parse_positions(payload))
            elif kind == "etas":
                self._take_etas(tenant, payload)
            elif kind == "events":
                self.events_waiting.set()
            elif kind == "worker":
                self.workers.take(tenant, payload, now_s)
        except (BadFrame, ValueError) as error:
            self.counts.bad_frames += 1
            _log.warning("live frame on %s left out: %s", topic, error)

    def _take_etas(self, tenant: str, payload: bytes) -> None:
        etas = parse_etas(payload)
        self.counts.etas += self.etas.apply(tenant, etas)
        for eta in etas:  # who is predicted for a route is driving it
            self.board.assign(tenant, eta["vehicle"], eta["route"])

    def take_events(self, events: Sequence[NumberedEvent]) -> None:
        """The next events of the store, in order."""
        self.feed.extend(events)
        self.counts.events += len(events)
        for reader in self._readers:
            reader.events_due()

    def tick(self) -> None:
        """Serve the readers whose turn it is, if anything has changed since their last."""
        self._tick += 1
        newest = (self.board.settle(), self.etas.number)
        if newest != self._served:
            self._served = newest
            self._changed_at_tick = self._tick
        for reader in self._readers:
            every = max(1, round(FASTEST_HZ / reader.max_hz))
            if self._tick % every == 0 and self._changed_at_tick > self._tick - every:
                reader.positions_due()

    # -- what readers ask for

    def frames_for(self, wish: Wish, seen: Seen, seq: int) -> tuple[Iterable[Frame], Seen]:
        """The messages that bring a reader of this view up to date, and what it has seen then."""
        self._begin_sharing()
        key = (wish.view, wish.encoding, seen.version, seq)
        if key not in self._shared:
            delta, after = step(self.board, wish.view, seen)
            is_binary = wish.encoding == "binary"
            bulletin = Bulletin(board=self.board, delta=delta, seq=seq, is_snapshot=seen is NOTHING, is_binary=is_binary)
            self._shared[key] = (_Shared(bulletin), after)
        return self._shared[key]

    def etas_for(self, view: View, after: int, seq: int) -> Iterable[Frame]:
        """`eta` messages with the predictions in view that changed after that number."""
        self._begin_sharing()
        key = (view, after, seq)
        if key not in self._shared_etas:
            self._shared_etas[key] = list(self._write_etas(view, after, seq))
        return self._shared_etas[key]

    def _begin_sharing(self) -> None:
        """What was made before the newest change is of no use to anybody else."""
        newest = (self.board.settle(), self.etas.number)
        if newest != self._shared_of or len(self._shared) + len(self._shared_etas) >= _SHARED_MOST:
            for shared, _ in self._shared.values():
                shared.forget()
            self._shared_of, self._shared, self._shared_etas = newest, {}, {}

    def _write_etas(self, view: View, after: int, seq: int) -> Iterator[Frame]:
        wanted = [
            eta.text
            for eta in self.etas.after(after)
            if view.tenant in (None, eta.tenant) and view.wants_vehicle(self.board, eta.tenant, eta.vehicle)
        ]
        if wanted:
            for portion in portions(reversed(wanted)):
                yield (b'{"type":"eta","seq":%d,"etas":[%b]}' % (seq, b",".join(portion))).decode()

    async def events_after(self, seq: int, tenant: str | None, limit: int) -> tuple[Sequence[ReadyEvent], int]:
        """The next events after `seq`, and the number up to which the tenant has no further ones.

        From the window where it reaches back so far, else from the store.
        """
        if self.feed.reaches_back_to(seq):
            return self.feed.after(seq, limit), seq
        async with self._refeeding:
            self.counts.refeeds += 1
            upto = self.feed.last_seq
            page = await self._store.events(tenant, after_seq=seq, limit=limit)
        # the store may be ahead of the feed by now; both go on from the same number, so nothing comes twice
        return [make_ready(event) for event in page], upto if len(page) < limit else seq

    async def no_later_than_known(self, since: int) -> int:
        """`since`, unless the store never had so many: then a reader would wait for ever."""
        return since if since <= self.feed.last_seq else min(since, await self._store.last_seq())
