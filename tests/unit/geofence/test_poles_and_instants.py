"""Around the poles, where longitudes mean nothing; and fixes of one instant, of which the first counts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fleet.fence import Circle, Corridor, Fence, Polygons, Shape
from fleet.fix import Fix
from fleet.vehicle import Mounting, TrackerStatus
from ingest.pipeline import Pipeline
from store.records import World
from tests.oracle.drives import BEGIN, batch_of
from tests.oracle.visits import findings
from tests.unit.geofence.engines import WAYS, cuts_of, engine_for, stepped

#: Half a degree is 55 km.
POLAR: dict[str, Shape] = {
    "circle around the pole": Circle(lat=90.0, lon=0.0, radius_m=20_000.0),
    "circle beside the pole": Circle(lat=89.9, lon=77.0, radius_m=20_000.0),
    "ring around the pole": Polygons(polygons=((((0, 89.8), (120, 89.8), (240, 89.8), (360, 89.8)),),)),
    "corridor past the pole": Corridor(line=((10.0, 89.95), (60.0, 89.95)), radius_m=10_000.0),
}


def _stand(lat: float, lon: float, since_s: int, until_s: int) -> list[Fix]:
    return [Fix(time=BEGIN + timedelta(seconds=second), lat=lat, lon=lon, speed_mps=0.0) for second in range(since_s, until_s, 60)]


@pytest.mark.parametrize("shape", POLAR.values(), ids=[name.replace(" ", "-") for name in POLAR])
@pytest.mark.parametrize("way", WAYS[:3])
@pytest.mark.parametrize("sign", [1, -1], ids=["north", "south"])
def test_a_stay_near_a_pole_is_a_visit_wherever_it_is_looked_at_from(shape: Shape, way: str, sign: int) -> None:
    """From afar to beside the pole, around it by 100 degrees, and away: once, whatever the signs of longitudes."""
    fixes = [
        *_stand(sign * 89.0, 170.0, 0, 600),
        *_stand(sign * 89.95, 30.0, 3_600, 4_200),
        *_stand(sign * 89.95, 40.0, 4_200, 4_800),
        *_stand(sign * 89.0, -170.0, 9_000, 9_600),
    ]
    fence = Fence(id="pole", tenant="acme", name="", shape=_mirrored(shape, sign))
    events = stepped(engine_for([fence]), batch_of(fixes), cuts_of(way, len(fixes)))
    assert [event.type for event in events] == ["fence.entered", "fence.exited"]
    assert events[0].occurred_at == BEGIN + timedelta(seconds=3_600)
    oracle = findings(fixes, [fence])["pole"]
    assert [(found.kind, found.at) for found in oracle] == [(event.type, event.occurred_at) for event in events]


def _mirrored(shape: Shape, sign: int) -> Shape:
    match shape:
        case Circle():
            return Circle(lat=sign * shape.lat, lon=shape.lon, radius_m=shape.radius_m)
        case Corridor():
            return Corridor(line=tuple((lon, sign * lat) for lon, lat in shape.line), radius_m=shape.radius_m)
        case Polygons():
            turned = tuple(tuple(tuple((lon, sign * lat) for lon, lat in ring) for ring in rings) for rings in shape.polygons)
            return Polygons(polygons=turned)


@pytest.mark.parametrize("is_cut", [False, True], ids=["in one batch", "in two"])
def test_of_two_fixes_of_one_instant_the_first_counts(is_cut: bool) -> None:
    """The store keeps the first; what is found is found of what is stored."""
    yard = Fence(id="yard", tenant="acme", name="", shape=Circle(lat=47.4, lon=8.5, radius_m=100.0))
    pipeline = Pipeline()
    mounting = Mounting(tenant="acme", tracker="van-1", status=TrackerStatus.ACTIVE, vehicle="van-1", key=1)
    pipeline.apply(World(fences=[yard], routes=[], mountings=[mounting]), BEGIN)
    inside = _stand(47.4, 8.5, 0, 300)
    elsewhere = [Fix(time=inside[-1].time, lat=47.5, lon=8.5, speed_mps=0.0)]
    batches = [[*inside], elsewhere] if is_cut else [[*inside, *elsewhere]]
    events = [event for fixes in batches for event in pipeline.step(batch_of(fixes), BEGIN).events]
    assert [event.type for event in events if event.type.startswith("fence.")] == ["fence.entered"]
    assert pipeline.duplicates == 1
    assert pipeline.late == []
