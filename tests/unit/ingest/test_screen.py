"""Screening: what is refused, flagged, put right and left alone."""

import math
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.clock import parse_rfc3339, to_micros
from fleet.fix import FixBatch
from fleet.screening import Flag, Reason
from ingest.formats.instants import NO_TIME
from ingest.screen import ROLLOVER_US, Screen, Screened
from ingest.screening.rules import ScreenOverrides, ScreenRules, ScreenSettings
from tests.unit.ingest.messages import RECEIVED, RECEIVED_US

HELSINKI = (60.17, 24.94)


def fixes(*rows: tuple[int, float, float, float], received_us: int = RECEIVED_US) -> FixBatch:
    """Rows of vehicle, seconds before receipt, lat, lon."""
    batch = FixBatch.allocate(len(rows))
    batch.vehicle = np.array([row[0] for row in rows], np.int64)
    batch.time = np.array([received_us - round(row[1] * 1_000_000) for row in rows], np.int64)
    batch.lat = np.array([row[2] for row in rows], np.float64)
    batch.lon = np.array([row[3] for row in rows], np.float64)
    batch.received = np.full(len(rows), received_us)
    batch.message = np.arange(len(rows), dtype=np.int32)
    return batch


def at(time: str | datetime | int, lat: float = 60.17, lon: float = 24.94) -> FixBatch:
    """One fix of vehicle 1 with this time."""
    batch = fixes((1, 0, lat, lon))
    instant = parse_rfc3339(time) if isinstance(time, str) else time
    batch.time = np.array([to_micros(instant) if isinstance(instant, datetime) else instant], np.int64)
    return batch


def screen(batch: FixBatch, **settings: object) -> Screened:
    return Screen(ScreenRules(default=ScreenSettings(**settings))).screen(batch)  # type: ignore[arg-type]


def reasons(screened: Screened) -> dict[int, Reason]:
    return {refusal.message: refusal.reason for refusal in screened.refused}


def test_a_good_batch_passes_as_it_is() -> None:
    batch = fixes((1, 5, *HELSINKI), (2, 4, *HELSINKI), (1, 3, *HELSINKI))
    screened = screen(batch)
    assert screened.fixes is batch
    assert (screened.refused, screened.duplicates, screened.flagged) == ([], 0, {})


def test_an_empty_batch() -> None:
    assert len(screen(FixBatch.empty()).fixes) == 0


PLACES = [
    (math.nan, 24.9, Reason.NOT_A_NUMBER),
    (60.1, math.inf, Reason.NOT_A_NUMBER),
    (-math.inf, math.nan, Reason.NOT_A_NUMBER),
    (91.0, 181.0, Reason.OUT_OF_RANGE),
    (60.0, 180.001, Reason.OUT_OF_RANGE),
    (-200.0, 24.9, Reason.OUT_OF_RANGE),
    (1e300, 24.9, Reason.OUT_OF_RANGE),
    (122.4, -37.7, Reason.SWAPPED),
    (-97.7, 30.2, Reason.SWAPPED),
    (0.0, 0.0, Reason.NULL_ISLAND),
    (-0.0, 0.0005, Reason.NULL_ISLAND),
]


@pytest.mark.parametrize(("lat", "lon", "reason"), PLACES)
def test_places_that_cannot_be(lat: float, lon: float, reason: Reason) -> None:
    screened = screen(fixes((1, 5, lat, lon), (2, 5, *HELSINKI)))
    assert reasons(screened) == {0: reason}
    assert screened.fixes.vehicle.tolist() == [2]
    assert screened.refused[0].detail == f"lat {lat:g}, lon {lon:g}"


