"""Noise makes no visits: vehicles that stand on an edge, receivers that jump."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random

import pytest

from fleet.fence import Circle, Corridor, Fence, Polygons, Shape
from fleet.fix import Fix
from tests.oracle.drives import BEGIN, batch_of, place
from tests.unit.geofence.engines import WAYS, cuts_of, engine_for, stepped

HOUR_S = 3600
#: Of each axis; receivers claim the radius that holds two thirds of their fixes, half as much again.
NOISE_M = 30.0
_LON, _LAT = place(0, 0)
_AWAY_M = 150.0
#: Shapes with the corner of the test's country exactly on their edge.
SHAPES: dict[str, Shape] = {
    "circle": Circle(lat=place(0, _AWAY_M)[1], lon=_LON, radius_m=_AWAY_M),
    "polygon": Polygons(polygons=(((place(-200, 0), place(200, 0), place(200, 300), place(-200, 300), place(-200, 0)),),)),
    "corridor": Corridor(line=(place(-500, 100), place(500, 100)), radius_m=100.0),
}


def noisy(seed: int, interval_s: int, *, says_speed: bool, says_accuracy: bool = True) -> list[Fix]:
    """An hour on the edge. The noise wanders, as that of a receiver does: half of it is that of the fix before."""
    random, fixes = Random(seed), []
    east_m = north_m = 0.0
    for second in range(0, HOUR_S, interval_s):
        east_m, north_m = (0.5 * old + 0.75**0.5 * random.gauss(0, NOISE_M) for old in (east_m, north_m))
        lon, lat = place(east_m, north_m)
        speed_mps = abs(random.gauss(0, 0.3)) if says_speed else None
        accuracy_m = 1.5 * NOISE_M if says_accuracy else None
        fixes.append(Fix(time=BEGIN + timedelta(seconds=second), lat=lat, lon=lon, speed_mps=speed_mps, accuracy_m=accuracy_m))
    return fixes


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("way", WAYS[:2])
@pytest.mark.parametrize("says_speed", [True, False], ids=["with speed", "without speed"])
@pytest.mark.parametrize("says_accuracy", [True, False], ids=["with accuracy", "without accuracy"])
@pytest.mark.parametrize("interval_s", [5, 10, 30, 60])
def test_an_hour_on_the_edge_is_one_visit(shape: Shape, way: str, says_speed: bool, says_accuracy: bool, interval_s: int) -> None:
    for seed in range(3):
        fixes = noisy(seed, interval_s, says_speed=says_speed, says_accuracy=says_accuracy)
        engine = engine_for([Fence(id="yard", tenant="acme", name="", shape=shape)])
        kinds = Counter(event.type for event in stepped(engine, batch_of(fixes), cuts_of(way, len(fixes))))
        # A noisy fix or two may look like a pass before the stay is believed; never like a second visit.
        assert (kinds["fence.entered"], kinds["fence.exited"]) == (1, 0), f"seed {seed}"
        assert kinds["fence.crossed"] <= 1, f"seed {seed}"
        assert len(engine.open_visits(1)) == 1


def test_an_hour_of_standing_beside_a_fence_is_no_visit() -> None:
    """The same noise, 150 m away: now and then a fix falls near the edge, never enough for a stay."""
    fence = Fence(id="yard", tenant="acme", name="", shape=Circle(lat=place(0, 250)[1], lon=_LON, radius_m=100.0))
    for seed in range(5):
        fixes = noisy(seed, 5, says_speed=True)
        assert stepped(engine_for([fence]), batch_of(fixes), []) == []


def test_urban_jumps_end_no_visit_and_begin_none() -> None:
    """Every fifth fix is thrown 400 m aside and claims to be good; what lies there sees nothing, the visit goes on."""
    yard = Fence(id="yard", tenant="acme", name="", shape=Circle(lat=_LAT, lon=_LON, radius_m=80.0))
    aside_lon, aside_lat = place(400, 0)
    aside = Fence(id="aside", tenant="acme", name="", shape=Circle(lat=aside_lat, lon=aside_lon, radius_m=80.0))
    fixes = []
    for number in range(600):
        random = Random(number)
        lon, lat = place((400 if number % 5 == 4 else 0) + random.gauss(0, 8), random.gauss(0, 8))
        fixes.append(Fix(time=BEGIN + timedelta(seconds=5 * number), lat=lat, lon=lon, speed_mps=0.1, accuracy_m=8.0))
    events = stepped(engine_for([yard, aside]), batch_of(fixes), [])
    assert Counter((event.type, event.data["fence"]) for event in events) == {("fence.entered", "yard"): 1}
