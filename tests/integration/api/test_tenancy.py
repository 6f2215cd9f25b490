"""Nobody sees, changes or names what belongs to another tenant: every route of the OpenAPI document is tried."""

from __future__ import annotations

from typing import Any

import pytest

from api.app import create_app
from api.live.bus import MemoryBus
from api.settings import ApiSettings
from store.memory import MemoryStore
from tests.integration.api.running import Api, until
from tests.integration.api.world import COMMAND, FENCE, GROUP, HOOK, MARK, ORDER, PLACE, ROUTE, STOP, VEHICLE, fill

IDS = {
    "vehicles": VEHICLE,
    "trackers": VEHICLE,
    "fences": FENCE,
    "fence-groups": GROUP,
    "routes": ROUTE,
    "stops": STOP,
    "orders": ORDER,
    "subscriptions": HOOK,
    "keys": "acme-viewer",
    "places": PLACE,
    "tenants": "acme",
}
BODIES: dict[str, dict[str, Any]] = {
    "POST /v1/vehicles": {"id": "new"},
    "POST /v1/trackers": {"id": "new", "vehicle": VEHICLE},
    "POST /v1/fences": {"id": "new", "geometry": {"type": "Point", "coordinates": [0, 0]}, "radius_m": 5},
    "POST /v1/fence-groups": {"id": "new"},
    "POST /v1/fences:import": {"type": "FeatureCollection", "features": []},
    "POST /v1/routes": {"id": "new", "vehicle": VEHICLE, "starts_at": "2026-01-01T00:00:00Z", "stops": []},
    "POST /v1/routes:import": {"routes": []},
    "POST /v1/stops": {"id": "new", "route": ROUTE, "lat": 0, "lon": 0},
    "POST /v1/orders": {"id": "new", "stop": STOP},
    "POST /v1/subscriptions": {"id": "new", "url": "https://example.com/"},
    "POST /v1/trackers/{id}/commands": {"command": "reboot"},
    "POST /v1/keys": {"name": "new", "role": "viewer"},
    "POST /v1/session": {"key": "nobody's"},
}
#: Not about anybody's data.
OPEN = {"/healthz", "/readyz", "/metrics", "/v1/ui/config", "/v1/ui/streets", "/v1/session"}


def operations() -> list[tuple[str, str]]:
    """(method, path) of every route that the OpenAPI document names."""
    document = create_app(MemoryStore(), MemoryBus(), ApiSettings()).openapi()
    return [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]


def filled(path: str) -> str:
    kind = path.split("/")[2].partition(":")[0] if path.startswith("/v1/") else ""
    return path.replace("{id}", IDS.get(kind, "x")).replace("{command}", COMMAND)


OPERATIONS = operations()
OPERATION_IDS = [f"{method} {path}" for method, path in OPERATIONS]


async def filled_world(api: Api) -> None:
    await fill(api.store)
    api.bus.reconnect()  # the API was running already: let it load positions
    await until(lambda: api.hub.board.vehicles == 1)


async def everything(api: Api) -> dict[str, Any]:
    """All that acme's administrator can read."""
    client, seen = api.client("acme-admin"), {}
    for method, path in OPERATIONS:
        if method == "GET" and path not in OPEN | {"/v1/status"}:
            answered = await client.get(filled(path), params={"from": "2026-02-16T00:00:00Z", "to": "2026-02-17T00:00:00Z"})
            if answered.status_code == 422:
                answered = await client.get(filled(path))
            assert answered.status_code == 200, (path, answered.text)
            seen[path] = answered.json()
    return seen


async def test_the_world_is_seen_by_its_own_tenant(api: Api) -> None:
    """Else the tests below would show nothing."""
    await filled_world(api)
    for path, body in (await everything(api)).items():
        if not path.startswith(("/v1/keys", "/v1/tenants")):
            assert MARK in str(body), path


