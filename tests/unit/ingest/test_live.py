"""Live frames: the newest of each vehicle, ten times a second at most, nothing that waits."""

import json
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from fleet.clock import to_micros
from fleet.fix import FixBatch, Int64s
from fleet.route import Eta
from fleet.screening import Flag
from ingest.live import FRAME_INTERVAL_S, LiveFrames
from tests.unit.ingest.loop.parts import NOW, NotedFrames

NAMES = {1: ("acme", "van-1"), 2: ("acme", "van-2"), 3: ("zeta", "van-1")}


def names_of(keys: Int64s) -> list[tuple[str, str]]:
    return [NAMES.get(key, ("", "")) for key in keys.tolist()]


class Bench:
    """Frames with a clock that the test turns."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.publisher = NotedFrames()
        self.frames = LiveFrames(self.publisher, vehicles_of=names_of, clock=self.clock)

    def clock(self) -> float:
        return self.now_s

    def positions(self, tenant: str) -> list[dict[str, list[object]]]:
        return [json.loads(payload) for payload in self.publisher.on(f"outrider/live/{tenant}/positions")]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def fixes(*rows: tuple[int, float, float]) -> FixBatch:
    """Vehicle, seconds before NOW, lat."""
    batch = FixBatch.allocate(len(rows))
    batch.vehicle = np.array([row[0] for row in rows], np.int64)
    batch.time = np.array([to_micros(NOW) - round(row[1] * 1e6) for row in rows], np.int64)
    batch.lat = np.array([row[2] for row in rows])
    batch.lon = np.full(len(rows), 24.123456789)
    return batch


def test_of_each_vehicle_the_newest_by_time(bench: Bench) -> None:
    bench.frames.committed([fixes((1, 5, 60.1), (2, 5, 60.2), (1, 3, 60.3), (1, 4, 60.4))], [], [], 0)
    (frame,) = bench.positions("acme")
    assert frame == {
        "vehicle": ["van-1", "van-2"],
        "time": [to_micros(NOW) // 1000 - 3000, to_micros(NOW) // 1000 - 5000],
        "lat": [60.3, 60.2],
        "lon": [24.1234568, 24.1234568],
        "speed_mps": [None, None],
        "heading_deg": [None, None],
        "accuracy_m": [None, None],
    }


def test_a_jump_and_swapped_coordinates_are_not_shown(bench: Bench) -> None:
    batch = fixes((1, 5, 60.1), (1, 3, 60.3), (2, 5, 60.2), (2, 4, 60.4))
    batch.flags[:] = [0, Flag.TELEPORT, Flag.STATIC_DRIFT, Flag.SWAPPED]
    bench.frames.committed([batch], [], [], 0)
    assert [frame["lat"] for frame in bench.positions("acme")] == [[60.1, 60.2]]
    bench.now_s += FRAME_INTERVAL_S
    bench.frames.committed([batch.take(batch.flags == Flag.SWAPPED)], [], [], 0)
    assert len(bench.positions("acme")) == 1


def test_tenants_do_not_see_one_another(bench: Bench) -> None:
    bench.frames.committed([fixes((1, 5, 60.1), (3, 5, 50.1))], [], [], 0)
    assert [frame["lat"] for frame in bench.positions("acme")] == [[60.1]]
    assert [frame["lat"] for frame in bench.positions("zeta")] == [[50.1]]


def test_at_most_one_frame_an_interval_and_nothing_is_forgotten(bench: Bench) -> None:
    for number in range(5):
        bench.frames.committed([fixes((1, 10 - number, 60.0 + number))], [], [], 0)
        bench.now_s += FRAME_INTERVAL_S / 10
    assert len(bench.positions("acme")) == 1
    assert bench.frames.due_in_s == pytest.approx(FRAME_INTERVAL_S / 2)
    bench.now_s += FRAME_INTERVAL_S
    assert bench.frames.due_in_s == 0.0
    bench.frames.flush()
    assert bench.positions("acme")[-1]["lat"] == [64.0]
    assert bench.frames.due_in_s is None


def test_events_are_announced_at_once(bench: Bench) -> None:
    bench.frames.committed([], [], ["acme", "acme", "zeta"], 17)
    assert sorted(topic for topic, _ in bench.publisher.frames) == ["outrider/live/acme/events", "outrider/live/zeta/events"]
    assert [json.loads(payload) for _, payload in bench.publisher.frames] == [{"seq": 17}] * 2


def test_of_each_stop_the_newest_prediction(bench: Bench) -> None:
    def eta(stop: str, minutes: int) -> Eta:
        at = NOW + timedelta(minutes=minutes)
        return Eta(at=NOW, tenant="acme", vehicle="van-1", route="r", stop=stop, p10=at, p50=at, p90=at, shown=at)

    bench.frames.committed([], [eta("a", 1), eta("b", 2), eta("a", 3)], [], 0)
    (frame,) = [json.loads(payload) for payload in bench.publisher.on("/etas")]
    assert [(one["stop"], one["p50"]) for one in frame["etas"]] == [
        ("a", "2026-02-16T16:03:00.000Z"),
        ("b", "2026-02-16T16:02:00.000Z"),
    ]


def test_a_vehicle_that_was_deleted_meanwhile_is_left_out(bench: Bench) -> None:
    bench.frames.committed([fixes((1, 5, 60.1), (99, 5, 60.2))], [], [], 0)
    assert [frame["vehicle"] for frame in bench.positions("acme")] == [["van-1"]]


def test_dropped_frames_are_counted() -> None:
    class Full:
        def offer(self, topic: str, payload: bytes) -> bool:
            return False

    clock: Callable[[], float] = lambda: 0.0  # noqa: E731
    frames = LiveFrames(Full(), vehicles_of=names_of, clock=clock)
    frames.committed([fixes((1, 5, 60.1))], [], ["acme"], 1)
    assert (frames.frames, frames.dropped) == (2, 2)
