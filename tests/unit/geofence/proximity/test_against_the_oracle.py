"""Proximity in columns against the plain, slow telling of `tests/oracle/proximity.py`, on random worlds."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.geodesy import distances_m
from geofence.proximity.near import find_near
from geofence.proximity.settings import Limits
from tests.oracle.proximity import Oracle, slots_of
from tests.unit.geofence.proximity.meetings import World, as_episodes, folded, worlds


@given(worlds().filter(lambda world: all(world.fleet.values())))
@settings(max_examples=150, deadline=None)
def test_finds_what_the_oracle_finds(world: World) -> None:
    limits = Limits.of(world.settings)
    assert limits is not None
    first, last = slots_of(world.fleet, world.settings)
    expected = Oracle(world.settings, limits, world.excepted).episodes(world.fleet, first, last + 100)
    assert as_episodes(folded(world.fleet, world.settings, world.excepted, beyond_s=3000)) == expected


@given(
    seed=st.integers(0, 2**32),
    count=st.integers(0, 60),
    spread_m=st.sampled_from([10.0, 60.0, 300.0]),
    lat=st.sampled_from([0.0, 47.4, -70.0, 89.9999, -89.9995]),
    lon=st.sampled_from([0.0, 8.5, 179.9999, -180.0]),
    most_near=st.integers(0, 12),
)
@settings(max_examples=200, deadline=None)
def test_neighbours_in_cubes_are_those_of_comparing_all(
    seed: int, count: int, spread_m: float, lat: float, lon: float, most_near: int
) -> None:
    random = np.random.default_rng(seed)
    lats = np.clip(lat + random.normal(0, spread_m / 111_195, count), -90, 90)
    lons = lon + random.normal(0, spread_m / 111_195 / max(1e-5, np.cos(np.radians(lat))), count)
    near_m = Random(seed).choice([15.0, 48.1, 230.0])
    distance = distances_m(lats[:, None], lons[:, None], lats[None, :], lons[None, :])
    is_near = (distance <= near_m) & ~np.eye(count, dtype=np.bool_)
    is_crowded = is_near.sum(axis=1) > most_near
    pairs = np.argwhere(np.triu(is_near & ~is_crowded[:, None] & ~is_crowded[None, :]))
    found = find_near(lats, lons, near_m, most_near)
    assert sorted(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [tuple(pair) for pair in pairs.tolist()]
    assert found.is_crowded.tolist() == is_crowded.tolist()
