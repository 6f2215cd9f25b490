"""Who may listen to the live stream, to what, and for how long."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import websockets

from api.settings import ApiSettings
from tests.integration.api.running import NOON_MS, Api, key, receive, running, subscribe, until
from tests.integration.store.builders import Builder, event


async def test_who_says_nothing_is_sent_away(memory_store: Any) -> None:
    async with running(memory_store, ApiSettings(expects_worker=False, live_subscribe_within_s=0.2)) as api, api.live() as live:
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await receive(live)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4408


async def test_more_connections_than_allowed_are_refused(memory_store: Any) -> None:
    async with running(memory_store, ApiSettings(expects_worker=False, max_live_connections=2)) as api:
        async with api.live() as first, api.live() as second:
            await subscribe(first)
            await subscribe(second)
            assert await close_code(api) == 4429
        await until(lambda: not api.hub.reader_count)
        async with api.live() as third:
            await subscribe(third)


async def close_code(api: Api, name: str | None = "acme-viewer", **options: Any) -> int | None:
    """With which code a connection is closed that asks for everything; None where it is not."""
    async with api.live(name, **options) as live:
        try:
            await subscribe(live)
        except websockets.ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else -1
        return None


async def test_only_who_has_a_key_may_listen(memory_api: Api) -> None:
    own = f"http://127.0.0.1:{memory_api.port}"
    assert await close_code(memory_api, None) == 4401
    assert await close_code(memory_api, None, headers={"authorization": "Bearer ork_wrong"}) == 4401
    assert await close_code(memory_api, None, headers={"authorization": "Basic abc"}) == 4401
    assert await close_code(memory_api, "acme-viewer") is None
    assert await close_code(memory_api, None, subprotocols=["outrider.v1", "outrider.key." + key("acme-viewer")]) is None
    assert await close_code(memory_api, None, subprotocols=["outrider.v1", "outrider.key.wrong"]) == 4401
    session = await memory_api.client(None).post("/v1/session", json={"key": key("acme-viewer")})
    cookie = f"outrider_session={session.cookies['outrider_session']}"
    assert await close_code(memory_api, None, headers={"cookie": cookie, "origin": own}) is None
    assert await close_code(memory_api, None, headers={"cookie": cookie, "origin": "https://evil.example"}) == 4403
    assert await close_code(memory_api, None, headers={"cookie": "outrider_session=forged.99999999999.x"}) == 4401
    assert await close_code(memory_api, "acme-viewer", query="?tenant=globex") == 4403


async def test_a_revoked_key_ends_its_connections(memory_store: Any) -> None:
    settings = ApiSettings(expects_worker=False, live_access_recheck_s=0.1)
    async with running(memory_store, settings) as api, api.live("acme-viewer") as live, api.live("acme-operator") as other:
        await subscribe(live)
        await subscribe(other)
        assert (await api.client("acme-admin").delete("/v1/keys/acme-viewer")).status_code == 204
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await receive(live)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
        api.publish([("van-1", 1.0, 2.0)])
        assert (await receive(other, "positions"))["positions"]


async def test_a_tenants_reader_sees_nothing_of_another_tenant(api: Api) -> None:
    """Whatever it asks for; and one key for all tenants sees them all, or the one it names."""
    eta = {"at": "2026-02-16T12:00:00Z", "vehicle": "van-1", "route": "r1", "stop": "s1"}
    async with (
        api.live("acme-viewer") as live,
        api.live("root-viewer") as root,
        api.live("root-viewer", query="?tenant=acme") as one,
    ):
        wishes: list[dict[str, Any]] = [
            {"vehicles": ["van-1"]},
            {"routes": ["r1"]},
            {"bbox": [-180, -90, 180, 90]},
            {"bbox": [0, 0, 9, 9]},
            {},
        ]
        for number, wish in enumerate(wishes):
            await subscribe(live, subscribe=wish, since=0, max_hz=20)
            api.publish([("van-1", 1.0, 1.0 + number)], tenant="globex", at_ms=NOON_MS + number)
            api.bus.publish("outrider/live/globex/etas", orjson.dumps({"etas": [eta]}))
            await Builder(api.store).commit(events=[event(number, tenant="globex", route="r1")])
            api.announce_events("globex")
        await subscribe(root, since=0)
        assert (await receive(root, "event"))["event"]["tenant"] == "globex"
        assert (await subscribe(one))["positions"] == []
        await Builder(api.store).commit(events=[event(99)])
        api.publish([("van-9", 1.0, 1.0)], at_ms=NOON_MS + 9)
        api.announce_events()
        seen = [await receive(live)]
        while not {"event", "positions"} <= {message["type"] for message in seen}:
            seen.append(await receive(live))
        assert {position["tenant"] for message in seen for position in message.get("positions", [])} == {"acme"}
        assert [message["event"]["tenant"] for message in seen if message["type"] == "event"] == ["acme"]
        assert not [message for message in seen if message["type"] == "eta"]


async def test_readers_are_told_when_the_server_stops(memory_store: Any) -> None:
    async with running(memory_store) as api:
        live = await api.live()
        await subscribe(live)
    with pytest.raises(websockets.ConnectionClosed) as closed:
        await receive(live)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