@pytest.mark.parametrize(("lat", "lon"), [(90.0, 0.0), (-90.0, 180.0), (0.0, -180.0), (0.0, 24.9), (51.5, 0.0), (0.002, 0.0)])
def test_places_at_the_edge_of_the_map(lat: float, lon: float) -> None:
    assert screen(fixes((1, 5, lat, lon))).refused == []


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("1970-01-01T00:00:00Z", Reason.INVALID_TIME),
        ("1970-01-21T12:00:57.483Z", Reason.INVALID_TIME),  # seconds taken for milliseconds
        ("1980-01-06T00:00:00Z", Reason.INVALID_TIME),
        ("1999-12-31T23:59:59.999999Z", Reason.INVALID_TIME),
        (int(NO_TIME), Reason.INVALID_TIME),
        ("2099-01-01T00:00:00Z", Reason.FUTURE),
        (RECEIVED + timedelta(seconds=300, microseconds=1), Reason.FUTURE),
    ],
)
def test_times_that_cannot_be(time: str | datetime | int, reason: Reason) -> None:
    screened = screen(at(time))
    assert reasons(screened) == {0: reason}
    assert screened.refused[0].detail.startswith("time ")


@pytest.mark.parametrize("time", ["2000-01-01T00:00:00Z", "2018-10-09T04:32:52Z", RECEIVED, RECEIVED + timedelta(seconds=300)])
def test_times_that_can_be(time: str | datetime) -> None:
    assert screen(at(time)).refused == []


def test_too_old_is_a_setting() -> None:
    old = RECEIVED - timedelta(days=3)
    assert screen(at(old)).refused == []
    assert reasons(screen(at(old), oldest_age_s=86_400.0)) == {0: Reason.TOO_OLD}
    assert screen(at(RECEIVED - timedelta(hours=23)), oldest_age_s=86_400.0).refused == []


@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize("age_s", [-200, 0, 5, 86_400 * 13])
def test_a_gps_week_rollover_is_put_right_and_flagged(rounds: int, age_s: int) -> None:
    right_us = RECEIVED_US - age_s * 1_000_000
    screened = screen(at(right_us - rounds * ROLLOVER_US))
    assert screened.fixes.time.tolist() == [right_us]
    assert screened.flagged == {Flag.WEEK_ROLLOVER_CORRECTED: 1}


def test_a_gps_week_rollover_is_left_alone_by_setting_and_where_it_does_not_fit() -> None:
    wrong_us = RECEIVED_US - ROLLOVER_US
    assert screen(at(wrong_us), correct_week_rollover=False).fixes.time.tolist() == [wrong_us]
    too_long_ago = wrong_us - 20 * 86_400 * 1_000_000
    assert screen(at(too_long_ago)).fixes.time.tolist() == [too_long_ago]
    assert reasons(screen(at("1970-01-01T00:00:00Z"))) == {0: Reason.INVALID_TIME}


def test_duplicates_are_counted_and_no_dead_letters() -> None:
    judge = Screen()
    first = judge.screen(fixes((1, 5, *HELSINKI), (1, 5, 60.18, 24.94), (1, 4, *HELSINKI), (2, 5, *HELSINKI)))
    assert (first.duplicates, first.refused) == (1, [])
    assert first.fixes.message.tolist() == [0, 2, 3]  # of two the first is kept
    again = judge.screen(fixes((1, 4, *HELSINKI), (2, 5, *HELSINKI), (2, 3, *HELSINKI)))
    assert (again.duplicates, again.fixes.message.tolist()) == (2, [2])


def test_the_newest_stored_fix_is_known_after_a_restart() -> None:
    judge = Screen()
    judge.remember(np.array([1]), np.array([RECEIVED_US - 5_000_000]), np.array([60.17]), np.array([24.94]))
    assert judge.screen(fixes((1, 5, *HELSINKI))).duplicates == 1


def test_inaccurate_is_flagged_or_refused_by_setting() -> None:
    def batch() -> FixBatch:
        made = fixes((1, 5, *HELSINKI), (2, 5, *HELSINKI), (3, 5, *HELSINKI))
        made.accuracy_m[:2] = 200.0, 20.0
        return made

    assert screen(batch()).flagged == {}
    flagged = screen(batch(), worst_accuracy_m=100.0)
    assert (flagged.flagged, flagged.refused) == ({Flag.INACCURATE: 1}, [])
    refused = screen(batch(), worst_accuracy_m=100.0, refuse_inaccurate=True)
    assert reasons(refused) == {0: Reason.INACCURATE}


