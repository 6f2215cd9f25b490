"""What readers are told, against an oracle that is written for clarity: whatever happens in whatever order, a reader that applies
what it was told knows exactly what is in view."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from api.live.board import Board
from api.live.columns import PositionColumns
from api.live.delta import NOTHING, Seen, step
from api.live.frames import Bulletin
from api.live.view import Everything, Routes, Vehicles, View, area
from tests.unit.api.binary import read_frame

VEHICLES = [f"v{number}" for number in range(6)]
TENANTS = ["acme", "globex"]


def columns(*rows: tuple[str, int, float, float]) -> PositionColumns:
    """(vehicle, time in ms, lat, lon)"""
    names, times, lats, lons = zip(*rows, strict=True)
    unsaid = np.full(len(rows), np.nan, np.float32)
    return PositionColumns(
        vehicle=names,
        time=np.array(times, np.int64),
        lat=np.array(lats, np.float64),
        lon=np.array(lons, np.float64),
        speed_mps=unsaid,
        heading_deg=unsaid,
        accuracy_m=unsaid,
    )


class FakeReader:
    """Applies messages as a screen does, from JSON and from the binary form."""

    def __init__(self, view: View, *, is_binary: bool) -> None:
        self.view = view
        self.is_binary = is_binary
        self.seen: Seen = NOTHING
        self.known: dict[Any, tuple[float, float, str, str | None]] = {}
        self.names: dict[int, dict[str, Any]] = {}

    def catch_up(self, board: Board) -> None:
        is_snapshot = self.seen is NOTHING
        delta, self.seen = step(board, self.view, self.seen)
        bulletin = Bulletin(board=board, delta=delta, seq=7, is_snapshot=is_snapshot, is_binary=self.is_binary)
        for portion in range(len(bulletin)):
            for frame in bulletin.write(portion):
                self._take_binary(frame) if isinstance(frame, bytes) else self._take_json(orjson.loads(frame))

    def _take_json(self, message: dict[str, Any]) -> None:
        assert message["seq"] == 7
        if message["type"] == "gone":
            for vehicle in message["vehicles"]:
                for key in [key for key in self.known if key[1] == vehicle]:
                    del self.known[key]
            return
        if message["type"] == "snapshot":
            self.known = {}
        for one in message["positions"]:
            self.known[one["tenant"], one["vehicle"]] = (one["lat"], one["lon"], one["name"], one["route"])

    def _take_binary(self, data: bytes) -> None:
        frame = read_frame(data)
        if frame.kind == "snapshot":
            self.known = {}
        for one in frame.introduced:
            self.names[one["slot"]] = one
        for slot in frame.gone:
            if slot in self.names:  # deleted twice: it may be one that was never told
                self.known.pop((self.names[slot]["tenant"], self.names[slot]["vehicle"]), None)
        for slot, _, lat, lon, *_ in frame.rows:
            one = self.names[slot]
            self.known[one["tenant"], one["vehicle"]] = (lat, lon, one["name"], one["route"])


VIEWS: list[View] = [
    Everything(tenant="acme"),
    Vehicles(tenant="acme", vehicles=frozenset({"v1", "v4", "v9"})),
    Routes(tenant="acme", routes=frozenset({"r"}), vehicles=frozenset({"v2"})),
    area("acme", -10, -10, 10, 10),
    area("acme", 170, -90, -170, 90),
]


def is_in_view(view: View, vehicle: str, lat: float, lon: float) -> bool:
    match VIEWS.index(view):
        case 0:
            return True
        case 1:
            return vehicle in {"v1", "v4"}
        case 2:
            return vehicle == "v2"
        case 3:
            return -10 <= lat <= 10 and -10 <= lon <= 10
        case _:
            return lon >= 170 or lon <= -170


#: vehicle, how late in ms, lat, lon
MOVES = st.tuples(st.sampled_from(VEHICLES), st.integers(-5, 5), st.integers(-90, 90), st.integers(-180, 180))


class Readers(RuleBasedStateMachine):
    """One reader a view and form; each catches up whenever it likes."""

    @initialize()
    def begin(self) -> None:
        self.board = Board()
        self.truth: dict[tuple[str, str], dict[str, Any]] = {}
        self.readers = [FakeReader(view, is_binary=is_binary) for view in VIEWS for is_binary in (False, True)]
        self.now_ms = 1_000

    @rule(tenant=st.sampled_from(TENANTS), moves=st.lists(MOVES, min_size=1, max_size=8))
    def move(self, tenant: str, moves: list[tuple[str, int, int, int]]) -> None:
        self.now_ms += 3
        rows = [(vehicle, self.now_ms + late, float(lat), float(lon)) for vehicle, late, lat, lon in moves]
        self.board.apply(tenant, columns(*rows))
        for vehicle, time, lat, lon in rows:
            here = {"time": time, "lat": lat, "lon": lon, "alive": True, "frame": self.now_ms}
            known = self.truth.setdefault((tenant, vehicle), {"time": -1, "name": vehicle, "route": None})
            # Of two fixes of one instant the first to come in stays, but the last one of a frame.
            if time > known["time"] or (time == known["time"] and known["frame"] == self.now_ms):
                known.update(here)

    @rule(tenant=st.sampled_from(TENANTS), vehicle=st.sampled_from(VEHICLES), name=st.sampled_from(["A", "B"]))
    def rename(self, tenant: str, vehicle: str, name: str) -> None:
        self.board.rename(tenant, vehicle, name)
        known = self.truth.get((tenant, vehicle))
        if known is not None and known["alive"]:
            known["name"] = name

    @rule(tenant=st.sampled_from(TENANTS), vehicle=st.sampled_from(VEHICLES), route=st.sampled_from([None, "r1", "r2"]))
    def assign(self, tenant: str, vehicle: str, route: str | None) -> None:
        self.board.assign(tenant, vehicle, route)
        known = self.truth.get((tenant, vehicle))
        if known is not None and known["alive"]:
            known["route"] = route

    @rule(tenant=st.sampled_from(TENANTS), vehicle=st.sampled_from(VEHICLES))
    def remove(self, tenant: str, vehicle: str) -> None:
        self.board.remove(tenant, vehicle)
        if (tenant, vehicle) in self.truth:
            self.truth[tenant, vehicle]["alive"] = False

    @rule(reader=st.integers(0, 2 * len(VIEWS) - 1))
    def catch_up(self, reader: int) -> None:
        """After it a reader knows what is in view: no more, no less, nothing old."""
        one = self.readers[reader]
        one.catch_up(self.board)
        wanted = {
            key: (known["lat"], known["lon"], known["name"], known["route"])
            for key, known in self.truth.items()
            if key[0] == "acme" and known["alive"] and is_in_view(one.view, key[1], known["lat"], known["lon"])
        }
        assert one.known == wanted

    @rule(reader=st.integers(0, 2 * len(VIEWS) - 1))
    def subscribe_again(self, reader: int) -> None:
        self.readers[reader].seen = NOTHING

    @invariant()
    def nothing_is_told_twice(self) -> None:
        one = FakeReader(VIEWS[0], is_binary=False)
        one.catch_up(self.board)
        delta, _ = step(self.board, one.view, one.seen)
        assert delta.is_empty


TestReaders = Readers.TestCase


@given(st.floats(-180, 180), st.floats(-720, 720), st.floats(0, 359))
def test_a_box_holds_what_lies_between_its_sides(lon: float, west: float, span: float) -> None:
    """However often the box was turned around the globe. Places within rounding of a side are left out."""
    if west + span > 720:
        return
    offset = (lon - west) % 360
    if min(abs(offset), abs(offset - span), abs(offset - 360)) < 1e-6:
        return
    board = Board()
    board.apply("acme", columns(("v", 1, 0.0, lon)))
    view = area("acme", west, -1, west + span, 1)
    assert bool(view.contains(board, np.array([0]))[0]) == (offset < span)


@pytest.mark.parametrize(
    ("box", "problem"),
    [
        ((0, 10, 1, 5), "south first"),
        ((0, -91, 1, 5), "south first"),
        ((0, 0, 1e9, 1), "degrees of longitude"),
        ((0, 0, 1, 91), "south"),
    ],
)
def test_a_box_that_is_none_is_refused(box: tuple[float, float, float, float], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        area("acme", *box)


def test_the_whole_world_is_everything() -> None:
    assert area("acme", -180, -90, 180, 90) == Everything(tenant="acme")


def test_texts_are_made_once_a_change() -> None:
    board = Board()
    board.apply("acme", columns(("a", 1, 1.0, 2.0), ("b", 1, 1.0, 2.0)))
    first = board.texts(np.array([0, 1]))
    board.settle()
    board.apply("acme", columns(("b", 2, 3.0, 4.0)))
    second = board.texts(np.array([0, 1]))
    assert second[0] is first[0]
    assert orjson.loads(second[1])["lat"] == 3.0


def test_the_board_grows_and_forgets_nothing() -> None:
    board = Board()
    for start in range(0, 5_000, 500):
        board.apply("acme", columns(*((f"v{number}", 1, float(number % 90), 1.0) for number in range(start, start + 500))))
    assert board.vehicles == 5_000
    assert orjson.loads(board.texts(np.array([89]))[0])["lat"] == 89.0


def test_very_long_names_still_make_messages_below_a_mebibyte() -> None:
    board = Board()
    board.apply("acme", columns(*((f"{number}-{'x' * 1_000}", 1, 1.0, 1.0) for number in range(3_000))))
    delta, _ = step(board, Everything(tenant=None), NOTHING)
    bulletin = Bulletin(board=board, delta=delta, seq=0, is_snapshot=True, is_binary=False)
    frames = [frame for portion in range(len(bulletin)) for frame in bulletin.write(portion)]
    assert max(map(len, frames)) < 1 << 20
    assert [orjson.loads(frame)["type"] for frame in frames] == ["snapshot"] + ["positions"] * (len(frames) - 1)
    assert sum(len(orjson.loads(frame)["positions"]) for frame in frames) == 3_000
