"""What is known of the pairs that are near each other, or were: candidate, together, apart.

Slot by slot (instants at whole multiples of `ProximitySettings.slot_s`) a pair is

* near: both places known, no further apart than the limit, and not excepted (`geofence.proximity.excepted`, a crowd);
* away: both known, and beyond 1.5 times the limit, or excepted;
* between: both known, in between: nothing begins there and nothing ends;
* unknown.

1. Near for the first time: a candidate. Away, or not near for `far` slots: it is forgotten.
2. Near when it has been a candidate for `near` slots: together, since it was near first.
3. Together, and away for `far` slots without being near or between: no longer together, since it was near last.
4. Together, and unknown for `silence` slots: likewise, but nobody knows for how long they stayed.

All pairs are taken at once, in columns. A pair's way depends on its own two vehicles alone (a crowd is the one exception).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fleet.fix import Float64s, Int64s
from fleet.geodesy import distances_m
from geofence.proximity.near import Near
from geofence.proximity.places import Places
from geofence.proximity.settings import Limits

Booleans = npt.NDArray[np.bool_]
Pairs = npt.NDArray[Any]

#: `away` of a pair that is not.
NOT_AWAY: Final = -1
#: Slots are numbers of `slot_s` since 1970. `lat`, `lon`: in the middle of the two when they were near first.
PAIR: Final = np.dtype(
    [
        ("first", "<i8"),
        ("second", "<i8"),
        ("since", "<i4"),
        ("last", "<i4"),
        ("known", "<i4"),
        ("away", "<i4"),
        ("closest_m", "<f4"),
        ("closest", "<i4"),
        ("lat", "<f8"),
        ("lon", "<f8"),
        ("together", "?"),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The pairs after a slot, and those of them that came together or parted in it, with how far apart they were (NaN: unknown).
    `went_silent` are of the parted."""

    pairs: Pairs
    met: Pairs
    met_m: Float64s
    parted: Pairs
    parted_m: Float64s
    went_silent: Booleans


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How the pairs stand in one slot; `row` and `other` are rows of the places, -1 where unknown."""

    row: Int64s
    other: Int64s
    distance_m: Float64s

    @property
    def is_known(self) -> Booleans:
        return np.asarray(~np.isnan(self.distance_m))


def no_pairs() -> Pairs:
    return np.zeros(0, PAIR)


def seen(pairs: Pairs, places: Places) -> Seen:
    """How far apart pairs are, by the places of a slot."""
    row, other = places.find(pairs["first"]), places.find(pairs["second"])
    distance = np.full(len(pairs), np.nan)
    known = np.flatnonzero((row >= 0) & (other >= 0))
    one, two = row[known], other[known]
    distance[known] = distances_m(places.lat[one], places.lon[one], places.lat[two], places.lon[two])
    return Seen(row=row, other=other, distance_m=distance)


def with_new(pairs: Pairs, places: Places, near: Near, slot: int) -> Pairs:
    """The pairs, and behind them the new ones among those that are near, as candidates since this slot."""
    new = np.zeros(len(near.first), PAIR)
    new["first"], new["second"] = places.vehicle[near.first], places.vehicle[near.second]
    known = set(zip(pairs["first"].tolist(), pairs["second"].tolist(), strict=True))
    both = zip(new["first"].tolist(), new["second"].tolist(), strict=True)
    rows = np.array([row for row, pair in enumerate(both) if pair not in known], np.int64)
    new, first, second = new[rows], near.first[rows], near.second[rows]
    new["since"] = new["last"] = new["known"] = new["closest"] = slot
    new["away"] = NOT_AWAY
    new["closest_m"] = np.inf
    new["lat"] = (places.lat[first] + places.lat[second]) / 2
    new["lon"] = _middle(places.lon[first], places.lon[second])
    return np.concatenate([pairs, new])


def step(pairs: Pairs, how: Seen, is_excepted: Booleans, slot: int, limits: Limits) -> Step:
    """One slot on. `how` and `is_excepted` are of these pairs."""
    pairs, distance = pairs.copy(), how.distance_m
    is_known = how.is_known
    is_near = is_known & ~is_excepted & (distance <= limits.near_m)
    is_away = is_known & ~is_near & (is_excepted | (distance > limits.far_m))
    pairs["known"][is_known] = slot
    pairs["last"][is_near] = slot
    is_closer = is_near & (distance < pairs["closest_m"])
    pairs["closest_m"][is_closer], pairs["closest"][is_closer] = distance[is_closer], slot
    pairs["away"][is_known & ~is_away] = NOT_AWAY
    pairs["away"][is_away & (pairs["away"] == NOT_AWAY)] = slot
    was_together = pairs["together"].copy()
    is_forgotten = ~was_together & (is_away | (slot - pairs["last"] >= limits.far))
    meets = ~was_together & is_near & (slot - pairs["since"] >= limits.near)
    pairs["together"] |= meets
    is_gone = was_together & (pairs["away"] != NOT_AWAY) & (slot - pairs["away"] >= limits.far)
    goes_silent = was_together & ~is_gone & (slot - pairs["known"] >= limits.silence)
    parts = is_gone | goes_silent
    return Step(
        pairs=pairs[~(is_forgotten | parts)],
        met=pairs[meets],
        met_m=distance[meets],
        parted=pairs[parts],
        parted_m=distance[parts],
        went_silent=goes_silent[parts],
    )


def _middle(lon: Float64s, other: Float64s) -> Float64s:
    """Halfway between longitudes that are close, across the antimeridian as well; in [-180, 180)."""
    turned = other + 360.0 * np.round((lon - other) / 360.0)
    return np.asarray(((lon + turned) / 2 + 180.0) % 360.0 - 180.0)
