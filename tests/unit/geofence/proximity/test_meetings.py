"""Two vans and what is told of them, in a few words each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.fence import Circle
from fleet.fix import Fix
from fleet.proximity_rules import ProximityRules
from geofence.proximity.settings import Limits, ProximitySettings
from tests.oracle.drives import place
from tests.unit.geofence.proximity.meetings import WATCHED, folded, seconds, van

TOGETHER, ENDED = "vehicle.proximity", "vehicle.proximity_ended"
#: Comes from 600 m away, stands from 60 s to 600 s, and leaves again.
VISITOR = van((0, 600, 0), (60, 10, 0), (600, 10, 0), (660, 600, 0), (1200, 600, 0))
STANDING = van((0, 0, 0), (1200, 0, 0))


def test_two_vans_meet_and_part() -> None:
    events = folded({"van-1": STANDING, "van-2": VISITOR})
    assert seconds(events) == [(TOGETHER, 60.0), (ENDED, 600.0)]
    began, ended = events
    assert {(event.tenant, event.vehicle, event.data["other"]) for event in events} == {("acme", "van-1", "van-2")}
    assert began.data["near_m"] == 50.0
    assert began.data["evidence"]["distance_m"] == pytest.approx(10.0, abs=0.2)
    assert began.data["proved_at"] == "2026-03-02T06:02:00.000Z", "a minute later"
    assert began.data["evidence"]["fixes"]["van-2"] == ["2026-03-02T06:02:00.000Z"]
    assert (ended.data["duration_s"], ended.data["reason"], ended.data["end_uncertain"]) == (540.0, "apart", False)
    assert ended.data["began_at"] == "2026-03-02T06:01:00.000Z"


def test_passing_each_other_is_nothing() -> None:
    east, west = van((0, -3000, 0), (600, 3000, 0), interval_s=5), van((0, 3000, 4), (600, -3000, 4), interval_s=5)
    assert folded({"van-1": east, "van-2": west}) == []


def test_a_handover_of_two_minutes_is_one_episode() -> None:
    giver = van((0, -2000, 0), (240, 0, 0), (380, 0, 0), (600, 2000, 0))
    taker = van((0, 0, 2000), (220, 0, 6), (400, 0, 6), (600, 0, 2000))
    assert [kind for kind, _ in seconds(folded({"van-1": giver, "van-2": taker}))] == [TOGETHER, ENDED]


def test_a_red_light_side_by_side_is_nothing() -> None:
    van_1 = van((0, -600, 0), (60, 0, 0), (100, 0, 0), (160, 900, 0))
    van_2 = van((0, 0, -600), (60, 5, 0), (100, 5, 0), (160, 5, 900))
    assert folded({"van-1": van_1, "van-2": van_2}) == []


@pytest.mark.parametrize("seed", range(8))
def test_an_hour_on_the_border_with_noise_is_one_episode(seed: int) -> None:
    """Fifty metres apart, each fix off by some thirty."""
    fleet = {
        "van-1": van((0, 0, 0), (3600, 0, 0), noise_m=21, seed=2 * seed),
        "van-2": van((0, 50, 0), (3600, 50, 0), noise_m=21, seed=2 * seed + 1),
    }
    assert [kind for kind, _ in seconds(folded(fleet))] == [TOGETHER]


def test_one_that_goes_silent_while_moving_may_have_gone() -> None:
    taker = van((0, 600, 0), (60, 10, 0), (600, 11, 0), (601, 30, 0), (7200, 30, 0), silent=(610, 7201))
    fixes = [replace(fix, speed_mps=8.0) for fix in taker]
    events = folded({"van-1": van((0, 0, 0), (7200, 0, 0)), "van-2": fixes})
    assert seconds(events) == [(TOGETHER, 60.0), (ENDED, 600.0)]
    assert (events[1].data["reason"], events[1].data["end_uncertain"]) == ("silence", True)


def test_a_parked_van_that_reports_every_ten_minutes_stays_where_it_is() -> None:
    parked = van((0, 0, 0), (7200, 0, 0), interval_s=600)
    visitor = van((0, 600, 0), (1200, 10, 0), (1500, 10, 0), (1560, 600, 0), (7200, 600, 0))
    assert seconds(folded({"van-1": parked, "van-2": visitor})) == [(TOGETHER, 1140.0), (ENDED, 1500.0)]


def test_across_the_antimeridian_two_are_as_near_as_elsewhere() -> None:
    def at(lon: float) -> list[Fix]:
        return [replace(fix, lat=0.0, lon=lon) for fix in van((0, 0, 0), (600, 0, 0))]

    events = folded({"van-1": at(179.9999), "van-2": at(-179.9999)})
    assert seconds(events) == [(TOGETHER, 0.0)]
    assert events[0].data["evidence"]["distance_m"] == pytest.approx(22.2, abs=0.1)
    assert abs(events[0].data["lon"]) == 180.0


def test_a_van_that_crosses_the_antimeridian_between_two_fixes_is_in_between() -> None:
    fixes = van((0, 0, 0), (601, 0, 0), interval_s=60)
    crossing = [replace(fix, lat=0.0, lon=179.9995 if number % 2 else -179.9995) for number, fix in enumerate(fixes)]
    standing = [replace(fix, lat=0.0, lon=180.0) for fix in van((0, 0, 0), (600, 0, 0))]
    assert [kind for kind, _ in seconds(folded({"van-1": crossing, "van-2": standing}, NARROW))] == []
    wide = replace(WATCHED, rules=ProximityRules(near_m=60.0))
    assert seconds(folded({"van-1": crossing, "van-2": standing}, wide)) == [(TOGETHER, 0.0)]


NARROW = replace(WATCHED, rules=ProximityRules(near_m=20.0))


def test_in_a_depot_being_together_does_not_count() -> None:
    lon, lat = place(0, 0)
    depot = Circle(lat=lat, lon=lon, radius_m=30.0)
    assert folded({"van-1": STANDING, "van-2": VISITOR}, excepted=[depot]) == []
    outside = van((0, 600, 0), (60, 40, 0), (600, 40, 0), (660, 600, 0), (1200, 600, 0))
    events = folded({"van-1": STANDING, "van-2": outside}, excepted=[depot])
    assert [kind for kind, _ in seconds(events)] == [TOGETHER, ENDED], "both have to be in it"


def test_a_yard_full_of_vans_is_a_crowd() -> None:
    yard = {f"van-{number:02}": van((0, number * 3, 0), (600, number * 3, 0)) for number in range(12)}
    assert folded(yard) == []
    few = {name: yard[name] for name in sorted(yard)[:11]}
    assert len(folded(few)) == 11 * 10 / 2, "eleven are no crowd yet"


def test_a_stray_fix_neither_begins_nor_ends_anything() -> None:
    lon, lat = place(400, 0)
    stray = [replace(fix, lon=lon, lat=lat) if number == 30 else fix for number, fix in enumerate(VISITOR)]
    assert seconds(folded({"van-1": STANDING, "van-2": stray})) == [(TOGETHER, 60.0), (ENDED, 600.0)]
    far = van((0, 400, 0), (1200, 400, 0))
    lon, lat = place(5, 0)
    far[30] = replace(far[30], lon=lon, lat=lat)
    assert folded({"van-1": STANDING, "van-2": far}) == []


def test_nothing_is_watched_unless_asked_for() -> None:
    assert Limits.of(ProximitySettings()) is None
    assert Limits.of(WATCHED, ProximityRules(near_m=0.0)) is None
    own = Limits.of(WATCHED, ProximityRules(near_s=300.0, except_tag="depot"))
    assert own is not None
    assert (own.near_m, own.far_m, own.near, own.except_tag) == (50.0, 75.0, 10, "depot")
