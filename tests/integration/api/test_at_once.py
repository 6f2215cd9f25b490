"""Two people who change the same thing at the same moment."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.api.running import Api


class Meeting:
    """Holds up what a repository reads until two have read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, repository: object, method: str) -> None:
        read, self._readers = getattr(type(repository), method), 0
        both_have_read = asyncio.Event()

        async def meet(own: object, *arguments: Any, **named: Any) -> Any:
            found = await read(own, *arguments, **named)
            self._readers += 1
            if self._readers >= 2:
                both_have_read.set()
            await both_have_read.wait()
            return found

        monkeypatch.setattr(type(repository), method, meet)


async def test_of_two_changes_at_once_if_match_lets_one_pass(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    client = api.client("acme-operator")
    tag = (await client.post("/v1/orders", json={"id": "o", "customer": "nobody"})).headers["etag"]
    Meeting(monkeypatch, api.store.orders, "get")
    changes = [client.patch("/v1/orders/o", json={"customer": name}, headers={"if-match": tag}) for name in ("Ada", "Bob")]
    answers = await asyncio.gather(*changes)
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    written = next(answer.json()["customer"] for answer in answers if answer.status_code == 200)
    assert (await client.get("/v1/orders/o")).json()["customer"] == written


async def test_of_a_change_and_a_deletion_at_once_if_match_lets_one_pass(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    client = api.client("acme-operator")
    tag = (await client.post("/v1/orders", json={"id": "o", "customer": "nobody"})).headers["etag"]
    Meeting(monkeypatch, api.store.orders, "get")
    changed, deleted = await asyncio.gather(
        client.patch("/v1/orders/o", json={"customer": "Ada"}, headers={"if-match": tag}),
        client.delete("/v1/orders/o", headers={"if-match": tag}),
    )
    assert (changed.status_code, deleted.status_code) in {(200, 412), (404, 204)}
    assert (await client.get("/v1/orders/o")).status_code == (200 if changed.status_code == 200 else 404)


async def test_two_changes_of_different_members_at_once_both_hold(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    client = api.client("acme-operator")
    await client.post("/v1/vehicles", json={"id": "v"})
    Meeting(monkeypatch, api.store.vehicles, "get")
    answers = await asyncio.gather(
        client.patch("/v1/vehicles/v", json={"name": "Ada"}), client.patch("/v1/vehicles/v", json={"tags": ["cold"]})
    )
    assert [answer.status_code for answer in answers] == [200, 200]
    vehicle = (await client.get("/v1/vehicles/v")).json()
    assert (vehicle["name"], vehicle["tags"]) == ("Ada", ["cold"])


async def test_two_stops_that_are_added_at_once_are_both_there(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    client = api.client("acme-operator")
    await client.post("/v1/vehicles", json={"id": "van-1"})
    assert (
        await client.post("/v1/routes", json={"id": "r", "vehicle": "van-1", "starts_at": "2026-02-16T12:00:00Z", "stops": []})
    ).status_code == 201
    Meeting(monkeypatch, api.store.routes, "get")
    answers = await asyncio.gather(
        *(client.post("/v1/stops", json={"id": name, "route": "r", "lat": 52.5, "lon": 13.4}) for name in ("one", "two"))
    )
    assert [answer.status_code for answer in answers] == [201, 201]
    assert {stop["id"] for stop in (await client.get("/v1/routes/r")).json()["stops"]} == {"one", "two"}
