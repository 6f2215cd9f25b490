"""Forecasts, and the events that rest on them, are the same however a stream of several vehicles is cut into batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eta.model import EtaModel
from fleet.fix import FixBatch
from fleet.route import Eta
from geofence.stops.engine import RouteEngine
from geofence.stops.settings import RouteSettings
from tests.oracle.effort import effort
from tests.unit.geofence.stops.street import At, at, batch, drive, route, stand, stop

#: Vans follow one another along the same five stops, so that each learns from those before it.
VANS, APART_M, HEADWAY_S = 5, 500.0, 150.0
ROUTES = [
    route(
        f"r{van}",
        *(stop(f"r{van}.{number}:{number}", number * APART_M, planned_s=HEADWAY_S * van + 70.0 * number) for number in range(5)),
        starts_s=HEADWAY_S * van,
        vehicle=f"van{van}",
    )
    for van in range(VANS)
]


def one_drive(van: int, holdup_s: float) -> list[At]:
    """Along all stops; held up half-way, so that some become late."""
    begins_s, half_m = HEADWAY_S * van - 30.0, 2.3 * APART_M
    fixes = drive(begins_s, -300.0, half_m, every_s=7.0)
    fixes += stand(fixes[-1].time_s + 7.0, half_m, holdup_s, every_s=9.0)
    return fixes + drive(fixes[-1].time_s + 9.0, half_m, 5 * APART_M, every_s=7.0)


def stream(holdups_s: Sequence[float]) -> FixBatch:
    """The fixes of all vans in order of time."""
    fixes = [(van, fix) for van, holdup_s in enumerate(holdups_s) for fix in one_drive(van, holdup_s)]
    fixes.sort(key=lambda pair: (pair[1].time_s, pair[0]))
    rows = batch([fix for _, fix in fixes])
    rows.vehicle[:] = [van + 1 for van, _ in fixes]
    return rows


def taken(rows: FixBatch, cuts: Sequence[int]) -> tuple[list[Any], list[Eta]]:
    made = RouteEngine(RouteSettings(grace_s=60.0), EtaModel())
    made.set_routes(ROUTES, {("acme", f"van{van}"): van + 1 for van in range(VANS)})
    events, etas = [], []
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        outcome = made.step(rows.take(np.arange(start, end)), at(0))
        events += [*outcome.events]
        etas += [*outcome.etas]
    return [replace(event, recorded_at=at(0)) for event in events], etas


@effort(25)
@given(
    holdups_s=st.lists(st.sampled_from([0.0, 60.0, 200.0, 600.0]), min_size=VANS, max_size=VANS),
    shares=st.lists(st.floats(0.0, 1.0), max_size=10),
)
def test_forecasts_are_the_same_however_a_stream_is_cut(holdups_s: list[float], shares: list[float]) -> None:
    rows = stream(holdups_s)
    at_once = taken(rows, [])
    assert at_once[1]
    assert taken(rows, sorted(round(share * len(rows)) for share in shares)) == at_once
    assert taken(rows, range(1, len(rows))) == at_once


def test_a_holdup_makes_stops_late_and_the_stream_says_so() -> None:
    events, _ = taken(stream([0.0, 0.0, 600.0, 0.0, 0.0]), [])
    late = [event for event in events if event.type == "stop.delayed"]
    assert {event.vehicle for event in late} == {"van2"}