def test_rules_of_a_tenant_and_of_a_vehicle() -> None:
    rules = ScreenRules(
        tenants={"acme": ScreenOverrides(future_tolerance_s=0.0)},
        vehicles={("acme", "clock-off"): ScreenOverrides(future_tolerance_s=3600.0)},
    )
    names = {1: ("other", "x"), 2: ("acme", "x"), 3: ("acme", "clock-off")}
    screened = Screen(rules, names.__getitem__).screen(fixes((1, -60, *HELSINKI), (2, -60, *HELSINKI), (3, -60, *HELSINKI)))
    assert reasons(screened) == {1: Reason.FUTURE}


def test_rules_that_differ_need_names() -> None:
    with pytest.raises(ValueError, match="need to be told whose fix it is"):
        Screen(ScreenRules(tenants={"acme": ScreenOverrides()}))


# -- values beside the place


@pytest.mark.parametrize(
    ("said", "kept"),
    [(0, 0), (359.9, 359.9), (360, 0), (-90, 270), (-360, 0), (719, 359), (721, None), (-361, None), (1e30, None), (math.inf, None),
     (-1e-10, 0)],
)  # fmt: skip
def test_headings_are_wrapped(said: float, kept: float | None) -> None:
    batch = fixes((1, 5, *HELSINKI))
    batch.heading_deg[0] = said
    heading = float(screen(batch).fixes.heading_deg[0])
    assert math.isnan(heading) if kept is None else heading == pytest.approx(kept, abs=1e-3)


@pytest.mark.parametrize(
    ("column", "value", "is_kept"),
    [
        ("speed_mps", 0.0, True), ("speed_mps", 340.0, True), ("speed_mps", -1.0, False), ("speed_mps", 351.0, False),
        ("speed_mps", math.inf, False), ("accuracy_m", 0.0, True), ("accuracy_m", -1.0, False), ("accuracy_m", 1e6, False),
        ("altitude_m", -430.0, True), ("altitude_m", 8_849.0, True), ("altitude_m", -501.0, False), ("altitude_m", 20_001.0, False),
    ],
)  # fmt: skip
def test_values_that_are_no_measurement_are_not_said(column: str, value: float, is_kept: bool) -> None:
    batch = fixes((1, 5, *HELSINKI))
    getattr(batch, column)[0] = value
    screened = screen(batch)
    assert screened.refused == []
    assert math.isnan(getattr(screened.fixes, column)[0]) is not is_kept


# -- jumps

FAR = (48.85, 2.35)


def test_a_jump_is_flagged_once_and_its_way_back_is_not() -> None:
    judge = Screen()
    screened = judge.screen(fixes((1, 50, *HELSINKI), (1, 40, *FAR), (1, 30, *HELSINKI), (1, 20, *HELSINKI)))
    assert screened.fixes.flags.tolist() == [0, Flag.TELEPORT, 0, 0]
    assert screened.flagged == {Flag.TELEPORT: 1}


def test_a_true_jump_is_flagged_once() -> None:
    judge = Screen()
    flags = [
        judge.screen(fixes((1, 60 - 10 * number, *place))).fixes.flags[0] for number, place in enumerate([HELSINKI, FAR, FAR, FAR])
    ]
    assert flags == [0, Flag.TELEPORT, 0, 0]


def test_jumps_may_be_refused() -> None:
    screened = screen(fixes((1, 50, *HELSINKI), (1, 40, *FAR), (1, 30, *HELSINKI)), refuse_teleports=True)
    assert reasons(screened) == {1: Reason.TELEPORT}
    assert screened.fixes.message.tolist() == [0, 2]


