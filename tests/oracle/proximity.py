"""Which vehicles of one tenant were together: told pair by pair and slot by slot, from the sorted lists of their fixes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations

from fleet.clock import from_micros, to_micros
from fleet.fence import Circle
from fleet.fix import Fix
from fleet.geodesy import distance_m
from geofence.proximity.settings import Limits, ProximitySettings


@dataclass(frozen=True, kw_only=True)
class Together:
    """One episode. `until` None: it has not ended."""

    vehicle: str
    other: str
    since: datetime
    until: datetime | None = None
    reason: str = ""


@dataclass(kw_only=True)
class _Pair:
    since: int
    last: int
    known: int
    away: int | None = None
    is_together: bool = False


#: A place, degrees.
_Place = tuple[float, float]


class Oracle:
    def __init__(self, settings: ProximitySettings, limits: Limits, excepted: Sequence[Circle] = ()) -> None:
        self._settings = settings
        self._limits = limits
        self._excepted = excepted

    def episodes(self, fleet: Mapping[str, Sequence[Fix]], first: int, last: int) -> list[Together]:
        """By vehicles and beginning; of the slots from the first to the last, both included."""
        trails = {vehicle: self._sorted(fixes) for vehicle, fixes in fleet.items()}
        pairs: dict[tuple[str, str], _Pair] = {}
        found: list[Together] = []
        for slot in range(first, last + 1):
            instant = from_micros(slot * self._settings.slot)
            places = {vehicle: self._place(trail, instant) for vehicle, trail in trails.items()}
            known = {vehicle: place for vehicle, place in places.items() if place is not None}
            crowd = {vehicle for vehicle in known if self._is_crowded(vehicle, known)}
            for one, two in combinations(sorted(fleet), 2):
                self._look(pairs, found, slot, (one, two), known, crowd)
        found += [
            Together(vehicle=one, other=two, since=self._instant(pair.since))
            for (one, two), pair in pairs.items()
            if pair.is_together
        ]
        return sorted(found, key=lambda episode: (episode.vehicle, episode.other, episode.since))

    def _sorted(self, fixes: Sequence[Fix]) -> list[Fix]:
        usable = [fix for fix in fixes if fix.accuracy_m is None or fix.accuracy_m <= self._settings.max_accuracy_m]
        return sorted({fix.time: fix for fix in reversed(usable)}.values(), key=lambda fix: fix.time)

    def _place(self, trail: Sequence[Fix], instant: datetime) -> _Place | None:
        before = max((fix for fix in trail if fix.time <= instant), key=lambda fix: fix.time, default=None)
        after = min((fix for fix in trail if fix.time > instant), key=lambda fix: fix.time, default=None)
        if before is None:
            return None
        if before.time == instant:
            return before.lat, before.lon
        if after is not None and (after.time - before.time).total_seconds() <= self._settings.max_gap_s:
            return self._between(before, after, instant)
        has_stood = before.speed_mps is not None and before.speed_mps <= self._settings.hold_speed_mps
        is_recent = instant - before.time <= timedelta(seconds=self._settings.hold_s)
        return (before.lat, before.lon) if has_stood and is_recent else None

    def _between(self, before: Fix, after: Fix, instant: datetime) -> _Place | None:
        gap_s = (after.time - before.time).total_seconds()
        if distance_m(before.lat, before.lon, after.lat, after.lon) > self._settings.fastest_mps * gap_s:
            return None
        share = (instant - before.time).total_seconds() / gap_s
        east = (after.lon - before.lon + 180) % 360 - 180
        return before.lat + share * (after.lat - before.lat), before.lon + share * east

    def _is_crowded(self, vehicle: str, known: Mapping[str, _Place]) -> bool:
        near = [other for other in known if other != vehicle and _metres(known[vehicle], known[other]) <= self._limits.near_m]
        return len(near) > self._settings.most_near

    def _is_excepted(self, one: _Place, two: _Place) -> bool:
        return any(
            distance_m(*one, circle.lat, circle.lon) <= circle.radius_m
            and distance_m(*two, circle.lat, circle.lon) <= circle.radius_m
            for circle in self._excepted
        )

    def _look(
        self,
        pairs: dict[tuple[str, str], _Pair],
        found: list[Together],
        slot: int,
        names: tuple[str, str],
        known: Mapping[str, _Place],
        crowd: set[str],
    ) -> None:
        """One pair in one slot."""
        one, two = names
        pair, limits = pairs.get(names), self._limits
        if one in known and two in known:
            metres = _metres(known[one], known[two])
            is_excepted = one in crowd or two in crowd or self._is_excepted(known[one], known[two])
            is_near = metres <= limits.near_m and not is_excepted
            is_away = metres > limits.far_m or is_excepted
            if pair is None and is_near:
                pair = pairs[names] = _Pair(since=slot, last=slot, known=slot)
            if pair is None:
                return
            pair.known = slot
            pair.last = slot if is_near else pair.last
            pair.away = (slot if pair.away is None else pair.away) if is_away else None
            if is_near and slot - pair.since >= limits.near:
                pair.is_together = True
        if pair is None:
            return
        if not pair.is_together:
            if pair.away is not None or slot - pair.last >= limits.far:
                del pairs[names]
            return
        is_gone = pair.away is not None and slot - pair.away >= limits.far
        if is_gone or slot - pair.known >= limits.silence:
            reason = "apart" if is_gone else "silence"
            until = self._instant(pair.last)
            found.append(Together(vehicle=one, other=two, since=self._instant(pair.since), until=until, reason=reason))
            del pairs[names]

    def _instant(self, slot: int) -> datetime:
        return from_micros(slot * self._settings.slot)


def slots_of(fleet: Mapping[str, Sequence[Fix]], settings: ProximitySettings) -> tuple[int, int]:
    """The slots of the first and the last fix."""
    times = [to_micros(fix.time) for fixes in fleet.values() for fix in fixes]
    return min(times) // settings.slot, max(times) // settings.slot


def _metres(one: _Place, two: _Place) -> float:
    return distance_m(*one, *two)
