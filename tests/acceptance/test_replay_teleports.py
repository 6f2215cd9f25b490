"""Recordings whose receivers jump: nobody visits or passes a place that only a jump has touched, and real visits are found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from fleet.clock import parse_rfc3339
from fleet.geodesy import distance_m
from geofence.settings import GeofenceSettings
from tests.acceptance.recordings import (
    Left,
    Place,
    Shared,
    circle,
    drives,
    grid,
    hfp,
    porto,
    replayed,
    speed_mps,
    thrown,
    write_capture,
    write_fences,
)

pytestmark = [pytest.mark.slow, pytest.mark.shared, pytest.mark.timeout(600)]

LIMIT_MPS = GeofenceSettings().max_speed_mps
RADIUS_M = 60.0
#: Receivers on buses jump little; to have jumps in their recordings too, every so many places one is thrown aside by the test.
THROWN_ASIDE_EVERY = 23
THROWN_DEG = 0.02


@pytest.fixture(params=["porto-taxi", "hfp"])
def places(request: pytest.FixtureRequest, shared: Shared) -> list[Place]:
    if request.param == "porto-taxi":
        return porto(shared, timedelta(hours=9))
    return [_aside(place) if at % THROWN_ASIDE_EVERY == 0 else place for at, place in enumerate(hfp(shared), start=1)]


def _aside(place: Place) -> Place:
    return Place(vehicle=place.vehicle, time=place.time, lat=place.lat + THROWN_DEG, lon=place.lon)


def test_no_jump_makes_a_visit(places: list[Place], tmp_path: Path) -> None:
    jumps = thrown(places, LIMIT_MPS)
    assert len(jumps) >= 20
    traps = {f"trap-{number}": jump for number, jump in enumerate(jumps)}
    features = [circle(name, jump[0].lat, jump[0].lon, RADIUS_M) for name, jump in traps.items()]
    fences = write_fences(tmp_path / "fences.geojson", [*features, *grid(places, RADIUS_M, across=40)])
    left = replayed(write_capture(tmp_path / "capture.ndjson", places), tmp_path / "run", fences=fences)
    for name, jump in traps.items():
        # A receiver that is thrown aside for several fixes may go on there: of one fix alone not even a pass is believed.
        told = _visits_of(left, jump[0].vehicle, name) + (_passes_of(left, jump[0].vehicle, name) if len(jump) == 1 else [])
        assert all(abs(instant - jump[0].time) > timedelta(minutes=2) for instant in told), (jump, told)
    assert any(fence.startswith("grid-") for _, fence, *_ in left.visits)


def test_every_visit_has_places_that_were_driven_to(places: list[Place], tmp_path: Path) -> None:
    """Two places inside, one after the other, that lie no jump apart."""
    features = grid(places, RADIUS_M, across=40)
    fences = write_fences(tmp_path / "fences.geojson", features)
    left = replayed(write_capture(tmp_path / "capture.ndjson", places), tmp_path / "run", fences=fences)
    middles = {feature["id"]: feature["geometry"]["coordinates"] for feature in features}
    by_vehicle = {drive[0].vehicle: drive for drive in drives(places)}
    assert left.visits
    for vehicle, fence, entered_at, exited_at in left.visits:
        lon, lat = middles[fence]
        since = parse_rfc3339(entered_at)
        until = parse_rfc3339(exited_at) if exited_at is not None else places[-1].time
        stay = [place for place in by_vehicle[vehicle] if since <= place.time <= until]
        inside = [place for place in stay if distance_m(place.lat, place.lon, lat, lon) <= RADIUS_M]
        assert _was_driven(inside), (vehicle, fence, entered_at)


def _was_driven(inside: Sequence[Place]) -> bool:
    return any(speed_mps(start, end) <= LIMIT_MPS for start, end in pairwise(inside))


def _visits_of(left: Left, vehicle: str, fence: str) -> list[datetime]:
    return [parse_rfc3339(entered_at) for who, where, entered_at, _ in left.visits if (who, where) == (vehicle, fence)]


def _passes_of(left: Left, vehicle: str, fence: str) -> list[datetime]:
    passed = [(at, said) for who, kind, at, said in left.sayings if (who, kind) == (vehicle, "fence.crossed")]
    return [at for at, said in passed if f'"{fence}"'.encode() in said]
