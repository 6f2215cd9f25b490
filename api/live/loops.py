"""The loops that keep the hub current. Each runs for ever as a named task; what one raises ends the service.

A database or a bus that is away is no such fault: the loop says so once, waits, and tries again, and `/readyz` tells it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from api.access.keys import find_digest
from api.live.bus import LiveBus
from api.live.hub import TICK_S, Hub
from store.protocol import Change, NotFound, Store, Unavailable

_EVENTS_PAGE: Final = 1_000
#: Positions taken in at once before others get their turn.
_POSITIONS_AT_ONCE: Final = 5_000
_BUS_LOOK_S: Final = 0.5
_RETRY_S: Final = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopTimes:
    #: Events are looked for so often also where nothing says that there are any.
    events_poll_s: float = 1.0
    #: Positions, names and routes are compared with the store so often.
    refresh_s: float = 60.0
    #: Keys of open connections are looked at again so often.
    access_recheck_s: float = 30.0


class Loops:
    def __init__(self, hub: Hub, store: Store, bus: LiveBus, times: LoopTimes) -> None:
        self._hub = hub
        self._store = store
        self._bus = bus
        self._times = times

    def all(self) -> dict[str, Coroutine[Any, Any, None]]:
        """The loops by the names of their tasks."""
        return {
            "live-bus": self.take_frames(),
            "live-positions": self.refresh_positions(),
            "live-events": self.take_events(),
            "live-changes": self.take_changes(),
            "live-ticks": self.tick(),
            "live-access": self.recheck_access(),
        }

    async def take_frames(self) -> None:
        """Hand what the bus brings to the hub. A long run of frames lets others have their turn."""
        taken = 0
        async for topic, payload in self._bus.frames():
            self._hub.take_frame(topic, payload, time.monotonic())
            taken += 1
            if taken % 16 == 0:
                await asyncio.sleep(0)
        raise BusEnded

    async def tick(self) -> None:
        """At a fixed pace, without catching up on ticks that a busy moment swallowed."""
        while True:
            await asyncio.sleep(TICK_S)
            self._hub.tick()

    async def refresh_positions(self) -> None:
        """Load positions at the start, after each interruption of the bus, and at intervals."""
        seen_connections = -1
        loaded_at_s = float("-inf")
        while True:
            is_due = time.monotonic() - loaded_at_s >= self._times.refresh_s
            missed = self._bus.is_connected and self._bus.connections != seen_connections
            if missed or is_due:
                connections = self._bus.connections if self._bus.is_connected else seen_connections
                self._hub.is_current = self._hub.is_current and not missed
                await self._patiently("positions", self._load_positions)
                seen_connections, loaded_at_s = connections, time.monotonic()
                self._hub.events_waiting.set()
            self._hub.is_current = self._bus.is_connected and self._bus.connections == seen_connections
            await asyncio.sleep(_BUS_LOOK_S)

    async def _load_positions(self) -> None:
        board = self._hub.board
        version = board.settle()
        positions = await self._store.positions(None)
        for start in range(0, len(positions), _POSITIONS_AT_ONCE):
            board.load(positions[start : start + _POSITIONS_AT_ONCE])
            await asyncio.sleep(0)
        board.keep_only(positions, known_before=version)

    async def take_events(self) -> None:
        """Read new events from the store, woken by the bus and by a slow poll."""
        await self._patiently("events", self._begin_events)
        while True:
            self._hub.events_waiting.clear()
            await self._patiently("events", self._read_events)
            try:
                async with asyncio.timeout(self._times.events_poll_s):
                    await self._hub.events_waiting.wait()
            except TimeoutError:
                continue  # the slow poll: a wake-up may have been lost

    async def _begin_events(self) -> None:
        self._hub.feed.begin(await self._store.last_seq())

    async def _read_events(self) -> None:
        while page := await self._store.events(None, after_seq=self._hub.feed.last_seq, limit=_EVENTS_PAGE):
            self._hub.take_events(page)

    async def take_changes(self) -> None:
        """Follow what the API of any process changes: names of vehicles, and vehicles that are deleted."""
        async for change in self._store.changes():
            # mypy does not infer lambdas with defaults.
            await self._patiently("changes", lambda change=change: self._take_change(change))  # type: ignore[misc]
        raise StoreClosed

    async def _take_change(self, change: Change) -> None:
        if change.kind != "vehicle" or change.tenant is None or change.id is None:
            return
        try:
            vehicle = await self._store.vehicles.get(change.tenant, change.id)
        except NotFound:
            self._hub.board.remove(change.tenant, change.id)
        else:
            self._hub.board.rename(change.tenant, change.id, vehicle.name)

    async def recheck_access(self) -> None:
        """Dismiss readers whose key was revoked, or whose session is over with it."""
        while True:
            await asyncio.sleep(self._times.access_recheck_s)
            await self._patiently("access", self._recheck_access)

    async def _recheck_access(self) -> None:
        credentials = {reader.credential for reader in self._hub.readers if reader.credential is not None}
        for credential in credentials:
            if await find_digest(self._store, credential) is None:
                for reader in self._hub.readers:
                    if reader.credential == credential:
                        reader.dismiss("the key was revoked")

    async def _patiently(self, what: str, attempt: Callable[[], Awaitable[None]]) -> None:
        """Until it succeeds: an unreachable database is waited for."""
        failures = 0
        while True:
            try:
                await attempt()
            except Unavailable as error:
                failures += 1
                if failures == 1:
                    _log.warning("live %s: the store is away (%s); trying again until it is back", what, error)
                await asyncio.sleep(_RETRY_S)
            else:
                if failures:
                    _log.info("live %s: the store is back", what)
                return


class BusEnded(Exception):
    """The bus closed while the service was running."""


class StoreClosed(Exception):
    """The store closed while the service was running."""
