"""Moving in columns and folding fix by fix come to the same; and only fixes at which something happens are folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.event import Event
from fleet.fence import Circle, Fence, FenceSettings
from fleet.fix import Fix, FixBatch
from fleet.visit import Visit
from geofence.fences import FenceEngine
from geofence.plan import FencePlan
from geofence.roster import Roster
from geofence.settings import GeofenceSettings
from tests.oracle.drives import BEGIN, Leg, batch_of, drive, place, worlds
from tests.oracle.visits import findings
from tests.unit.geofence.test_against_the_oracle import agree, as_found

VEHICLES = 4
#: A vehicle of the crowd does the same as the one before it, so many fixes later.
LATER = 3


def engine_for(fences: Sequence[Fence], *, folds_all: bool) -> FenceEngine:
    roster, rules = Roster(), GeofenceSettings()
    roster.name((key, "acme", f"van-{key}") for key in range(1, VEHICLES + 1))
    plan = FencePlan.of(fences, {"acme": roster.tenant_number("acme")}, rules)
    return FenceEngine(rules, roster, plan, folds_all=folds_all)


def crowd(fixes: Sequence[Fix]) -> FixBatch:
    """Vehicles that do the same one after the other, their fixes mixed as they come in."""
    batches = [batch_of(fixes, key) for key in range(1, VEHICLES + 1)]
    turn = np.concatenate([np.arange(len(fixes)) + LATER * key for key in range(VEHICLES)])
    return FixBatch.concatenate(batches).take(np.argsort(turn, kind="stable"))


def taken(engine: FenceEngine, batch: FixBatch, cuts: Sequence[int]) -> tuple[list[Event], list[Visit]]:
    events: list[Event] = []
    visits: list[Visit] = []
    for start, end in zip([0, *cuts], [*cuts, len(batch)], strict=True):
        outcome = engine.step(batch.take(np.arange(start, end)), BEGIN)
        events += outcome.events
        visits += outcome.visits
    return events, visits


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds(), data=st.data())
def test_columns_come_to_what_the_fold_comes_to(world: tuple[list[Fence], list[Fix]], data: st.DataObject) -> None:
    fences, fixes = world
    batch = crowd(fixes)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(batch)), max_size=12)))
    fast, plain = engine_for(fences, folds_all=False), engine_for(fences, folds_all=True)
    assert taken(fast, batch, cuts) == taken(plain, batch, cuts)
    keys = range(1, VEHICLES + 1)
    assert fast.snapshot(keys) == plain.snapshot(keys)
    assert fast.folded <= plain.folded


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds(), data=st.data())
def test_findings_of_a_vehicle_come_in_the_order_of_their_proofs(world: tuple[list[Fence], list[Fix]], data: st.DataObject) -> None:
    fences, fixes = world
    engine = engine_for(fences, folds_all=False)
    for event_list in (taken(engine, batch_of(fixes, key), [])[0] for key in (1, 2)):
        proofs = [event.data["proved_at"] for event in event_list if event.data.get("reason") != "silence"]
        assert proofs == sorted(proofs)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A drive from the corner past a yard, and for how many of its fixes something happens at the yard."""

    legs: Sequence[Leg]
    east_m: float = 0.0
    north_m: float = 0.0
    radius_m: float = 100.0
    rules: FenceSettings = FenceSettings()
    dwell_s: float | None = None
    says_speed: bool = True
    accuracy_m: float = 8.0
    happens: int

    @property
    def yard(self) -> Fence:
        lon, lat = place(self.east_m, self.north_m)
        shape = Circle(lat=lat, lon=lon, radius_m=self.radius_m)
        return Fence(id="yard", tenant="acme", name="", shape=shape, dwell_s=self.dwell_s, settings=self.rules)

    @property
    def fixes(self) -> list[Fix]:
        driven = drive(self.legs, noise_m=0.5, says_speed=self.says_speed)
        return [replace(fix, accuracy_m=self.accuracy_m) for fix in driven]


STAND = Leg(duration_s=1_200)
SCENES = {
    "a visit goes on: it is confirmed": Scene(legs=[STAND], happens=1),
    "a dwell falls due": Scene(legs=[STAND], dwell_s=600.0, happens=2),
    "a candidate stays one": Scene(
        legs=[Leg(duration_s=200, speed_mps=5.0)], radius_m=2_000, rules=FenceSettings(confirm_s=3_600.0), happens=0
    ),
    "a candidate stays one, no speed said": Scene(
        legs=[Leg(duration_s=200, speed_mps=5.0)],
        radius_m=2_000,
        rules=FenceSettings(confirm_s=3_600.0),
        says_speed=False,
        happens=0,
    ),
    "a candidate waits for more fixes": Scene(legs=[STAND], rules=FenceSettings(confirm_fixes=1_000), happens=0),
    "a visit waits between the edge and the outer edge": Scene(legs=[STAND, Leg(duration_s=60, speed_mps=2.0), STAND], happens=1),
    "an exit goes on, and is called off": Scene(
        legs=[STAND, Leg(duration_s=60, speed_mps=4.0), STAND, Leg(duration_s=60, speed_mps=4.0, bearing_deg=180.0), STAND],
        rules=FenceSettings(exit_s=3_600.0),
        happens=1,
    ),
    "a visit ends": Scene(legs=[STAND, Leg(duration_s=300, speed_mps=10.0)], happens=2),
    "fixes are not accurate enough": Scene(legs=[STAND], accuracy_m=80.0, happens=0),
    "a pass between two fixes": Scene(legs=[Leg(duration_s=400, speed_mps=20.0)], north_m=1_100, radius_m=30.0, happens=1),
    "beside a fence all the time": Scene(legs=[STAND], north_m=110, happens=0),
}


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("batches", [1, 7, 40])
def test_only_fixes_at_which_something_happens_are_folded(name: str, batches: int) -> None:
    scene = SCENES[name]
    batch = crowd(scene.fixes)
    cuts = np.linspace(0, len(batch), batches + 1).astype(int)[1:-1].tolist()
    fast, plain = engine_for([scene.yard], folds_all=False), engine_for([scene.yard], folds_all=True)
    found = taken(fast, batch, cuts)
    assert found == taken(plain, batch, cuts)
    for key in range(1, VEHICLES + 1):
        events = [event for event in found[0] if event.vehicle == f"van-{key}"]
        agree(as_found(events).get("yard", []), findings(scene.fixes, [scene.yard])["yard"])
    assert fast.folded == VEHICLES * scene.happens


def test_far_more_is_folded_where_everything_is() -> None:
    scene = SCENES["a visit goes on: it is confirmed"]
    plain = engine_for([scene.yard], folds_all=True)
    taken(plain, crowd(scene.fixes), [])
    assert plain.folded == VEHICLES * len(scene.fixes)
