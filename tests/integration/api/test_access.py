"""Keys, sessions, other pages' requests, and what is in the log afterwards."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import pytest

from api.settings import ApiSettings
from fleet.access import Role
from store.protocol import Store
from tests.integration.api.running import Api, auth, key, running, subscribe


async def log_in(api: Api, name: str, **headers: str) -> httpx.Response:
    return await api.client(None).post("/v1/session", json={"key": key(name)}, headers=headers)


def cookie_of(answered: httpx.Response) -> dict[str, str]:
    return {"cookie": f"outrider_session={answered.cookies['outrider_session']}"}


async def test_a_key_is_shown_once_works_and_can_be_revoked(api: Api) -> None:
    admin = api.client("acme-admin")
    created = (await admin.post("/v1/keys", json={"name": "screen", "role": "viewer"})).json()
    headers = {"authorization": f"Bearer {created['key']}"}
    anyone = api.client(None)
    assert (await anyone.get("/v1/vehicles", headers=headers)).status_code == 200
    shown = (await admin.get(f"/v1/keys/{created['id']}")).json()
    assert shown == {name: value for name, value in created.items() if name != "key"}
    assert created["key"] not in (await admin.get("/v1/keys")).text
    assert (await admin.delete(f"/v1/keys/{created['id']}")).status_code == 204
    refused = await anyone.get("/v1/vehicles", headers=headers)
    assert (refused.status_code, refused.json()["detail"]) == (401, "the key is not known, or was revoked")
    assert (await admin.get(f"/v1/keys/{created['id']}")).json()["revoked_at"] is not None


async def test_a_session_is_a_cookie_that_scripts_cannot_read(api: Api) -> None:
    answered = await log_in(api, "acme-operator")
    assert answered.json() == {"role": "operator", "tenant": "acme", "name": "acme-operator", "means": "session"}
    set_cookie = answered.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"):
        assert part in set_cookie
    assert key("acme-operator") not in set_cookie
    async with httpx.AsyncClient(base_url=api.url, verify=False) as browser:
        who = await browser.get("/v1/session", headers=cookie_of(answered))
    assert who.json()["means"] == "session"


async def test_a_session_changes_things_only_from_our_own_pages(memory_api: Api) -> None:
    api = memory_api
    cookie = cookie_of(await log_in(api, "acme-operator"))
    async with httpx.AsyncClient(base_url=api.url, verify=False) as browser:

        async def post(**headers: str) -> int:
            return (await browser.post("/v1/vehicles", json={}, headers={**cookie, **headers})).status_code

        assert await post(origin=api.url) == 201
        assert await post(**{"sec-fetch-site": "same-origin"}) == 201
        assert await post(origin="https://evil.example") == 403
        assert await post(origin="null") == 403
        assert await post(**{"sec-fetch-site": "cross-site"}) == 403
        assert await post() == 403
        assert (await browser.get("/v1/vehicles", headers=cookie)).status_code == 200
        # a key is sent by programs that mean it, wherever they are
        headers = {**auth("acme-operator"), "origin": "https://evil.example"}
        assert (await browser.post("/v1/vehicles", json={}, headers=headers)).status_code == 201


async def test_a_session_ends_with_its_key_and_by_logging_out(memory_api: Api) -> None:
    api = memory_api
    answered = await log_in(api, "acme-viewer")
    cookie = cookie_of(answered)
    async with httpx.AsyncClient(base_url=api.url, verify=False) as browser:
        out = await browser.delete("/v1/session", headers={**cookie, "origin": api.url})
        assert out.status_code == 204
        assert 'outrider_session=""' in out.headers["set-cookie"]
        await api.client("acme-admin").delete("/v1/keys/acme-viewer")
        assert (await browser.get("/v1/vehicles", headers=cookie)).status_code == 401


async def test_a_session_of_another_server_is_none(memory_store: Store) -> None:
    async with running(memory_store) as first:
        cookie = cookie_of(await log_in(first, "acme-viewer"))
    async with running(memory_store) as second:
        assert (await second.client(None).get("/v1/vehicles", headers=cookie)).status_code == 401


async def test_servers_with_one_secret_share_sessions(memory_store: Store) -> None:
    settings = ApiSettings(expects_worker=False, session_secret="the same for both")
    async with running(memory_store, settings) as first:
        cookie = cookie_of(await log_in(first, "acme-viewer"))
    async with running(memory_store, settings) as second:
        assert (await second.client(None).get("/v1/vehicles", headers=cookie)).status_code == 200


async def test_failed_logins_are_slowed_down(memory_store: Store) -> None:
    async with running(memory_store, ApiSettings(expects_worker=False, login_burst=3, login_refill_s=3600)) as api:
        for _ in range(3):
            assert (await log_in(api, "nobody")).status_code == 401
        refused = await log_in(api, "acme-viewer")
        assert refused.status_code == 429
        assert 3000 < int(refused.headers["retry-after"]) <= 3601
        assert (await api.client("acme-viewer").get("/v1/vehicles")).status_code == 200


async def test_the_anonymous_role_lets_in_who_has_no_key_and_no_more(memory_store: Store) -> None:
    async with running(memory_store, ApiSettings(expects_worker=False, anonymous_role=Role.VIEWER)) as api:
        anyone = api.client(None)
        assert (await anyone.get("/v1/session")).json() == {"role": "viewer", "tenant": None, "name": "", "means": "anonymous"}
        assert (await anyone.get("/v1/positions")).status_code == 200
        assert (await anyone.post("/v1/vehicles", json={})).status_code == 403
        assert (await anyone.get("/v1/vehicles", headers={"authorization": "Bearer wrong"})).status_code == 401
        async with api.live(None) as live:
            assert (await subscribe(live))["type"] == "snapshot"


async def test_an_anonymous_operator_takes_no_orders_from_other_pages(memory_store: Store) -> None:
    async with running(memory_store, ApiSettings(expects_worker=False, anonymous_role=Role.OPERATOR)) as api:
        anyone = api.client(None)
        assert (await anyone.post("/v1/vehicles", json={})).status_code == 201
        assert (await anyone.post("/v1/vehicles", json={}, headers={"origin": "https://evil.example"})).status_code == 403
        assert (await anyone.post("/v1/vehicles", json={}, headers={"sec-fetch-site": "cross-site"})).status_code == 403


async def test_the_screen_learns_whether_to_ask_for_a_key(memory_api: Api) -> None:
    nobody = (await memory_api.client(None).get("/v1/ui/config")).json()
    assert (nobody["role"], nobody["tenant"]) == (None, None)
    somebody = (await memory_api.client("acme-operator").get("/v1/ui/config")).json()
    assert (somebody["role"], somebody["tenant"]) == ("operator", "acme")
    assert somebody.keys() == {"style_url", "tile_url", "tile_attribution", "streets_url", "version", "role", "tenant"}


async def test_other_origins_may_come_with_a_key_where_they_are_named(memory_store: Store) -> None:
    async with running(memory_store, ApiSettings(expects_worker=False, allowed_origins=("https://ops.example",))) as api:
        asked = {
            "origin": "https://ops.example",
            "access-control-request-method": "PATCH",
            "access-control-request-headers": "authorization",
        }
        allowed = await api.client(None).options("/v1/vehicles/x", headers=asked)
        assert allowed.headers["access-control-allow-origin"] == "https://ops.example"
        assert "access-control-allow-credentials" not in allowed.headers
        refused = await api.client(None).options("/v1/vehicles/x", headers={**asked, "origin": "https://evil.example"})
        assert "access-control-allow-origin" not in refused.headers


async def test_no_secret_reaches_the_log(memory_api: Api, caplog: pytest.LogCaptureFixture) -> None:
    api = memory_api
    caplog.set_level(logging.DEBUG)
    secret = key("acme-admin")
    admin = api.client("acme-admin")
    await api.client(None).get(f"/v1/vehicles?api_key={secret}")
    await api.client(None).get(f"/t/{secret}")
    await log_in(api, "acme-admin")
    await api.client(None).post("/v1/session", json={"key": secret, "more": secret})
    made = (await admin.post("/v1/keys", json={"name": "n", "role": "viewer"})).json()["key"]
    hook = (await admin.post("/v1/subscriptions", json={"url": "https://example.com/"})).json()["secret"]
    async with api.live(None, query=f"?key={secret}", subprotocols=["outrider.v1", f"outrider.key.{secret}"]) as live:
        await subscribe(live)
    server_lines = [
        record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore", "websockets.client"))
    ]
    assert any("/v1/session" in line for line in server_lines), "nothing was logged, so nothing was shown"
    for line in server_lines:
        for hidden in (secret, made, hook):
            assert hidden not in line


@pytest.mark.parametrize("value", ["Bearer", "Basic dXNlcjpwYXNz", "Bearer " + "x" * 5000, "bearer wrong"])
async def test_a_key_that_is_none_is_refused_and_never_ignored(memory_store: Store, value: str) -> None:
    async with running(memory_store, ApiSettings(expects_worker=False, anonymous_role=Role.ADMIN)) as api:
        assert (await api.client(None).get("/v1/vehicles", headers={"authorization": value})).status_code == 401


async def test_idempotency_keys_make_a_request_happen_once(api: Api) -> None:
    client, headers = api.client("acme-operator"), {"idempotency-key": "order-4711"}
    first = await client.post("/v1/orders", json={"customer": "Ada"}, headers=headers)
    again = await client.post("/v1/orders", json={"customer": "Ada"}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len((await client.get("/v1/orders")).json()["items"]) == 1
    other = await client.post("/v1/orders", json={"customer": "Eve"}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "urn:outrider:problem:idempotency-key-reused")
    elsewhere = await api.client("globex-operator").post("/v1/orders", json={"customer": "Eve"}, headers=headers)
    assert elsewhere.status_code == 201
    assert (await client.post("/v1/orders", json={}, headers={"idempotency-key": "x" * 256})).status_code == 400


async def test_a_request_that_died_before_its_answer_is_not_done_twice(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    client, headers = api.client("acme-operator"), {"idempotency-key": "again"}

    async def dies(*_args: Any) -> None:
        raise RuntimeError("the process ends here")

    with monkeypatch.context() as broken:
        broken.setattr(type(api.store), "remember", dies)
        assert (await client.post("/v1/orders", json={"customer": "Ada"}, headers=headers)).status_code == 500
    again = await client.post("/v1/orders", json={"customer": "Ada"}, headers=headers)
    assert again.status_code == 201
    orders = (await client.get("/v1/orders")).json()["items"]
    assert [order["id"] for order in orders] == [again.json()["id"]]


async def test_a_request_that_fails_frees_its_key(api: Api) -> None:
    client, headers = api.client("acme-operator"), {"idempotency-key": "typo"}
    for _ in range(2):
        refused = await client.post("/v1/trackers", json={"id": "t", "vehicle": "nobody"}, headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (404, "urn:outrider:problem:not-found")
    assert (await client.post("/v1/trackers", json={"id": "t"}, headers=headers)).status_code == 201


async def test_the_same_request_at_two_processes_is_done_by_one(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    is_reached, may_go_on = asyncio.Event(), asyncio.Event()
    create = type(api.store.orders).create

    async def slowly(repository: Any, item: Any) -> Any:
        is_reached.set()
        await may_go_on.wait()
        return await create(repository, item)

    monkeypatch.setattr(type(api.store.orders), "create", slowly)
    headers = {"idempotency-key": "double click"}
    async with running(api.store) as other:
        first = asyncio.create_task(api.client("acme-operator").post("/v1/orders", json={"customer": "Ada"}, headers=headers))
        await is_reached.wait()
        meanwhile = await other.client("acme-operator").post("/v1/orders", json={"customer": "Ada"}, headers=headers)
        may_go_on.set()
        done = await first
        afterwards = await other.client("acme-operator").post("/v1/orders", json={"customer": "Ada"}, headers=headers)
    assert (meanwhile.status_code, meanwhile.json()["type"]) == (409, "urn:outrider:problem:under-way")
    assert int(meanwhile.headers["retry-after"]) >= 1
    assert (done.status_code, afterwards.status_code) == (201, 201)
    assert afterwards.json() == done.json()
    assert len((await api.client("acme-operator").get("/v1/orders")).json()["items"]) == 1


async def test_a_remembered_answer_holds_no_secret(api: Api) -> None:
    admin, headers = api.client("acme-admin"), {"idempotency-key": "k"}
    first = (await admin.post("/v1/keys", json={"name": "n", "role": "viewer"}, headers=headers)).json()
    again = (await admin.post("/v1/keys", json={"name": "n", "role": "viewer"}, headers=headers)).json()
    assert first["key"].startswith("ork_")
    assert again == {**first, "key": None}
