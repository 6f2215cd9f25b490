"""Findings of proximity in the words of the contract.

An event is of two vehicles; it is told once, of the one whose id comes first (bytewise), and names the `other`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import numpy as np

from fleet.event import Event
from fleet.fix import Int64s
from geofence.findings import Findings, instant_text
from geofence.proximity.pairs import Pairs, Step
from geofence.proximity.places import Places
from geofence.proximity.settings import Limits

PROXIMITY: Final = "vehicle.proximity"
PROXIMITY_ENDED: Final = "vehicle.proximity_ended"

#: Some metres: less, and every late fix would move the place where they met.
_PLACE_DIGITS: Final = 4

Names = Callable[[int], str]


class Teller:
    """Makes events of a tenant's steps. `slot_us` is the time from slot to slot, `name_of` gives the id of a vehicle's key."""

    def __init__(self, tenant: str, slot_us: int, name_of: Names, now: datetime) -> None:
        self._tenant = tenant
        self._slot_us = slot_us
        self._name_of = name_of
        self._findings = Findings(now)

    @property
    def events(self) -> list[Event]:
        return self._findings.events

    def tell(self, step: Step, places: Places, slot: int, limits: Limits) -> None:
        """What one slot has brought: in the order of the vehicles' ids."""
        for row in self._by_name(step.met):
            self._met(step.met[row], float(step.met_m[row]), places, slot, limits)
        for row in self._by_name(step.parted):
            is_silent = bool(step.went_silent[row])
            self._parted(step.parted[row], float(step.parted_m[row]), places, slot, limits, is_silent=is_silent)

    def _by_name(self, pairs: Pairs) -> list[int]:
        return sorted(range(len(pairs)), key=lambda row: self._names(pairs[row]))

    def _names(self, pair: Any) -> tuple[str, str]:
        one, two = sorted((self._name_of(int(pair["first"])), self._name_of(int(pair["second"]))))
        return one, two

    def _met(self, pair: Any, distance: float, places: Places, slot: int, limits: Limits) -> None:
        data = {
            "near_m": limits.near_m,
            "lat": round(float(pair["lat"]), _PLACE_DIGITS),
            "lon": round(float(pair["lon"]), _PLACE_DIGITS),
            "proved_at": self._text(slot),
            "evidence": self._evidence(pair, distance, places),
        }
        self._say(PROXIMITY, pair, int(pair["since"]), data)

    def _parted(self, pair: Any, distance: float, places: Places, slot: int, limits: Limits, *, is_silent: bool) -> None:
        data = {
            "near_m": limits.near_m,
            "began_at": self._text(int(pair["since"])),
            "duration_s": int(pair["last"] - pair["since"]) * self._slot_us / 1_000_000,
            "reason": "silence" if is_silent else "apart",
            "end_uncertain": is_silent,
            "proved_at": self._text(slot),
            "evidence": self._evidence(pair, distance, places),
        }
        self._say(PROXIMITY_ENDED, pair, int(pair["last"]), data)

    def _say(self, kind: str, pair: Any, slot: int, data: dict[str, Any]) -> None:
        vehicle, other = self._names(pair)
        self._findings.about(self._tenant, vehicle)
        self._findings.event(kind, slot * self._slot_us, {"other": other, **data}, other)

    def _evidence(self, pair: Any, distance: float, places: Places) -> dict[str, Any]:
        """How far apart they are in the slot that proves it, how close they came, and the fixes that say where they are."""
        keys: Int64s = np.array([pair["first"], pair["second"]], np.int64)
        known = [(self._name_of(int(key)), row) for key, row in zip(keys, places.find(keys).tolist(), strict=True) if row >= 0]
        return {
            "distance_m": None if np.isnan(distance) else round(distance, 1),
            "closest_m": round(float(pair["closest_m"]), 1),
            "closest_at": self._text(int(pair["closest"])),
            "fixes": {
                name: [instant_text(time) for time in sorted({int(places.before[row]), int(places.after[row])})]
                for name, row in sorted(known)
            },
        }

    def _text(self, slot: int) -> str:
        return instant_text(slot * self._slot_us)