@pytest.mark.parametrize("name", ["globex-admin", "globex-viewer"])
async def test_no_route_shows_or_changes_another_tenants_data(api: Api, name: str) -> None:
    await filled_world(api)
    before = await everything(api)
    client = api.client(name)
    for method, path in OPERATIONS:
        body = {"name": "stolen"} if method == "PATCH" else BODIES.get(f"{method} {path}")
        for query in ("", "?tenant=acme"):
            answered = await client.request(method, filled(path) + query, json=body)
            told = answered.text.replace(filled(path), "").replace(repr(VEHICLE), "").replace(repr(ROUTE), "")
            for own in IDS.values():  # a 404 repeats the id that was asked for
                told = told.replace(f"'{own}'", "")
            if f"{method} {path}" not in BODIES or answered.status_code >= 400:
                assert MARK not in told, f"{method} {path}{query}: {answered.text}"
            if query and path not in OPEN:
                assert answered.status_code in {403, 404, 422}, f"{method} {path}{query}: {answered.status_code}"
            if "{id}" in path and not query:
                assert answered.status_code in {403, 404}, f"{method} {path}: {answered.status_code}"
    assert await everything(api) == before


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=OPERATION_IDS)
async def test_without_a_key_nothing_is_answered(memory_api: Api, method: str, path: str) -> None:
    answered = await memory_api.client(None).request(method, filled(path), json=BODIES.get(f"{method} {path}"))
    if path in OPEN and (method, path) not in {("GET", "/v1/session"), ("POST", "/v1/session")}:
        assert answered.status_code in ({404} if path == "/v1/ui/streets" else {200, 204})  # no streets are installed here
        return
    assert answered.status_code == 401
    assert answered.headers["content-type"] == "application/problem+json"
    assert answered.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=OPERATION_IDS)
async def test_roles_do_no_more_than_they_may(memory_api: Api, method: str, path: str) -> None:
    """Viewers read, operators write, administrators handle keys, subscriptions and what holds for a whole tenant."""
    kind = path.split("/")[2].partition(":")[0] if path.startswith("/v1/") else ""
    needs = {"keys": 2, "subscriptions": 2, "dead-letters": 1, "status": 1, "ui": 0, "session": 0}.get(
        kind, 0 if method == "GET" else 1
    )
    if path in OPEN:
        needs = 0
    if (method, path) == ("PATCH", "/v1/tenants/{id}"):
        needs = 2
    for rank, role in enumerate(("viewer", "operator", "admin")):
        answered = await memory_api.client(f"acme-{role}").request(method, filled(path), json=BODIES.get(f"{method} {path}") or {})
        assert (answered.status_code == 403) == (rank < needs), f"{role}: {method} {path}: {answered.status_code} {answered.text}"


async def test_a_key_for_all_tenants_reads_across_and_narrows(api: Api) -> None:
    await fill(api.store)
    root, globex = api.client("root"), api.client("globex-operator")
    await globex.post("/v1/vehicles", json={"id": VEHICLE})
    await globex.post("/v1/vehicles", json={"id": "only-here"})
    listed = (await root.get("/v1/vehicles")).json()["items"]
    assert sorted((item["tenant"], item["id"]) for item in listed) == [
        ("acme", VEHICLE),
        ("globex", VEHICLE),
        ("globex", "only-here"),
    ]
    assert [item["id"] for item in (await root.get("/v1/vehicles?tenant=acme")).json()["items"]] == [VEHICLE]
    assert (await root.get("/v1/vehicles/only-here")).json()["tenant"] == "globex"
    both = await root.get(f"/v1/vehicles/{VEHICLE}")
    assert (both.status_code, both.json()["type"]) == (409, "urn:outrider:problem:conflict")
    assert (await root.get(f"/v1/vehicles/{VEHICLE}?tenant=acme")).json()["tenant"] == "acme"
    assert (await root.get(f"/v1/stops/{STOP}")).json()["status"] == "arrived"
    assert len((await root.get(f"/v1/vehicles/{VEHICLE}/fixes?tenant=acme&from=2026-02-16T00:00:00Z")).json()["items"]) == 5


async def test_what_the_operator_of_all_creates_goes_where_it_is_told(api: Api) -> None:
    root = api.client("root")
    assert (await root.post("/v1/vehicles", json={"id": "a"})).json()["tenant"] == "default"
    assert (await root.post("/v1/vehicles?tenant=initech", json={"id": "b"})).json()["tenant"] == "initech"


async def test_only_a_key_for_all_tenants_makes_another_one(memory_api: Api) -> None:
    admin, root = memory_api.client("acme-admin"), memory_api.client("root")
    wide = {"name": "n", "role": "viewer", "all_tenants": True}
    assert (await admin.post("/v1/keys", json=wide)).status_code == 403
    assert (await admin.post("/v1/keys", json={"name": "n", "role": "viewer", "tenant": "globex"})).status_code == 403
    assert (await admin.post("/v1/keys", json={"name": "n", "role": "admin"})).json()["tenant"] == "acme"
    assert (await root.post("/v1/keys", json=wide)).json()["tenant"] is None
    assert (await root.post("/v1/keys", json={"name": "n", "role": "viewer", "tenant": "globex"})).json()["tenant"] == "globex"
    assert (await root.post("/v1/keys", json={"name": "n", "role": "viewer"})).json()["tenant"] == "default"