def test_time_heals_a_jump() -> None:
    assert screen(fixes((1, 6 * 3600, *HELSINKI), (1, 0, *FAR))).flagged == {}


def test_noise_between_two_fixes_at_nearly_one_instant_is_no_jump() -> None:
    assert screen(fixes((1, 1.0, 60.17, 24.94), (1, 0.999, 60.174, 24.94))).flagged == {}


def test_a_late_fix_is_not_judged_against_a_later_place() -> None:
    judge = Screen()
    judge.screen(fixes((1, 5, *HELSINKI)))
    assert judge.screen(fixes((1, 10, *FAR))).flagged == {}


def test_across_the_antimeridian_and_near_the_pole_is_not_far() -> None:
    assert screen(fixes((1, 20, 0.0, 179.999), (1, 10, 0.0, -179.999))).flagged == {}
    assert screen(fixes((1, 20, 89.9999, 0.0), (1, 10, 89.9999, 180.0))).flagged == {}


def test_swapped_against_the_last_place() -> None:
    judge = Screen()
    judge.screen(fixes((1, 60, *HELSINKI), (1, 50, *HELSINKI)))
    screened = judge.screen(fixes((1, 40, 24.94, 60.17), (1, 30, *HELSINKI)))
    assert (screened.refused, screened.flagged) == ([], {Flag.SWAPPED: 1})
    assert screened.fixes.flags.tolist() == [Flag.SWAPPED, 0]


def test_a_first_swapped_fix_does_not_have_the_right_ones_flagged_for_ever() -> None:
    judge = Screen()
    verdicts = [
        judge.screen(fixes((1, 60 - second, *place))) for second, place in enumerate([(24.94, 60.17), HELSINKI, HELSINKI, HELSINKI])
    ]
    assert [verdict.flagged for verdict in verdicts] == [{}, {Flag.TELEPORT: 1}, {}, {}]


def test_swapped_may_be_refused() -> None:
    judge = Screen(ScreenRules(default=ScreenSettings(refuse_swapped=True)))
    judge.screen(fixes((1, 60, *HELSINKI), (1, 50, *HELSINKI)))
    screened = judge.screen(fixes((1, 40, 24.94, 60.17), (1, 30, *HELSINKI)))
    assert reasons(screened) == {0: Reason.SWAPPED}
    assert screened.flagged == {}


rows = st.tuples(
    st.integers(1, 4),
    st.integers(0, 30),
    st.sampled_from([60.17, 24.94, 48.85, 0.0, 91.0]),
    st.sampled_from([24.94, 60.17, 2.35, 0.0]),
)


@given(st.lists(st.lists(rows, max_size=8), max_size=6))
def test_every_fix_is_kept_refused_or_a_duplicate(batches: list[list[tuple[int, int, float, float]]]) -> None:
    judge = Screen()
    for batch in batches:
        screened = judge.screen(fixes(*batch))
        assert len(screened.fixes) + len(screened.refused) + screened.duplicates == len(batch)
        pairs = list(zip(screened.fixes.vehicle.tolist(), screened.fixes.time.tolist(), strict=True))
        assert len(pairs) == len(set(pairs))


@given(st.lists(rows, max_size=12), st.integers(0, 12))
def test_the_cut_between_batches_does_not_matter_for_what_is_in_order(
    all_rows: list[tuple[int, int, float, float]], cut: int
) -> None:
    distinct = {row[:2]: row for row in all_rows}.values()
    ordered = sorted(distinct, key=lambda row: (-row[1], row[0]))
    whole, parts = Screen(), Screen()
    together = whole.screen(fixes(*ordered))
    apart = [parts.screen(fixes(*ordered[:cut])), parts.screen(fixes(*ordered[cut:]))]
    assert together.fixes.flags.tolist() == [flag for part in apart for flag in part.fixes.flags.tolist()]
    assert together.duplicates == sum(part.duplicates for part in apart)
