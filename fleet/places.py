"""Where a place really is: learned from where vehicles stood when they served it, or tried to.

A place is what stops of several routes and days have in common (`Stop.place`). Its position is derived from the events that stand,
never kept beside them: when late fixes revise an event, or retract it, the next look at the place finds what is true now.

One stand proves little (a van parks where there is room), so a position is learned from `MIN_VISITS` visits of different routes or
more, as the median of each coordinate, and only where most stands lie close together: a median is not moved by a third of bad ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any, Final

from fleet.event import Event
from fleet.geodesy import distance_m

#: The types that say where a vehicle stood at a place, before words for corrections.
KINDS: Final = ("stop.completed", "stop.place_suggested")
MIN_VISITS: Final = 3
#: Half of the stands lie within this of the median, or nothing is learned: a kerb's length and the noise of two fixes.
MAX_SPREAD_M: Final = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """One visit: where the vehicle stood, and how far that was from the stop's pin."""

    tenant: str
    place: str
    visit: tuple[str, str]
    at: datetime
    lat: float
    lon: float
    stood_s: float
    pin_m: float
    #: Whether the stop was reached; else the stand was beside its circle.
    is_arrival: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPlace:
    """What is known of a place. `lat` and `lon` are None while nothing can be learned; `spread_m` is the median distance of the
    stands from their median."""

    tenant: str
    id: str
    visits: int
    reached: int
    lat: float | None
    lon: float | None
    spread_m: float
    pin_m: float
    first_at: datetime
    last_at: datetime
    #: Of each visit, how far it stood from their median; nearest first.
    apart_m: tuple[float, ...] = ()

    @property
    def is_learned(self) -> bool:
        return self.lat is not None

    def agrees(self, visits: int, within_m: float) -> bool:
        """Whether so many visits, and half of all, lie within this of their median. Never less than a suggestion needs."""
        near = sum(distance <= within_m for distance in self.apart_m)
        return self.is_learned and near >= visits and 2 * near >= self.visits


def standing_stands(events: Iterable[Event]) -> list[Stand]:
    """The stands of the events that are not revised or retracted; `events` in the order in which they were published."""
    stands: dict[str, Stand | None] = {}
    for event in events:
        corrected = event.data.get("of")
        if corrected is not None:
            stands[corrected] = None
        if not event.type.endswith(".retracted") and event.id not in stands:
            stands[event.id] = _stand(event)
    return [stand for stand in stands.values() if stand is not None]


def _stand(event: Event) -> Stand | None:
    data = event.data
    is_arrival = event.type.startswith("stop.completed")
    where = data.get("evidence", {}).get("stood_at") if is_arrival else data
    if not isinstance(where, dict) or data.get("place") is None:
        return None
    return Stand(
        tenant=event.tenant,
        place=data["place"],
        visit=(data["route"], data["stop"]),
        at=event.occurred_at,
        lat=where["lat"],
        lon=where["lon"],
        stood_s=_stood_s(data),
        pin_m=_pin_m(data),
        is_arrival=is_arrival,
    )


def _stood_s(data: dict[str, Any]) -> float:
    return float(data.get("stood_s", data.get("evidence", {}).get("stood_s", 0.0)))


def _pin_m(data: dict[str, Any]) -> float:
    return float(data.get("distance_m", data.get("evidence", {}).get("stood_m", 0.0)))


def known_places(stands: Iterable[Stand]) -> list[KnownPlace]:
    """By tenant and id. Of a visit with several stands the longest counts."""
    of_place: dict[tuple[str, str], list[Stand]] = {}
    for stand in stands:
        of_place.setdefault((stand.tenant, stand.place), []).append(stand)
    return [_known(longest_stands(of_place[place])) for place in sorted(of_place)]


def longest_stands(stands: Iterable[Stand]) -> list[Stand]:
    """The longest stand of each visit."""
    longest: dict[tuple[str, str], Stand] = {}
    for stand in stands:
        if stand.visit not in longest or longest[stand.visit].stood_s < stand.stood_s:
            longest[stand.visit] = stand
    return list(longest.values())


def _known(stands: Sequence[Stand]) -> KnownPlace:
    lat, lon = median(stand.lat for stand in stands), _median_lon([stand.lon for stand in stands])
    apart_m = sorted(distance_m(stand.lat, stand.lon, lat, lon) for stand in stands)
    spread_m = median(apart_m)
    is_learned = len(stands) >= MIN_VISITS and spread_m <= MAX_SPREAD_M
    return KnownPlace(
        tenant=stands[0].tenant,
        id=stands[0].place,
        visits=len(stands),
        reached=sum(stand.is_arrival for stand in stands),
        lat=round(lat, 6) if is_learned else None,
        lon=round(lon, 6) if is_learned else None,
        spread_m=round(spread_m, 1),
        pin_m=round(median(stand.pin_m for stand in stands), 1),
        first_at=min(stand.at for stand in stands),
        last_at=max(stand.at for stand in stands),
        apart_m=tuple(apart_m),
    )


def _median_lon(lons: Sequence[float]) -> float:
    """Measured from the first one, so that the antimeridian is no border."""
    east = [(lon - lons[0] + 180.0) % 360.0 - 180.0 for lon in lons]
    return (lons[0] + median(east) + 180.0) % 360.0 - 180.0
