"""The fold: a tenant's pairs, taken from slot to slot by the fixes around each. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fleet.fixes_around import FixesAround
from geofence.proximity.excepted import Excepted
from geofence.proximity.near import find_near
from geofence.proximity.pairs import Pairs, seen, step, with_new
from geofence.proximity.places import places_of
from geofence.proximity.settings import Limits, ProximitySettings
from geofence.proximity.words import Teller


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What a tenant is held to, made ready."""

    limits: Limits
    excepted: Excepted


def advance(pairs: Pairs, around: FixesAround, slot: int, watched: Watched, settings: ProximitySettings, teller: Teller) -> Pairs:
    """The pairs after a slot; `around` are the fixes around its instant. What was found goes to `teller`."""
    limits = watched.limits
    places = places_of(around, settings)
    near = find_near(places.lat, places.lon, limits.near_m, settings.most_near)
    pairs = with_new(pairs, places, near, slot)
    if not len(pairs):
        return pairs
    how = seen(pairs, places)
    is_excepted = watched.excepted.hold(places, how.row, how.other)
    known = np.flatnonzero(how.is_known)
    is_excepted[known] |= near.is_crowded[how.row[known]] | near.is_crowded[how.other[known]]
    done = step(pairs, how, is_excepted, slot, limits)
    teller.tell(done, places, slot, limits)
    return done.pairs
