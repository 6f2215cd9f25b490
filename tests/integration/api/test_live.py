"""The live stream over real WebSockets: what a screen sees, whatever happens to its connection."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import orjson
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from api.serve import LiveProtocol
from api.settings import ApiSettings
from tests.integration.api.running import NOON_MS, Api, receive, running, say, subscribe, until
from tests.integration.store.builders import Builder, at, event, fixes
from tests.unit.api.binary import read_frame

POSITION = {
    "tenant": "acme",
    "vehicle": "van-1",
    "name": "van-1",
    "time": "2026-02-16T12:00:00.000Z",
    "lat": 52.5,
    "lon": 13.4,
    "speed_mps": 8.5,
    "heading_deg": None,
    "accuracy_m": 5.0,
    "route": None,
}


async def vehicles_until(live: ClientConnection, wanted: set[str]) -> dict[str, dict[str, Any]]:
    """Positions, newest of each vehicle, until all the wanted ones were told."""
    newest: dict[str, dict[str, Any]] = {}
    while not wanted <= newest.keys():
        message = await receive(live, "positions", "snapshot")
        newest |= {position["vehicle"]: position for position in message["positions"]}
    return newest


async def events_until(live: ClientConnection, count: int) -> list[dict[str, Any]]:
    return [await receive(live, "event") for _ in range(count)]


async def test_a_reader_gets_a_snapshot_and_then_what_moves(api: Api) -> None:
    api.publish([("van-1", 52.5, 13.4)])
    async with api.live() as live:
        await vehicles_until_known(api, 1)
        assert await subscribe(live, max_hz=20) == {"type": "snapshot", "seq": 0, "positions": [POSITION]}
        api.publish([("van-1", 52.6, 13.4)], at_ms=NOON_MS + 1000)
        moved = await receive(live, "positions")
        assert moved["positions"] == [{**POSITION, "lat": 52.6, "time": "2026-02-16T12:00:01.000Z"}]


async def vehicles_until_known(api: Api, count: int) -> None:
    await until(lambda: api.hub.board.vehicles >= count)


async def test_an_older_position_does_not_replace_a_newer_one(memory_api: Api) -> None:
    memory_api.publish([("van-1", 52.5, 13.4)])
    async with memory_api.live() as live:
        await vehicles_until_known(memory_api, 1)
        await subscribe(live, max_hz=20)
        memory_api.publish([("van-1", 50.0, 10.0)], at_ms=NOON_MS - 1)
        memory_api.publish([("van-2", 1.0, 2.0)])
        newest = await vehicles_until(live, {"van-2"})
        assert newest.keys() == {"van-2"}


async def test_a_box_tells_who_enters_and_who_leaves(memory_api: Api) -> None:
    api = memory_api
    api.publish([("in", 10.0, 10.0), ("out", 50.0, 50.0)])
    async with api.live() as live:
        await vehicles_until_known(api, 2)
        snapshot = await subscribe(live, subscribe={"bbox": [5, 5, 15, 15]}, max_hz=20)
        assert [position["vehicle"] for position in snapshot["positions"]] == ["in"]
        api.publish([("in", 20.0, 20.0), ("out", 12.0, 12.0)], at_ms=NOON_MS + 1)
        seen = [await receive(live, "positions", "gone") for _ in range(2)]
        assert [message["type"] for message in seen] == ["positions", "gone"]
        assert [position["vehicle"] for position in seen[0]["positions"]] == ["out"]
        assert seen[1]["vehicles"] == ["in"]


async def test_a_box_may_cross_the_antimeridian(memory_api: Api) -> None:
    api = memory_api
    api.publish([("fiji", -17.0, 178.0), ("samoa", -13.8, -172.1), ("berlin", 52.5, 13.4)])
    async with api.live() as live:
        await vehicles_until_known(api, 3)
        for box in ([170, -30, -170, 0], [170, -30, 190, 0], [-190, -30, -170, 0]):
            snapshot = await subscribe(live, subscribe={"bbox": box})
            assert {position["vehicle"] for position in snapshot["positions"]} == {"fiji", "samoa"}


async def test_what_is_wanted_can_be_changed_at_any_time(memory_api: Api) -> None:
    api = memory_api
    api.publish([("a", 1.0, 1.0), ("b", 2.0, 2.0)])
    async with api.live() as live:
        await vehicles_until_known(api, 2)
        assert len((await subscribe(live))["positions"]) == 2
        only = await subscribe(live, subscribe={"vehicles": ["b", "nobody"]}, max_hz=20)
        assert [position["vehicle"] for position in only["positions"]] == ["b"]
        api.publish([("a", 1.5, 1.0), ("b", 2.5, 2.0)], at_ms=NOON_MS + 1)
        moved = await receive(live, "positions")
        assert [position["vehicle"] for position in moved["positions"]] == ["b"]


async def test_routes_bring_their_vehicles_and_their_events(api: Api) -> None:
    client = api.client("acme-operator")
    for vehicle, route in (("van-1", "r1"), ("van-2", "r2")):
        await client.post("/v1/vehicles", json={"id": vehicle})
        body = {"id": route, "vehicle": vehicle, "starts_at": "2026-02-16T12:00:00Z", "stops": []}
        assert (await client.post("/v1/routes", json=body)).status_code == 201
    api.publish([("van-1", 1.0, 1.0), ("van-2", 2.0, 2.0)])
    async with api.live() as live:
        await vehicles_until_known(api, 2)
        snapshot = await subscribe(live, subscribe={"routes": ["r2"]})
        assert [position["vehicle"] for position in snapshot["positions"]] == ["van-2"]
        await Builder(api.store).commit(
            events=[
                event(1, vehicle="van-1", route="r1", stop="s"),
                event(2, vehicle="van-2", route="r2", stop="t"),
                event(3, vehicle="van-2", type_="vehicle.offline"),
            ]
        )
        api.announce_events()
        assert [message["event"]["vehicle"] for message in await events_until(live, 2)] == ["van-2", "van-2"]


async def test_events_come_in_order_with_their_numbers(api: Api) -> None:
    async with api.live() as live:
        before = (await subscribe(live))["seq"]
        await Builder(api.store).commit(events=[event(number) for number in range(5)])
        api.announce_events()
        messages = await events_until(live, 5)
        seqs = [message["seq"] for message in messages]
        assert seqs == sorted(set(seqs))
        assert seqs[0] > before
        assert messages[0]["event"] == {**event(0).as_json(), "seq": seqs[0]}


async def test_since_resumes_events_with_no_gap_and_no_double(api: Api) -> None:
    builder = Builder(api.store)
    async with api.live() as live:
        await subscribe(live)
        await builder.commit(events=[event(number) for number in range(3)])
        api.announce_events()
        last = (await events_until(live, 3))[-1]["seq"]
    await builder.commit(events=[event(number) for number in range(3, 700)])  # nobody listens; more than one page
    api.announce_events()
    async with api.live() as live:
        snapshot = await subscribe(live, since=last)
        assert snapshot["seq"] == last
        await builder.commit(events=[event(number) for number in range(700, 800)])  # while it catches up
        api.announce_events()
        messages = await events_until(live, 797)
    assert [message["event"]["id"] for message in messages] == [event(number).id for number in range(3, 800)]


async def test_a_reader_far_behind_is_fed_from_the_store(store: Any) -> None:
    builder = Builder(store)
    async with running(store, ApiSettings(expects_worker=False, live_event_window=100)) as api:
        for start in range(0, 1000, 250):
            await builder.commit(events=[event(number) for number in range(start, start + 250)])
            await builder.commit(events=[event(start, tenant="globex")])
        newest = await store.last_seq()
        await until(lambda: api.hub.feed.last_seq >= newest)
        assert not api.hub.feed.reaches_back_to(0)
        async with api.live() as live:
            await subscribe(live, since=0)
            messages = await events_until(live, 1000)
        assert [message["event"]["id"] for message in messages] == [event(number).id for number in range(1000)]
        assert api.hub.counts.refeeds > 0


async def test_since_a_number_that_never_was_begins_at_the_newest(memory_api: Api) -> None:
    """A screen that knew another database must not wait for ever."""
    async with memory_api.live() as live:
        assert (await subscribe(live, since=10**9))["seq"] == 0
        await Builder(memory_api.store).commit(events=[event(1)])
        assert (await receive(live, "event"))["seq"] == 1


async def test_predictions_are_streamed_and_tell_the_route(memory_api: Api) -> None:
    api = memory_api
    eta = {
        "at": "2026-02-16T12:00:00Z",
        "vehicle": "van-1",
        "route": "r1",
        "stop": "s1",
        "p10": "x",
        "p50": "y",
        "p90": "z",
        "shown": "y",
    }
    api.publish([("van-1", 1.0, 1.0)])
    async with api.live() as live, api.live() as deaf:
        await vehicles_until_known(api, 1)
        await subscribe(live, max_hz=20)
        await subscribe(deaf, max_hz=20, etas=False)
        api.bus.publish("outrider/live/acme/etas", orjson.dumps({"etas": [eta]}))
        assert (await receive(live, "eta"))["etas"] == [eta]
        assert (await receive(deaf))["positions"][0]["route"] == "r1"
        again = await subscribe(live, subscribe={"vehicles": ["van-1"]})
        assert again["positions"][0]["route"] == "r1"
        assert (await receive(live, "eta"))["etas"] == [eta]  # those of a few vehicles are told at once


async def test_the_binary_form_says_the_same(memory_api: Api) -> None:
    api = memory_api
    api.publish([("van-1", 52.5, 13.4)])
    async with api.live() as live:
        await vehicles_until_known(api, 1)
        await say(live, subscribe={}, encoding="binary", max_hz=20)
        frame = read_frame(await live.recv(decode=False))
        assert frame.kind == "snapshot"
        assert frame.introduced == [{"slot": 0, "tenant": "acme", "vehicle": "van-1", "name": "van-1", "route": None}]
        assert frame.rows == [(0, NOON_MS, 52.5, 13.4, 8.5, None, 5.0)]
        api.publish([("van-1", 52.6, 13.4)], at_ms=NOON_MS + 5)
        moved = read_frame(await live.recv(decode=False))
        assert (moved.kind, moved.introduced) == ("positions", [])
        assert moved.rows == [(0, NOON_MS + 5, 52.6, 13.4, 8.5, None, 5.0)]


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("{", "no JSON"),
        ("[]", "should be an object"),
        ('{"subscribe": {"bbox": [1, 2, 3]}}', "subscribe.bbox"),
        ('{"subscribe": {"bbox": [0, 10, 1, 5]}}', "south first"),
        ('{"subscribe": {"bbox": [0, 0, 1, 1], "vehicles": ["a"]}}', "exclude each other"),
        ('{"subscribe": {"vehicles": "a"}}', "subscribe.vehicles"),
        ('{"subscribe": {}, "max_hz": 0}', "max_hz"),
        ('{"subscribe": {}, "max_hz": NaN}', "no JSON"),
        ('{"subscribe": {}, "encoding": "xml"}', "encoding"),
        ('{"subscribe": {}, "since": -1}', "since"),
        ('{"subscribe": {}, "evnets": true}', "evnets"),
    ],
)
async def test_a_bad_message_is_answered_and_the_connection_stays(memory_api: Api, text: str, detail: str) -> None:
    async with memory_api.live() as live:
        await live.send(text)
        answer = await receive(live)
        assert (answer["type"], answer["title"]) == ("error", "Bad message")
        assert detail in answer["detail"]
        assert (await subscribe(live))["positions"] == []


async def test_an_absurdly_large_message_ends_the_connection(memory_api: Api) -> None:
    async with memory_api.live() as live:
        await live.send("x" * (2 << 20))
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await receive(live)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def test_a_slow_reader_gets_the_newest_and_slows_nobody(memory_api: Api) -> None:
    """It does not read while the fleet moves 60 times; others see every move; memory stays bounded; then it sees the newest."""
    api, fleet = memory_api, [f"v{number}" for number in range(3_000)]
    async with api.live(max_queue=1) as slow, api.live() as quick:
        api.publish([(vehicle, 0.0, 0.0) for vehicle in fleet])
        await vehicles_until_known(api, len(fleet))
        await subscribe(quick, max_hz=20, events=False)
        await say(slow, subscribe={}, max_hz=20)
        await asyncio.sleep(0.1)
        slow.transport.pause_reading()  # from here on its TCP window fills up
        for move in range(1, 61):
            api.publish([(vehicle, move / 1000, 0.0) for vehicle in fleet], at_ms=NOON_MS + move)
            seen = (await vehicles_until(quick, {"v0", "v2999"}))["v0"]["lat"]
            while seen < move / 1000:
                seen = (await vehicles_until(quick, {"v0", "v2999"}))["v0"]["lat"]
        buffered = [_buffered(connection) for connection in _connections(api)]
        assert max(buffered) <= 1_100_000, "more than one message waits for the slow reader"
        slow.transport.resume_reading()
        messages = 0
        async with asyncio.timeout(20):
            newest: dict[str, float] = {}
            while newest.get("v0") != 0.06 or newest.get("v2999") != 0.06:
                messages += 1
                positions = orjson.loads(await slow.recv())["positions"]
                newest |= {position["vehicle"]: position["lat"] for position in positions}
        assert messages < 60, "positions were queued for it instead of coalesced"


def _connections(api: Api) -> list[Any]:
    return [found for found in gc.get_objects() if isinstance(found, LiveProtocol) and found.server == ("127.0.0.1", api.port)]


def _buffered(connection: Any) -> int:
    size: int = connection.transport.get_write_buffer_size()
    return size


async def test_a_large_snapshot_comes_in_pieces_that_any_client_takes(memory_api: Api) -> None:
    api, fleet = memory_api, [f"vehicle-with-a-rather-long-name-{number}" for number in range(20_000)]
    for start in range(0, len(fleet), 5_000):
        api.publish([(vehicle, 1.0, 2.0) for vehicle in fleet[start : start + 5_000]])
    async with api.live(max_size=1 << 20) as live:
        await vehicles_until_known(api, len(fleet))
        snapshot = await subscribe(live)
        assert len(snapshot["positions"]) < len(fleet)
        seen = {position["vehicle"] for position in snapshot["positions"]}
        while len(seen) < len(fleet):
            seen |= {position["vehicle"] for position in (await receive(live, "positions"))["positions"]}
        assert seen == set(fleet)


async def test_a_deleted_vehicle_is_gone_and_a_renamed_one_is_told(api: Api) -> None:
    client = api.client("acme-operator")
    for vehicle in ("van-1", "van-2"):
        await client.post("/v1/vehicles", json={"id": vehicle})
    api.publish([("van-1", 1.0, 1.0), ("van-2", 2.0, 2.0)])
    async with api.live() as live:
        await vehicles_until_known(api, 2)
        await subscribe(live, max_hz=20)
        await client.patch("/v1/vehicles/van-2", json={"name": "Second"})
        assert (await receive(live, "positions"))["positions"][0]["name"] == "Second"
        assert (await client.delete("/v1/vehicles/van-1")).status_code == 204
        assert (await receive(live, "gone"))["vehicles"] == ["van-1"]


async def test_after_an_interruption_of_the_bus_positions_come_from_the_store(api: Api) -> None:
    builder = Builder(api.store)
    (number,) = await builder.keys("van-1")
    async with api.live() as live:
        await subscribe(live, max_hz=20)
        api.bus.interrupt()
        await builder.commit(fixes([(number, at(0))]))
        api.publish([("van-1", 0.0, 0.0)])  # lost
        api.bus.reconnect()
        position = (await receive(live, "positions"))["positions"][0]
        assert (position["vehicle"], position["lat"], position["lon"]) == ("van-1", 60.0, 24.0)


async def test_bad_frames_of_the_bus_are_counted_and_left_out(memory_api: Api) -> None:
    api = memory_api
    frames = [
        b"{",
        b"[]",
        b'{"vehicle":["a"],"time":[1],"lat":[1]}',
        b'{"vehicle":["a"],"time":[1,2],"lat":[1],"lon":[1]}',
        b'{"vehicle":["a"],"time":["x"],"lat":[1],"lon":[1]}',
        b'{"vehicle":["a"],"time":[1],"lat":[null],"lon":[1]}',
        b'{"vehicle":["a"],"time":[9223372036854775807],"lat":[1],"lon":[1]}',
        b'{"vehicle":[7],"time":[1],"lat":[1],"lon":[1]}',
    ]
    for frame in frames:
        api.bus.publish("outrider/live/acme/positions", frame)
    api.bus.publish("outrider/live/acme/etas", b'{"etas":[{"at":"never","vehicle":"v","route":"r","stop":"s"}]}')
    api.publish([("good", 1.0, 2.0)])
    await vehicles_until_known(api, 1)
    assert api.hub.counts.bad_frames == len(frames) + 1
    assert api.hub.board.vehicle_of == ["good"]
