"""One example of everything that screening knows, through the real reception: the reason or flag, and its metric.

Each is tried under the installation's settings, and under settings of its tenant and of its vehicle that turn it round.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from fleet.clock import rfc3339
from fleet.screen_settings import ScreenOverrides, ScreenScope, ScreenSettings
from fleet.screening import Flag, Reason
from fleet.vehicle import Mounting, TrackerStatus
from ingest.formats import FORMATS
from ingest.loop.accounting import Accounting
from ingest.metrics import IngestMetrics
from ingest.reception import Reception, Taken
from ingest.registry import Registry
from ingest.router import Router, selections
from ingest.screen import ROLLOVER_US, Screen
from ingest.screening.rules import ScreenRules
from store.records import World
from tests.unit.ingest.messages import RECEIVED, batch_of

HERE = {"lat": 60.17, "lon": 24.94}


def said(ago_s: float = 5, **members: object) -> dict[str, object]:
    return {"time": rfc3339(RECEIVED - timedelta(seconds=ago_s)), **HERE, **members}


@dataclass(frozen=True, kw_only=True)
class Case:
    """`before` are good fixes; `fix` shows what is tested; `other` are the settings under which it does not (or otherwise)."""

    before: Sequence[dict[str, object]] = ()
    fix: dict[str, object]
    reason: Reason | None = None
    flag: Flag | None = None
    is_duplicate: bool = False
    settings: ScreenSettings = ScreenSettings()
    other: ScreenOverrides | None = None
    other_reason: Reason | None = None


AT_HOME = (said(60), said(50))
PARKED = tuple(said(600 - number * 10, speed_mps=0, accuracy_m=10) for number in range(20))
CASES = {
    "no number": Case(fix=said(lat=float("nan")), reason=Reason.NOT_A_NUMBER),
    "no instant": Case(fix=said(time="1970-01-01T00:00:00Z"), reason=Reason.INVALID_TIME),
    "null island": Case(fix=said(lat=0.0001, lon=0.0002), reason=Reason.NULL_ISLAND, other=ScreenOverrides(null_island_m=0)),
    "duplicate": Case(before=[said(5)], fix=said(5), is_duplicate=True),
    "out of range": Case(fix=said(lat=95.0, lon=190.0), reason=Reason.OUT_OF_RANGE),
    "swapped, as the range shows": Case(fix=said(lat=-122.4, lon=37.7), reason=Reason.SWAPPED),
    "swapped, as the last place shows": Case(
        before=AT_HOME,
        fix=said(lat=24.94, lon=60.17),
        flag=Flag.SWAPPED,
        other=ScreenOverrides(refuse_swapped=True),
        other_reason=Reason.SWAPPED,
    ),
    "future": Case(fix=said(-301), reason=Reason.FUTURE, other=ScreenOverrides(future_tolerance_s=600)),
    "too old": Case(
        fix=said(7200),
        settings=ScreenSettings(oldest_age_s=3600),
        reason=Reason.TOO_OLD,
        other=ScreenOverrides(oldest_age_s=0),
    ),
    "too old for one": Case(fix=said(7200), other=ScreenOverrides(oldest_age_s=3600), other_reason=Reason.TOO_OLD),
    "GPS week rollover": Case(
        fix=said(ROLLOVER_US / 1e6 + 5),
        flag=Flag.WEEK_ROLLOVER_CORRECTED,
        other=ScreenOverrides(correct_week_rollover=False),
    ),
    "teleport": Case(
        before=AT_HOME, fix=said(lat=48.85, lon=2.35), flag=Flag.TELEPORT, other=ScreenOverrides(teleport_speed_mps=1e5)
    ),
    "teleport that is refused": Case(
        before=AT_HOME,
        fix=said(lat=48.85, lon=2.35),
        flag=Flag.TELEPORT,
        other=ScreenOverrides(refuse_teleports=True),
        other_reason=Reason.TELEPORT,
    ),
    "worse than 100 m": Case(
        fix=said(accuracy_m=250),
        settings=ScreenSettings(worst_accuracy_m=100),
        flag=Flag.INACCURATE,
        other=ScreenOverrides(worst_accuracy_m=300),
    ),
    "worse than 100 m, refused": Case(
        fix=said(accuracy_m=250),
        settings=ScreenSettings(worst_accuracy_m=100),
        flag=Flag.INACCURATE,
        other=ScreenOverrides(refuse_inaccurate=True),
        other_reason=Reason.INACCURATE,
    ),
    "static drift": Case(
        before=PARKED,
        fix=said(lat=60.1701, speed_mps=0, accuracy_m=10),
        flag=Flag.STATIC_DRIFT,
        other=ScreenOverrides(static_drift_m=0),
    ),
}
#: What cannot be whatever anybody says has no setting.
TURNED = {name: case for name, case in CASES.items() if case.other is not None}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


class Received:
    """A reception with one vehicle, and what it counted."""

    def __init__(self, settings: ScreenSettings, scopes: Sequence[ScreenScope] = ()) -> None:
        router = Router(selections(FORMATS), default_tenant="default")
        self.reception = Reception(router, Registry(), Screen(ScreenRules(default=settings)))
        mounting = Mounting(tenant="acme", tracker="t1", status=TrackerStatus.ACTIVE, key=7, vehicle="van-1")
        self.reception.know(World(mountings=[mounting], screening=scopes))
        self.registry = CollectorRegistry()
        self._accounting = Accounting(IngestMetrics(self.registry))

    def take(self, fix: dict[str, object]) -> Taken:
        payload = json.dumps(fix).encode()
        batch = batch_of([payload], "fleet/acme/t1/fix")
        taken = self.reception.finish(batch, self.reception.decode(batch))
        self._accounting.taken(batch, taken, 0)
        return taken

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"outrider_ingest_{name}_total", labels) or 0.0


def outcome(received: Received, case: Case) -> Taken:
    for fix in case.before:
        good = received.take(fix)
        assert (len(good.fixes), good.reasons, good.flagged) == (1, {}, {})
    return received.take(case.fix)


@every_case
def test_it_is_found_and_counted(case: Case) -> None:
    received = Received(case.settings)
    taken = outcome(received, case)
    assert dict(taken.reasons) == ({case.reason: 1} if case.reason else {})
    assert taken.flagged == ({case.flag: 1} if case.flag else {})
    assert taken.duplicates == case.is_duplicate
    assert len(taken.fixes) == (case.reason is None and not case.is_duplicate)
    assert [letter.reason for letter in taken.dead_letters] == ([case.reason] if case.reason else [])
    assert [letter.tracker for letter in taken.dead_letters] == (["t1"] if case.reason else [])
    if case.reason:
        assert received.counted("refused", reason=case.reason.value) == 1
    if case.flag:
        assert received.counted("flagged", flag=(case.flag.name or "").lower()) == 1
    assert received.counted("duplicates") == case.is_duplicate


@pytest.mark.parametrize("whose", ["tenant", "vehicle"])
@pytest.mark.parametrize("case", TURNED.values(), ids=list(TURNED))
def test_settings_of_the_tenant_and_of_the_vehicle_go_over_it(case: Case, whose: str) -> None:
    assert case.other is not None
    scope = ScreenScope(tenant="acme", vehicle="van-1" if whose == "vehicle" else None, overrides=case.other)
    taken = outcome(Received(case.settings, [scope]), case)
    assert dict(taken.reasons) == ({case.other_reason: 1} if case.other_reason else {})
    assert taken.flagged == {}


@every_case
def test_settings_of_others_do_not(case: Case) -> None:
    other = case.other or ScreenOverrides(future_tolerance_s=0)
    scopes = [ScreenScope(tenant="else", overrides=other), ScreenScope(tenant="acme", vehicle="van-2", overrides=other)]
    taken = outcome(Received(case.settings, scopes), case)
    assert dict(taken.reasons) == ({case.reason: 1} if case.reason else {})
    assert taken.flagged == ({case.flag: 1} if case.flag else {})


def test_a_vehicles_setting_goes_over_its_tenants_field_by_field() -> None:
    rules = ScreenRules(
        tenants={"acme": ScreenOverrides(oldest_age_s=60, refuse_teleports=True)},
        vehicles={("acme", "van-1"): ScreenOverrides(oldest_age_s=0)},
    )
    assert rules.of("acme", "van-1") == ScreenSettings(refuse_teleports=True)
    assert rules.of("acme", "van-2") == ScreenSettings(refuse_teleports=True, oldest_age_s=60)
    assert rules.of("other", "van-1") == ScreenSettings()


def test_a_change_of_settings_holds_from_the_next_message_on() -> None:
    received = Received(ScreenSettings())
    assert len(received.take(said(-400)).fixes) == 0
    received.reception.know(
        World(
            mountings=[Mounting(tenant="acme", tracker="t1", status=TrackerStatus.ACTIVE, key=7, vehicle="van-1")],
            screening=[ScreenScope(tenant="acme", overrides=ScreenOverrides(future_tolerance_s=600))],
        )
    )
    assert len(received.take(said(-401)).fixes) == 1


# -- static drift


def test_a_vehicle_that_crawls_or_idles_or_has_just_stopped_does_not_drift() -> None:
    for moving in ({"speed_mps": 1.5}, {"speed_mps": 0, "extras": {"ignition": True}}, {"extras": {"is_moving": True}}):
        received = Received(ScreenSettings())
        for fix in PARKED:
            received.take(fix)
        assert received.take(said(lat=60.1701, **moving)).flagged == {}
    received = Received(ScreenSettings())
    received.take(said(60, speed_mps=0))
    assert received.take(said(20, lat=60.1701, speed_mps=0)).flagged == {}


def test_a_vehicle_that_says_no_speed_and_walks_away_is_not_drifting_for_long() -> None:
    received = Received(ScreenSettings())
    for number in range(20):
        received.take(said(900 - number * 10))
    walk = [received.take(said(600 - step * 10, lat=60.17 + step * 0.0001)) for step in range(1, 20)]
    assert sum(bool(taken.flagged) for taken in walk) <= 3


def test_drift_comes_out_the_same_whether_fixes_come_one_by_one_or_at_once() -> None:
    wander = [said(900 - number * 10, lat=60.17 + number % 4 * 0.00005, speed_mps=0) for number in range(60)]
    apart, together = Received(ScreenSettings()), Received(ScreenSettings())
    flagged = sum(apart.take(fix).flagged.get(Flag.STATIC_DRIFT, 0) for fix in wander)
    payload = json.dumps(wander).encode()
    batch = batch_of([payload], "fleet/acme/t1/fix")
    taken = together.reception.finish(batch, together.reception.decode(batch))
    assert 30 < flagged == taken.flagged[Flag.STATIC_DRIFT]
