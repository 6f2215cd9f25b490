"""Which tracker's clock it is: the screen knows vehicles by key, the store and the operator know trackers by name.

A correction belongs to the tracker. When it is mounted on another vehicle, it goes along.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from fleet.clock import MICROS_PER_S, from_micros, parse_rfc3339, to_micros
from fleet.fix import NO_VEHICLE, FixBatch
from fleet.screening import Flag
from fleet.tracker_clock import TrackerClock
from ingest.registry import Registry
from ingest.screening.clocks import ClockChange, Clocks, Correction

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Entry:
    vehicle: int
    clock: TrackerClock


class ClockBook:
    """Trackers whose clocks are, or were, off."""

    def __init__(self, registry: Registry, clocks: Clocks) -> None:
        self._registry = registry
        self._clocks = clocks
        self._entries: dict[tuple[str, str], _Entry] = {}

    def know(self, records: Iterable[TrackerClock]) -> None:
        """The world has changed: trackers may be mounted elsewhere, and another worker may have found something newer."""
        self._rebind()
        for record in records:
            name = (record.tenant, record.tracker)
            entry = self._entries.get(name)
            vehicle = self._registry.key_of(*name)
            if vehicle != NO_VEHICLE and (entry is None or entry.clock.found_at < record.found_at):
                self._entries[name] = _Entry(vehicle, record)
                self._clocks.adopt(vehicle, _correction(record), {})

    def vehicles(self) -> list[tuple[int, TrackerClock]]:
        """Each clock, with the vehicle that its tracker is on."""
        return [(entry.vehicle, entry.clock) for entry in self._entries.values()]

    def remember(self, vehicle: int, clock: TrackerClock, fixes: FixBatch) -> None:
        """What was corrected of a vehicle's stored fixes: such a message, come a second time, is put right as it was."""
        corrected: dict[int, int] = {}
        for row in np.flatnonzero(fixes.flags & np.uint16(Flag.CLOCK_CORRECTED)).tolist():
            said = orjson.loads(fixes.extras[row] or b"{}").get("device_time")
            if isinstance(said, str):
                own = to_micros(parse_rfc3339(said))
                corrected[own] = own - int(fixes.time[row])
        self._clocks.adopt(vehicle, _correction(clock), corrected)

    def note(self, changes: Sequence[ClockChange], trackers: dict[int, tuple[str, str]]) -> list[TrackerClock]:
        """What the screen found, as records to be stored; `trackers` names the tracker of each vehicle."""
        found = []
        for change in changes:
            tenant, tracker = trackers[change.vehicle]
            record = _record(tenant, tracker, change.correction)
            self._entries[tenant, tracker] = _Entry(change.vehicle, record)
            found.append(record)
            what = "is right again" if record.until else f"is off by {record.offset_s} s, and corrected from now on"
            log.warning("the clock of tracker %r of %r %s", tracker, tenant, what)
        return found

    def _rebind(self) -> None:
        moves: dict[int, int] = {}
        for name, entry in list(self._entries.items()):
            vehicle = self._registry.key_of(*name)
            if vehicle == NO_VEHICLE:
                del self._entries[name]
                continue
            moves[entry.vehicle] = vehicle
            entry.vehicle = vehicle
        if any(before != now for before, now in moves.items()) or self._clocks.count != len(moves):
            self._clocks.move(moves)


def _correction(record: TrackerClock) -> Correction:
    return Correction(
        offset=record.offset_s * MICROS_PER_S,
        since=to_micros(record.since),
        until=None if record.until is None else to_micros(record.until),
        found=to_micros(record.found_at),
    )


def _record(tenant: str, tracker: str, correction: Correction) -> TrackerClock:
    return TrackerClock(
        tenant=tenant,
        tracker=tracker,
        offset_s=correction.offset // MICROS_PER_S,
        since=from_micros(correction.since),
        until=None if correction.until is None else from_micros(correction.until),
        found_at=from_micros(correction.found),
    )
