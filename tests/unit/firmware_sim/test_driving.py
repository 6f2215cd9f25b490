"""Simulated vans behave like vans, and a seed tells the whole story."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import orjson
import pytest

from firmware_sim.drive import DriveOptions, FleetDrive
from firmware_sim.osm import load_osm
from firmware_sim.planner import NoPlanner
from firmware_sim.road_graph import NoRoad
from firmware_sim.rounds import Round, RoundOptions, plan_round
from firmware_sim.town import built_in_town
from firmware_sim.tracker import Tracker, TrackerModel
from firmware_sim.van import Truth, Van
from fleet.geodesy import distance_m
from fleet.plan import parse_plan
from ingest.formats.native_encoder import topic_of

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
STANDING = Truth(lat=54.72, lon=2.36, speed_mps=0.0, heading_deg=0.0, is_in_tunnel=False, is_serving=True)


def a_round(seed: int = 1, stops: int = 6) -> Round:
    rng = np.random.default_rng(seed)
    options = RoundOptions(stops=stops)
    return plan_round(built_in_town(), vehicle="van-01", route="R-1", start=10, starts_at=START, rng=rng, options=options)


def test_a_van_serves_every_stop_of_its_round_where_it_was_planned() -> None:
    one = a_round()
    van = Van(legs=one.legs, rng=np.random.default_rng(2))
    served: list[tuple[float, float]] = []
    for _ in range(4 * 3600):
        leg_before, truth = van.leg, van.truth()
        van.advance(1.0)
        if van.leg != leg_before:
            served.append((truth.lat, truth.lon))
    assert van.is_done
    planned = [(stop["lat"], stop["lon"]) for stop in one.route["stops"]]
    assert [distance_m(*here, *there) < 3 for here, there in zip(served, planned, strict=True)] == [True] * 6


def test_a_van_moves_as_a_van_can() -> None:
    van = Van(legs=a_round().legs, rng=np.random.default_rng(3))
    speeds, places = [], []
    while not van.is_done:
        van.advance(1.0)
        truth = van.truth()
        speeds.append(truth.speed_mps)
        places.append((truth.lat, truth.lon))
    assert max(speeds) < 60 / 3.6
    assert max(abs(after - before) for before, after in pairwise(speeds) if after > 0) <= 3.0 + 1e-9
    assert max(distance_m(*before, *after) for before, after in pairwise(places)) < 20


def test_noise_is_as_large_as_said_and_neighbours_resemble_each_other() -> None:
    tracker = Tracker(model=TrackerModel(noise_m=8.0), rng=np.random.default_rng(4))
    fixes = [
        fix
        for second in range(20_000)
        for burst in tracker.report(STANDING, START + timedelta(seconds=second), 1.0, 0.0)
        for fix in burst
    ]
    errors = np.array([distance_m(fix.lat, fix.lon, STANDING.lat, STANDING.lon) for fix in fixes])
    # Two independent axes of 8 m: the root of the mean square distance is 8 * sqrt(2).
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(8 * 2**0.5, rel=0.15)
    assert np.corrcoef(errors[:-1], errors[1:])[0, 1] > 0.9


def test_an_outage_is_made_up_for_by_bursts_and_loses_nothing() -> None:
    tracker = Tracker(model=TrackerModel(outages_per_h=30, outage_s=120), rng=np.random.default_rng(5))
    bursts = [burst for second in range(7200) for burst in tracker.report(STANDING, START + timedelta(seconds=second), 1.0, 0.0)]
    assert max(len(burst) for burst in bursts) > 1
    assert max(len(burst) for burst in bursts) <= 50
    numbers = [fix.seq for burst in bursts for fix in burst]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 6000


def test_there_is_no_position_in_a_tunnel() -> None:
    tunnel = Truth(lat=54.72, lon=2.36, speed_mps=12.0, heading_deg=90.0, is_in_tunnel=True, is_serving=False)
    assert Tracker(model=TrackerModel(), rng=np.random.default_rng(6)).report(tunnel, START, 1.0, 0.0) == []
    assert len(Tracker(model=TrackerModel(has_tunnels=False), rng=np.random.default_rng(6)).report(tunnel, START, 1.0, 0.0)) == 1


def test_a_clock_is_off_by_no_more_than_said() -> None:
    offsets = []
    for seed in range(50):
        tracker = Tracker(model=TrackerModel(clock_offset_s=20), rng=np.random.default_rng(seed))
        offsets.append((tracker.report(STANDING, START, 1.0, 0.0)[0][0].time - START).total_seconds())
    assert max(map(abs, offsets)) <= 20
    assert np.std(offsets) > 5


async def drive(options: DriveOptions) -> tuple[list[tuple[str, bytes]], FleetDrive]:
    sent: list[tuple[str, bytes]] = []

    async def transmit(topic: str, payload: bytes, *, retain: bool = False) -> None:
        if not retain:
            sent.append((topic, payload))

    async def no_wait(_: float) -> None:
        return None

    fleet = FleetDrive(
        graph=built_in_town(), options=options, transmit=transmit, planner=NoPlanner(), clock=lambda: START, sleep=no_wait
    )
    await fleet.run()
    return sent, fleet


async def test_the_seed_tells_the_whole_story() -> None:
    options = DriveOptions(vans=5, seed=7, duration_s=300)
    first, _ = await drive(options)
    again, _ = await drive(options)
    other, _ = await drive(DriveOptions(vans=5, seed=8, duration_s=300))
    assert first == again
    assert first != other


async def test_every_van_reports_every_interval_under_its_own_topic() -> None:
    sent, fleet = await drive(DriveOptions(vans=3, seed=1, duration_s=120, tracker=TrackerModel(has_tunnels=False)))
    assert {topic for topic, _ in sent} == {topic_of("default", f"van-0{n}") for n in (1, 2, 3)}
    assert fleet.progress.messages == len(sent) == 3 * 120
    report = orjson.loads(sent[0][1])
    assert {"time", "lat", "lon", "speed_mps", "accuracy_m", "satellites", "seq", "extras"} <= set(report)


def test_the_plan_is_one_that_the_plan_reader_takes() -> None:
    plan = orjson.dumps({"routes": [a_round(stops=12).route]})
    routes = parse_plan(plan, tenant="default")
    assert [stop.seq for stop in routes[0].stops] == list(range(1, 13))


def test_a_file_that_is_no_map_is_named(tmp_path: Path) -> None:
    path = tmp_path / "town.osm.pbf"
    path.write_bytes(b"not a map")
    with pytest.raises(NoRoad, match=r"town\.osm\.pbf"):
        load_osm(path)


def test_roads_of_an_extract_respect_one_way_streets(tmp_path: Path) -> None:
    path = tmp_path / "three.osm"
    path.write_text(
        """<osm version="0.6">
        <node id="1" lat="50.0" lon="8.0"/><node id="2" lat="50.0" lon="8.01"/><node id="3" lat="50.01" lon="8.01"/>
        <node id="4" lat="50.02" lon="8.02"/>
        <way id="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/><tag k="oneway" v="yes"/></way>
        <way id="2"><nd ref="2"/><nd ref="3"/><tag k="highway" v="primary"/><tag k="maxspeed" v="30 mph"/></way>
        <way id="3"><nd ref="3"/><nd ref="1"/><tag k="highway" v="tertiary"/><tag k="tunnel" v="yes"/></way>
        <way id="4"><nd ref="3"/><nd ref="4"/><tag k="highway" v="footway"/></way>
        </osm>"""
    )
    graph = load_osm(path)
    assert graph.junctions == 3
    one = next(index for index in range(3) if (graph.lat[index], graph.lon[index]) == (50.0, 8.0))
    two = next(index for index in range(3) if (graph.lat[index], graph.lon[index]) == (50.0, 8.01))
    assert len(graph.way(one, two).speed_mps) == 1
    back = graph.way(two, one)
    assert back.is_tunnel.tolist() == [False, True]
    assert back.speed_mps[0] == pytest.approx(30 * 1.609344 / 3.6)
