"""The installation's rules about pairs of vehicles, from settings to the worker."""

from __future__ import annotations

import pytest

from fleet.proximity_rules import ProximityRules
from geofence.proximity.settings import Limits
from outrider.settings import InvalidSettings, Settings
from outrider.tiers.worker import proximity_settings, worker_settings


def test_nobody_is_watched_unless_set_and_a_tenant_may_set_it_alone() -> None:
    settings = proximity_settings(Settings())
    assert Limits.of(settings) is None
    own = Limits.of(settings, ProximityRules(near_m=60.0))
    assert own is not None
    assert (own.near_m, own.near, own.except_tag) == (60.0, 2, "")


def test_settings_reach_the_worker() -> None:
    settings = Settings(
        proximity_near_m=40.0, proximity_near_s=300.0, proximity_except_tag="depot", proximity_delay_s=600.0, late_horizon_h=12.0
    )
    proximity = worker_settings(settings).proximity
    assert proximity.rules == ProximityRules(near_m=40.0, near_s=300.0, except_tag="depot")
    assert (proximity.delay_s, proximity.horizon_s) == (600.0, 12 * 3600.0)


def test_a_distance_below_what_positions_are_worth_is_refused() -> None:
    with pytest.raises(InvalidSettings, match="OUTRIDER_PROXIMITY_NEAR_M: must be 0, or at least 15"):
        worker_settings(Settings(proximity_near_m=5.0))
