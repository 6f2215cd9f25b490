"""Where a vehicle stands, and since when: one stand at a time, told from its fixes whatever circles they are in.

The position of a fix is a poor witness of standing still: its noise wanders by tens of metres, and between houses it jumps. Speed
is measured by Doppler shift, on its own, and is good to some tenths of a metre a second. So speed says whether the vehicle
moves, and position only where it stands: the median of the fixes, on which a jump of a few of them has no hold.

1. A stand begins with a slow fix.
2. It ends with a fast one, with two in a row that are not slow and have moved away, or with some that are not slow wherever
   they are.
3. A slow fix far from where the vehicle stands, too soon to have been driven there, is at no circle: nobody goes that far standing
   still. It has its part in the median, since the place may have been wrong before. If it goes on for longer than multipath
   lasts, the stand ends, and the next one has gone on since then.
4. Without speed, moving out of the stand's radius ends it.
5. A fix whose place is too inaccurate to be of use still tells by its speed that the vehicle stands, or has driven on.

A stand that has served a stop is settled: its place does not change any more.
"""

from __future__ import annotations

import math
from statistics import median
from typing import Final

import msgspec

from fleet.clock import MICROS_PER_S
from fleet.geodesy import METRES_PER_DEGREE
from geofence.stops.field import Place
from geofence.stops.settings import RouteSettings

_NEVER: Final = -1
#: Positions that are kept; of more, every second, then every fourth ... is.
_KEPT: Final = 24
#: So many are the newest.
RECENT: Final = 7
#: How fast a van gets away from where it stood, and how long before that it has started.
_TOWN_MPS: Final = 4.0
_TO_START_S: Final = 5.0
_LONGEST_UNSEEN_S: Final = 20.0
_USUAL_NOISE_M: Final = 15.0
#: So far from where it stands in the end, and from what noise explains, a vehicle has not yet come to stand there.
_ROLLED_M: Final = 30.0
_ROLLED_NOISE: Final = 2.0
_LEAST_NOISE_M: Final = 6.0
_MOST_NOISE_M: Final = 30.0


