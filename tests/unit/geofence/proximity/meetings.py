"""Meetings for the tests of proximity: vans that go from place to place, from a few words or at random, and a fold over them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from random import Random

from hypothesis import strategies as st

from fleet.clock import to_micros
from fleet.event import Event
from fleet.fence import Circle, Fence
from fleet.fix import Fix, FixBatch
from fleet.proximity_rules import ProximityRules
from geofence.proximity.excepted import Excepted
from geofence.proximity.fold import Watched, advance
from geofence.proximity.pairs import no_pairs
from geofence.proximity.settings import Limits, ProximitySettings
from geofence.proximity.words import PROXIMITY, Teller
from store.memory.around import fixes_around
from tests.oracle.drives import BEGIN, batch_of, place
from tests.oracle.proximity import Together, slots_of

TENANT = "acme"
WATCHED = ProximitySettings(rules=ProximityRules(near_m=50.0))

#: Seconds since BEGIN, metres east and north of the corner of the test's country.
Waypoint = tuple[float, float, float]


def van(
    *waypoints: Waypoint,
    interval_s: float = 10.0,
    noise_m: float = 0.0,
    seed: int = 0,
    silent: tuple[float, float] = (math.inf, math.inf),
    says_speed: bool = True,
    bad_share: float = 0.0,
) -> list[Fix]:
    """The fixes of a van that goes straight from one waypoint to the next; none in the span of time in which it is silent."""
    random, fixes = Random(seed), []
    for (start_s, east, north), (end_s, to_east, to_north) in pairwise(waypoints):
        speed_mps = math.hypot(to_east - east, to_north - north) / (end_s - start_s)
        at_s = math.ceil(start_s / interval_s) * interval_s
        while at_s < end_s:
            share = (at_s - start_s) / (end_s - start_s)
            lon, lat = place(
                east + share * (to_east - east) + random.gauss(0, noise_m),
                north + share * (to_north - north) + random.gauss(0, noise_m),
            )
            accuracy_m = 200.0 if random.random() < bad_share else 8.0
            if not silent[0] <= at_s < silent[1]:
                time = BEGIN + timedelta(seconds=at_s)
                fixes.append(Fix(time=time, lat=lat, lon=lon, speed_mps=speed_mps if says_speed else None, accuracy_m=accuracy_m))
            at_s += interval_s
    return fixes


def columns_of(fleet: Mapping[str, Sequence[Fix]]) -> FixBatch:
    """Of an instant's fixes the first counts, as in the store. The key of a van is its place in the order of names."""
    batches = [batch_of(list({fix.time: fix for fix in reversed(fixes)}.values())[::-1], key) for key, fixes in keyed(fleet)]
    return FixBatch.concatenate([batch for batch in batches if len(batch)])


def keyed(fleet: Mapping[str, Sequence[Fix]]) -> list[tuple[int, Sequence[Fix]]]:
    return [(number + 1, fixes) for number, (_, fixes) in enumerate(sorted(fleet.items()))]


def folded(
    fleet: Mapping[str, Sequence[Fix]],
    settings: ProximitySettings = WATCHED,
    excepted: Sequence[Circle] = (),
    beyond_s: float = 0.0,
) -> list[Event]:
    """The events of a fold over all slots from the first to the last fix, and so long beyond."""
    limits = Limits.of(settings)
    assert limits is not None
    names = dict(enumerate(sorted(fleet), start=1))
    fences = [Fence(id=str(n), tenant=TENANT, name="", shape=circle, tags=("depot",)) for n, circle in enumerate(excepted)]
    watched = Watched(limits=limits, excepted=Excepted.of(fences, "depot"))
    teller = Teller(TENANT, settings.slot, names.__getitem__, BEGIN)
    fixes, pairs = columns_of(fleet), no_pairs()
    first, last = slots_of(fleet, settings)
    for slot in range(first, last + 1 + round(beyond_s / settings.slot_s)):
        around = fixes_around(fixes, [slot * settings.slot], settings.reach)
        pairs = advance(pairs, around, slot, watched, settings, teller)
    return teller.events


def as_episodes(events: Sequence[Event]) -> list[Together]:
    """Events that stand, in the oracle's words."""
    found: dict[tuple[str, str], list[Together]] = {}
    for event in sorted(events, key=lambda event: (event.occurred_at, event.type)):
        episodes = found.setdefault((event.vehicle, event.data["other"]), [])
        if event.type == PROXIMITY:
            episodes.append(Together(vehicle=event.vehicle, other=event.data["other"], since=event.occurred_at))
        else:
            began = episodes.pop()
            assert began.until is None
            episodes.append(
                Together(
                    vehicle=began.vehicle,
                    other=began.other,
                    since=began.since,
                    until=event.occurred_at,
                    reason=event.data["reason"],
                )
            )
    return sorted((one for each in found.values() for one in each), key=lambda one: (one.vehicle, one.other, one.since))


def seconds(events: Sequence[Event]) -> list[tuple[str, float]]:
    """Type and seconds since BEGIN of each event."""
    return [(event.type, (event.occurred_at - BEGIN).total_seconds()) for event in events]


@dataclass(frozen=True, kw_only=True)
class World:
    fleet: dict[str, list[Fix]]
    settings: ProximitySettings
    excepted: list[Circle]

    @property
    def span_s(self) -> float:
        times = [to_micros(fix.time) for fixes in self.fleet.values() for fix in fixes]
        return (max(times) - min(times)) / 1e6


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Some vans that wander about in a yard of a few hundred metres."""
    random = Random(draw(st.integers(0, 2**32)))
    fleet = {f"van-{number}": _wanderer(random) for number in range(draw(st.integers(2, 5)))}
    settings = ProximitySettings(
        max_gap_s=draw(st.sampled_from([90.0, 45.0])),
        hold_s=draw(st.sampled_from([600.0, 120.0])),
        far_s=draw(st.sampled_from([120.0, 30.0])),
        silence_s=draw(st.sampled_from([1_800.0, 240.0])),
        most_near=draw(st.sampled_from([10, 1, 0])),
        rules=ProximityRules(near_m=draw(st.sampled_from([53.7, 101.3])), near_s=draw(st.sampled_from([60.0, 30.0, 100.0]))),
    )
    lon, lat = place(0.0, 0.0)
    excepted = [Circle(lat=lat, lon=lon, radius_m=61.0)] if draw(st.booleans()) else []
    return World(fleet=fleet, settings=settings, excepted=excepted)


def _wanderer(random: Random) -> list[Fix]:
    waypoints: list[Waypoint] = []
    at_s, east, north = random.uniform(0, 200), random.uniform(-150, 150), random.uniform(-150, 150)
    for _ in range(random.randrange(2, 9)):
        waypoints.append((at_s, east, north))
        at_s += random.uniform(20, 400)
        if random.random() < 0.5:
            east, north = random.uniform(-150, 150), random.uniform(-150, 150)
    start_s = random.choice([math.inf, random.uniform(0, at_s)])
    return van(
        *waypoints,
        (at_s, east, north),
        interval_s=random.choice([5.0, 10.0, 17.3, 40.0, 130.0]),
        noise_m=random.choice([0.0, 8.0, 30.0]),
        seed=random.randrange(2**32),
        silent=(start_s, start_s + random.uniform(30, 900)),
        says_speed=random.random() < 0.8,
        bad_share=random.choice([0.0, 0.1]),
    )
