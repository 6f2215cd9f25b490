"""Moving against allowed hours or with the ignition off, in a few words each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import time, timedelta
from typing import Any

import pytest

from fleet.fix import Fix
from fleet.movement_rules import MovementRules, MovementScope
from geofence.movement.engine import MovementEngine
from geofence.movement.settings import MovementSettings
from tests.oracle.calendars import Weekly
from tests.oracle.drives import BEGIN, Leg, drive
from tests.unit.geofence.movement.outings import TENANT, columns_of, engine_for

STAND = Leg(duration_s=300)
DRIVE = Leg(duration_s=300, speed_mps=10.0)
#: Drives begin at 06:00 UTC on a Monday.
OFFICE = Weekly(opens=time(8), closes=time(18), zone="UTC").text()
UNTIL_SEVEN_PAST = Weekly(opens=time(5), closes=time(6, 7), zone="UTC").text()
TOWING = MovementRules(watch_towing=True)


def told(engine: MovementEngine, fixes: Sequence[Fix]) -> list[tuple[str, float, dict[str, Any]]]:
    """Unauthorised movement: type, seconds since the drive began, and what is said."""
    events = engine.step(columns_of(fixes), BEGIN).events
    words = [event for event in events if event.type.startswith("vehicle.unauthorised")]
    return [(event.type, (event.occurred_at - BEGIN).total_seconds(), event.data) for event in words]


def held_to(rules: MovementRules) -> MovementEngine:
    return engine_for(MovementSettings(rules=rules))


def with_ignition(fixes: Sequence[Fix], is_on: bool) -> list[Fix]:
    return [replace(fix, extras={"ignition": is_on}) for fix in fixes]


def test_nothing_is_watched_unless_asked_for() -> None:
    assert told(held_to(MovementRules()), with_ignition(drive([STAND, DRIVE, STAND]), is_on=False)) == []


def test_moving_out_of_hours_is_told_once_with_its_end() -> None:
    found = told(held_to(MovementRules(allowed_hours=OFFICE)), drive([STAND, DRIVE, STAND, DRIVE]))
    assert [(kind, at_s) for kind, at_s, _ in found] == [
        ("vehicle.unauthorised", 310.0),
        ("vehicle.unauthorised_ended", 610.0),
        ("vehicle.unauthorised", 910.0),
    ]
    began, ended = found[0][2], found[1][2]
    assert (began["rule"], began["limit_s"], began["speed_mps"] > 9, began["away_m"] > 500) == ("hours", 60.0, True, True)
    # The Friday before, at six in the evening.
    assert began["closed_since"] == "2026-02-27T18:00:00.000Z"
    assert (ended["reason"], ended["duration_s"]) == ("stopped", 300.0)


def test_going_on_when_hours_end_begins_with_their_end() -> None:
    found = told(held_to(MovementRules(allowed_hours=UNTIL_SEVEN_PAST)), drive([STAND, DRIVE, STAND]))
    assert [(kind, at_s) for kind, at_s, _ in found] == [("vehicle.unauthorised", 420.0), ("vehicle.unauthorised_ended", 610.0)]


def test_it_ends_when_hours_begin() -> None:
    at_eight_past = Weekly(opens=time(6, 8), closes=time(18), zone="UTC").text()
    found = told(held_to(MovementRules(allowed_hours=at_eight_past)), drive([STAND, DRIVE, STAND]))
    assert [(kind, at_s) for kind, at_s, _ in found] == [("vehicle.unauthorised", 310.0), ("vehicle.unauthorised_ended", 480.0)]
    assert found[1][2]["reason"] == "allowed"


def test_coming_to_a_halt_as_hours_end_is_nothing() -> None:
    fixes = drive([STAND, Leg(duration_s=110, speed_mps=10.0), STAND])
    assert told(held_to(MovementRules(allowed_hours=UNTIL_SEVEN_PAST)), fixes) == []


def test_one_stray_fix_beside_a_halt_is_nothing() -> None:
    fixes = drive([STAND, Leg(duration_s=110, speed_mps=10.0), STAND])
    stray = next(row for row, fix in enumerate(fixes) if fix.time == BEGIN + timedelta(seconds=490))
    fixes[stray] = replace(fixes[stray], lat=fixes[stray].lat + 0.001, speed_mps=9.0)
    assert told(held_to(MovementRules(allowed_hours=UNTIL_SEVEN_PAST)), fixes) == []


def test_towing_is_told_and_driving_is_not() -> None:
    fixes = drive([STAND, DRIVE, STAND])
    found = told(held_to(TOWING), with_ignition(fixes, is_on=False))
    assert [(kind, at_s) for kind, at_s, _ in found] == [("vehicle.unauthorised", 310.0), ("vehicle.unauthorised_ended", 610.0)]
    assert (found[0][2]["rule"], found[0][2]["off_since"]) == ("ignition", "2026-03-02T06:00:10.000Z")
    assert told(held_to(TOWING), with_ignition(fixes, is_on=True)) == []
    assert told(held_to(TOWING), fixes) == []


def test_what_is_known_before_a_silence_begins_no_episode() -> None:
    fixes = drive([STAND, Leg(duration_s=40, speed_mps=10.0), Leg(duration_s=400, speed_mps=10.0, is_silent=True), DRIVE])
    found = told(held_to(TOWING), with_ignition(fixes, is_on=False))
    assert [at_s for _, at_s, _ in found] == [750.0]


@dataclass(frozen=True, kw_only=True)
class Case:
    general: MovementRules = MovementRules()
    tenant: MovementRules | None = None
    vehicle: MovementRules | None = None
    is_told: bool


CASES = {
    "the installation's": Case(general=TOWING, is_told=True),
    "the tenant's": Case(tenant=TOWING, is_told=True),
    "the vehicle's": Case(vehicle=TOWING, is_told=True),
    "the tenant's over the installation's": Case(general=TOWING, tenant=MovementRules(watch_towing=False), is_told=False),
    "the vehicle's over the tenant's": Case(tenant=MovementRules(watch_towing=False), vehicle=TOWING, is_told=True),
    "field by field": Case(general=TOWING, vehicle=MovementRules(speed_limit_mps=50.0), is_told=True),
    "hours that a vehicle may leave": Case(
        general=MovementRules(allowed_hours=OFFICE), vehicle=MovementRules(allowed_hours=""), is_told=False
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_nearest_rule_holds(case: Case) -> None:
    engine = held_to(case.general)
    scopes = [(None, case.tenant), ("van-1", case.vehicle)]
    engine.set_rules(MovementScope(tenant=TENANT, vehicle=vehicle, rules=rules) for vehicle, rules in scopes if rules is not None)
    assert bool(told(engine, with_ignition(drive([STAND, DRIVE]), is_on=False))) is case.is_told


def test_rules_may_change_on_the_way() -> None:
    fixes = with_ignition(drive([STAND, DRIVE, STAND]), is_on=False)
    engine, half = held_to(MovementRules()), len(fixes) // 2
    assert told(engine, fixes[:half]) == []
    engine.set_rules([MovementScope(tenant=TENANT, rules=TOWING)])
    assert [kind for kind, _, _ in told(engine, fixes[half:])] == ["vehicle.unauthorised", "vehicle.unauthorised_ended"]


def test_an_episode_ends_where_its_rule_is_lifted() -> None:
    fixes = with_ignition(drive([STAND, DRIVE]), is_on=False)
    engine, most = held_to(MovementRules()), len(fixes) - 5
    engine.set_rules([MovementScope(tenant=TENANT, rules=TOWING)])
    assert [kind for kind, _, _ in told(engine, fixes[:most])] == ["vehicle.unauthorised"]
    engine.set_rules([])
    assert [(kind, data["reason"]) for kind, _, data in told(engine, fixes[most:])] == [("vehicle.unauthorised_ended", "allowed")]


def test_hours_that_cannot_be_read_are_named_and_hold_nobody() -> None:
    engine = held_to(MovementRules())
    scope = MovementScope(tenant=TENANT, rules=MovementRules(allowed_hours="weekdays"))
    engine.set_rules([scope])
    assert [refused for refused, _ in engine.refused_rules] == [scope]
    assert told(engine, drive([STAND, DRIVE])) == []


def test_a_vehicles_own_speed_limit_holds() -> None:
    engine = engine_for(MovementSettings(rules=MovementRules(speed_limit_mps=30.0)), [1, 2])
    engine.set_rules([MovementScope(tenant=TENANT, vehicle="van-2", rules=MovementRules(speed_limit_mps=8.0))])
    fixes = drive([STAND, DRIVE])
    events = [event for key in (1, 2) for event in engine.step(columns_of(fixes, key), BEGIN).events]
    assert [(event.vehicle, event.data["limit_mps"]) for event in events if event.type == "vehicle.overspeed"] == [("van-2", 8.0)]