class Stand(msgspec.Struct, array_like=True):
    """Instants in microseconds since 1970 UTC. `lat`, `lon`: the median of the positions."""

    since: int
    last: int
    lat: float
    lon: float
    fixes: int = 0
    lats: list[float] = []
    lons: list[float] = []
    stride: int = 1
    #: Mean of the accuracies that the fixes claim.
    accuracy_m: float = math.nan
    #: The newest fixes: (time, latitude, longitude).
    recent: list[tuple[int, float, float]] = []
    #: Fixes in a row that are not slow; when the last such one was, and since when fixes are far away.
    unsteady: int = 0
    unsteady_at: int = _NEVER
    astray_since: int = _NEVER
    settled: bool = False
    #: When a fix without a place was fast.
    driven_at: int = _NEVER
    #: Half of the time between it and the fixes before and after.
    unseen_s: float = 0.0
    #: When the positions that are kept were measured.
    times: list[int] = []

    @property
    def lasts_s(self) -> float:
        return (self.last - self.since) / MICROS_PER_S

    @property
    def likely_s(self) -> float:
        """How long it is likely to have lasted: it was seen only from fix to fix."""
        return self.lasts_s + self.unseen_s

    @property
    def noise_m(self) -> float:
        """What its place may be off by, each way."""
        return _USUAL_NOISE_M if math.isnan(self.accuracy_m) else min(max(self.accuracy_m, _LEAST_NOISE_M), _MOST_NOISE_M)

    def rolled_in(self) -> int:
        """When the vehicle was last seen away from where it stands, NEVER if it was not: it has come in small moves, as in a
        queue."""
        far_m = max(_ROLLED_M, _ROLLED_NOISE * self.noise_m)
        first = slice(0, len(self.times) // 2)
        away = (
            at
            for at, lat, lon in zip(self.times[first], self.lats[first], self.lons[first], strict=True)
            if _apart_m(self.lat, self.lon, lat, lon) > far_m
        )
        return max(away, default=_NEVER)

    def recent_place(self) -> tuple[float, float]:
        """Median of the newest fixes: latitude, longitude."""
        return median(lat for _, lat, _ in self.recent), median(lon for _, _, lon in self.recent)


def begins(place: Place, settings: RouteSettings) -> bool:
    """Whether a stand may begin with this fix."""
    return math.isnan(place.speed_mps) or place.speed_mps < settings.stand_speed_mps


def begin(place: Place, since: int) -> Stand:
    stand = Stand(since=since, last=place.time, lat=place.lat, lon=place.lon)
    extend(stand, place)
    return stand


def extend(stand: Stand, place: Place) -> None:
    """The vehicle still stands there."""
    stand.last, stand.unsteady, stand.astray_since = place.time, 0, _NEVER
    stand.recent = [*stand.recent, (place.time, place.lat, place.lon)][-RECENT:]
    if stand.settled:
        return
    _take_place(stand, place)


def _take_place(stand: Stand, place: Place) -> None:
    if stand.fixes % stand.stride == 0:
        stand.lats.append(place.lat)
        stand.lons.append(place.lon)
        stand.times.append(place.time)
        if len(stand.lats) > _KEPT:
            stand.lats, stand.lons, stand.times = stand.lats[::2], stand.lons[::2], stand.times[::2]
            stand.stride *= 2
        stand.lat, stand.lon = median(stand.lats), median(stand.lons)
    stand.fixes += 1
    if not math.isnan(place.accuracy_m):
        before_m = place.accuracy_m if math.isnan(stand.accuracy_m) else stand.accuracy_m
        stand.accuracy_m = before_m + (place.accuracy_m - before_m) / stand.fixes


def is_over(stand: Stand, place: Place, settings: RouteSettings) -> bool:
    """Whether the vehicle has left with this fix. Counts what does not suffice by itself."""
    away_m = distance_m(stand, place)
    if stand.driven_at != _NEVER:
        return True
    if math.isnan(place.speed_mps):
        return away_m > settings.stand_radius_m
    if place.speed_mps >= settings.fast_mps:
        return True
    if place.speed_mps >= settings.stand_speed_mps:
        stand.unsteady += 1
        stand.unsteady_at = place.time
        enough = 2 if away_m > settings.stand_radius_m else 4
        return stand.unsteady >= enough
    # A fix that is set aside never comes here, until that has gone on for too long.
    if not is_astray(stand, place, settings):
        return False
    if stand.astray_since != _NEVER:
        stand.last = stand.astray_since
    return True


def is_astray(stand: Stand, place: Place, settings: RouteSettings) -> bool:
    """Whether the fix is where the vehicle cannot be."""
    return stand.fixes > 2 and place.speed_mps < settings.stand_speed_mps and distance_m(stand, place) > settings.astray_m


def distance_m(stand: Stand, place: Place) -> float:
    """In the plane around the stand; it is only ever compared with some tens of metres."""
    return _apart_m(stand.lat, stand.lon, place.lat, place.lon)


def _apart_m(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    east = (other_lon - lon + 180.0) % 360.0 - 180.0
    east_m = east * METRES_PER_DEGREE * math.cos(math.radians(lat))
    return math.hypot(east_m, (other_lat - lat) * METRES_PER_DEGREE)


def drive_s(way_m: float) -> float:
    """How long it takes to start, to drive that far in a town, and to stop."""
    return way_m / _TOWN_MPS + _TO_START_S


def _end(stand: Stand, place: Place, last_seen: int) -> int:
    """When the vehicle drove on: after the last fix that saw it stand, and no longer before this one than the way here takes."""
    under_way_s = drive_s(distance_m(stand, place))
    return max(last_seen if stand.settled else stand.last, place.time - round(under_way_s * MICROS_PER_S))


def _unseen_s(begin: int, end: int) -> float:
    return 0.5 * min((end - begin) / MICROS_PER_S, _LONGEST_UNSEEN_S)


class Standstill(msgspec.Struct, array_like=True):
    """The present stand of a vehicle, if any; the one that has just ended; and when it last drove on from a place where it had
    served a stop, or stood for long."""

    stand: Stand | None = None
    ended: Stand | None = None
    until: int = _NEVER
    #: `until` as it was when the stand that has just ended began.
    before: int = _NEVER
    #: Whether the next fix is seen wherever it is: else none is judged by those before it.
    mattered: bool = False
    #: Since when, up to the newest fix, the vehicle has been slow by fixes without a place.
    slow_since: int = _NEVER

    def sets_aside(self, place: Place, last: Place | None, settings: RouteSettings) -> bool:
        """Whether the fix says nothing (case 3). `last`: the one before."""
        stand = self.stand
        if stand is None or not is_astray(stand, place, settings):
            return False
        was_there = self._was_there(last, settings)
        if not self.mattered and not was_there:
            return False
        if stand.astray_since == _NEVER:
            if stand.driven_at != _NEVER or (place.time - stand.last) / MICROS_PER_S >= drive_s(distance_m(stand, place)):
                return False
            stand.astray_since = place.time
        if (place.time - stand.astray_since) / MICROS_PER_S > settings.astray_s:
            return False
        stand.last = place.time
        if not stand.settled:
            _take_place(stand, place)
        return True

    def _was_there(self, last: Place | None, settings: RouteSettings) -> bool:
        """Whether the vehicle still stood, with the fix before, where it has served a stop."""
        stand = self.stand
        if stand is None or not stand.settled or last is None or not last.speed_mps < settings.stand_speed_mps:
            return False
        if distance_m(stand, last) > settings.astray_m:
            return False
        stand.last = max(stand.last, last.time)
        return True

    def see_speed(self, at: int, speed_mps: float, last_seen: int, settings: RouteSettings) -> None:
        """A fix without a place (case 5)."""
        stand = self.stand
        if speed_mps >= settings.fast_mps:
            self.slow_since = _NEVER
            if stand is not None:
                stand.driven_at = at
        elif speed_mps < settings.stand_speed_mps:
            if self.slow_since <= last_seen:
                self.slow_since = at
            if stand is not None and stand.driven_at == _NEVER and self.mattered:
                stand.last = at

    def update(self, place: Place, last_seen: int, *, matters: bool, settings: RouteSettings) -> None:
        """Take in one more fix. `matters`: the vehicle is in the circle of a stop that a stand would serve; only then is each
        fix seen, and is it worth knowing."""
        self.ended, stand = None, self.stand
        since = place.time if self.slow_since <= last_seen else self.slow_since
        if stand is not None and self._ends(stand, place, matters, settings):
            end = _end(stand, place, last_seen)
            if stand.settled or (end - stand.since) / MICROS_PER_S >= settings.long_stand_s:
                self.before, self.until = self.until, end
            else:
                self.before = self.until
            self.ended, self.stand = stand if matters else None, None
            stand.unseen_s += _unseen_s(stand.last, place.time if stand.driven_at == _NEVER else stand.driven_at)
            if stand.astray_since != _NEVER and stand.driven_at == _NEVER and not place.speed_mps >= settings.stand_speed_mps:
                since = stand.astray_since
        elif stand is not None and matters and not place.speed_mps >= settings.stand_speed_mps:
            extend(stand, place)
        if self.stand is None and matters and begins(place, settings):
            self.stand = begin(place, since)
            self.stand.unseen_s = _unseen_s(last_seen, since)

    def split(self, stand: Stand, at: int) -> None:
        """The vehicle has moved on unseen at that instant: its newest fixes are a stand of their own."""
        self.before, self.until, self.ended = self.until, at, stand
        last, stand.last = stand.last, at
        stand.recent = [fix for fix in stand.recent if fix[0] > at] or stand.recent[-1:]
        lat, lon = stand.recent_place()
        self.stand = Stand(
            since=at,
            last=last,
            lat=lat,
            lon=lon,
            fixes=len(stand.recent),
            lats=[lat for _, lat, _ in stand.recent],
            lons=[lon for _, _, lon in stand.recent],
            accuracy_m=stand.accuracy_m,
            recent=stand.recent,
            times=[time for time, _, _ in stand.recent],
        )

    def _ends(self, stand: Stand, place: Place, matters: bool, settings: RouteSettings) -> bool:
        if matters:
            return is_over(stand, place, settings)
        return not stand.settled or place.speed_mps >= settings.fast_mps
