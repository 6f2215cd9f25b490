"""What holds for every answer: problem documents, documented members, security headers, bounds; and the service's own pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from api.app import create_app
from api.live.bus import MemoryBus
from api.settings import ApiSettings
from store.memory import MemoryStore
from store.protocol import Store, Unavailable
from tests.integration.api.running import Api, running, until
from tests.integration.api.test_tenancy import BODIES, OPERATION_IDS, OPERATIONS, filled, filled_world

WRONG_BODIES = (b"", b"{", b"[]", b"null", b'"x"', b'{"id": 7}', b'{"id": "\\u0000"}', b'{"unknown": 1}', b"\xff", b'{"lat": NaN}')
PROBLEM = {"type", "title", "status", "detail", "instance", "errors"}


def assert_is_problem(answered: httpx.Response, status: int) -> dict[str, Any]:
    assert answered.status_code == status, answered.text
    assert answered.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answered.json()
    assert body.keys() == PROBLEM
    assert body["status"] == status
    assert body["type"].startswith("urn:outrider:problem:")
    return body


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=OPERATION_IDS)
async def test_every_error_is_a_problem_document(memory_api: Api, method: str, path: str) -> None:
    """Whatever is sent: wrong parameters, wrong bodies, wrong types, things that are not there."""
    client = memory_api.client("acme-admin")
    for query in ("?limit=0", "?limit=x", "?cursor=%%%", "?tenant=", "?from=yesterday", "?unknown=1"):
        answered = await client.request(method, filled(path) + query, json=BODIES.get(f"{method} {path}"))
        if answered.status_code >= 400:
            assert_is_problem(answered, answered.status_code)
        assert answered.status_code < 500
    if method in {"POST", "PATCH"}:
        for body in WRONG_BODIES:
            answered = await client.request(method, filled(path), content=body, headers={"content-type": "application/json"})
            if ":rotate-secret" not in path:
                assert_is_problem(answered, answered.status_code)
                assert answered.status_code in {400, 401, 404, 422}, f"{body!r}: {answered.text}"
        text = await client.request(method, filled(path), content=b"{}", headers={"content-type": "text/plain"})
        assert text.status_code < 500


def documents() -> dict[str, Any]:
    return create_app(MemoryStore(), MemoryBus(), ApiSettings()).openapi()


async def test_answers_have_the_members_that_are_documented(api: Api) -> None:
    """No more and no less: each GET's answer against its schema in the OpenAPI document."""
    await filled_world(api)
    document = documents()
    for method, path in OPERATIONS:
        if method != "GET" or path in {"/metrics", "/v1/ui/streets"}:
            continue
        answered = await api.client("acme-admin").get(filled(path), params=_window(path))
        assert answered.status_code == 200, f"{path}: {answered.text}"
        content = document["paths"][path]["get"]["responses"]["200"].get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        _compare(document, schema, answered.json(), path)


def _window(path: str) -> dict[str, str]:
    return (
        {"from": "2026-02-16T00:00:00Z", "to": "2026-02-17T00:00:00Z"}
        if path.endswith("/fixes") or path == "/v1/places/{id}"
        else {}
    )


def _compare(document: dict[str, Any], schema: dict[str, Any], value: Any, place: str) -> None:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        schema = next(one for one in schema["anyOf"] if (one.get("type") == "null") == (value is None))
        _compare(document, schema, value, place)
    elif "properties" in schema:
        required = set(schema.get("required", ()))
        assert required <= value.keys() <= schema["properties"].keys(), place
        for name, member in value.items():
            _compare(document, schema["properties"][name], member, f"{place}.{name}")
    elif schema.get("type") == "array":
        for number, item in enumerate(value):
            _compare(document, schema.get("items", {}), item, f"{place}[{number}]")
    elif "type" in schema:
        kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "null": type(None)}
        assert isinstance(value, kinds[schema["type"]]), f"{place}: {value!r}"  # type: ignore[arg-type]


def test_every_operation_is_described() -> None:
    document = documents()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["tags"], (method, path)
            assert operation["summary"], (method, path)
            if path.startswith("/v1/") and not path.startswith("/v1/ui/"):
                assert "401" in operation["responses"] or path == "/v1/session", (method, path)
    assert document["info"]["title"] == "Outrider"


async def test_security_headers_are_on_every_answer(memory_api: Api) -> None:
    client = memory_api.client("acme-viewer")
    for path in ("/", "/v1/vehicles", "/nothing", "/v1/vehicles/nothing", "/openapi.json", "/metrics"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        policy = headers["content-security-policy"]
        assert "worker-src 'self' blob:" in policy
        assert "default-src 'self'" in policy
        assert "http" not in policy, "nothing from elsewhere unless a setting names it"


async def test_the_policy_lets_in_the_tiles_that_are_set(memory_store: Store) -> None:
    settings = ApiSettings(expects_worker=False, tile_url="https://tiles.example.org/{z}/{x}/{y}.png?key=secret")
    async with running(memory_store, settings) as api:
        policy = (await api.client(None).get("/")).headers["content-security-policy"]
        assert "img-src 'self' data: blob: https://tiles.example.org;" in policy
        assert "connect-src 'self' https://tiles.example.org;" in policy


async def test_a_body_that_is_too_large_is_refused(memory_store: Store) -> None:
    async with running(memory_store, ApiSettings(expects_worker=False, max_body_bytes=2_000)) as api:
        client = api.client("acme-operator")
        assert_is_problem(await client.post("/v1/vehicles", json={"name": "x" * 3_000}), 413)

        async def unannounced() -> Any:
            for _ in range(10):
                yield b" " * 1_000

        headers = {"content-type": "application/json"}
        assert_is_problem(await client.post("/v1/vehicles", content=unannounced(), headers=headers), 413)
        assert (await client.post("/v1/vehicles", json={"name": "x" * 100})).status_code == 201


async def test_a_defect_is_a_500_that_tells_nothing(memory_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def defect(*_args: Any, **_options: Any) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(MemoryStore, "visits", defect)
    answered = await memory_api.client("acme-viewer").get("/v1/visits")
    assert_is_problem(answered, 500)
    assert "swordfish" not in answered.text


async def test_a_database_that_is_away_is_a_503(memory_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_args: Any, **_options: Any) -> None:
        raise Unavailable("postgresql://outrider:secret@db is away")

    monkeypatch.setattr(MemoryStore, "visits", away)
    answered = await memory_api.client("acme-viewer").get("/v1/visits")
    assert assert_is_problem(answered, 503)["detail"] == "the database is away"
    assert answered.headers["retry-after"] == "2"


async def test_wrong_methods_and_paths_are_problems(memory_api: Api) -> None:
    client = memory_api.client("acme-admin")
    refused = await client.put("/v1/vehicles/x", json={})
    assert_is_problem(refused, 405)
    assert {method.strip() for method in refused.headers["allow"].split(",")} & {"GET", "PATCH", "DELETE"}
    assert_is_problem(await client.get("/v2/vehicles"), 404)
    assert_is_problem(await client.get("/v1/live"), 404)


async def test_readiness_names_the_part_that_is_missing(memory_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(memory_store, ApiSettings(worker_heard_within_s=60)) as api:
        anyone = api.client(None)
        assert (await anyone.get("/healthz")).status_code == 200

        async def failing() -> set[str]:
            answered = await anyone.get("/readyz")
            body = answered.json()
            assert answered.status_code == (200 if body["ready"] else 503)
            return {name for name, check in body["checks"].items() if not check["ok"]}

        assert await failing() == {"worker"}
        api.bus.publish("outrider/live/-/worker", orjson.dumps({"worker": "w1", "ready": True, "lag_s": 0.1, "detail": "current"}))
        await until(lambda: bool(api.hub.workers.newest(0, 1e12)))
        assert await failing() == set()
        api.bus.publish("outrider/live/-/worker", orjson.dumps({"worker": "w1", "ready": False, "detail": "90 s behind"}))
        await until(lambda: not api.hub.workers.newest(0, 1e12)[0].is_ready)
        assert await failing() == {"worker"}
        assert (await anyone.get("/readyz")).json()["checks"]["worker"]["detail"] == "90 s behind"
        api.bus.interrupt()
        assert await failing() == {"worker", "broker"}

        async def unreachable(_self: Any) -> bool:
            return False

        monkeypatch.setattr(MemoryStore, "is_reachable", unreachable)
        assert await failing() == {"worker", "broker", "database"}
        assert (await anyone.get("/healthz")).status_code == 200


async def test_metrics_count_by_route_and_not_by_path(memory_api: Api) -> None:
    client = memory_api.client("acme-viewer")
    await client.get("/v1/vehicles/some-secret-id")
    memory_api.publish([("van-1", 1.0, 2.0)])
    await until(lambda: memory_api.hub.board.vehicles == 1)
    text = (await client.get("/metrics")).text
    assert 'outrider_http_requests_total{method="GET",route="/v1/vehicles/{id:path}",status="404"} 1.0' in text
    assert "some-secret-id" not in text
    assert "outrider_live_vehicles 1.0" in text
    assert "acme" not in text


async def test_positions_are_the_newest_of_all(api: Api) -> None:
    await filled_world(api)
    api.publish([("van-9", 52.5, 13.4)])
    await until(lambda: api.hub.board.vehicles == 2)
    assert api.hub.is_current
    from_board = (await api.client("acme-viewer").get("/v1/positions")).json()["items"]
    api.bus.interrupt()
    await until(lambda: not api.hub.is_current)
    from_store = (await api.client("acme-viewer").get("/v1/positions")).json()["items"]
    assert [position["vehicle"] for position in from_board if position["vehicle"] != "van-9"] == [from_store[0]["vehicle"]]
    assert from_board[0] == from_store[0], "the board and the store tell the same position in the same words"


async def test_the_screen_is_served_with_its_files(memory_store: Store, tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Screen</title>")
    (tmp_path / "assets" / "main-abc123.js").write_text("export {}")
    async with running(memory_store, ApiSettings(expects_worker=False, web_dir=tmp_path)) as api:
        client = api.client(None)
        for path in ("/", "/t/some-token"):
            page = await client.get(path)
            assert "<title>Screen</title>" in page.text
            assert page.headers["cache-control"] == "no-cache"
        script = await client.get("/assets/main-abc123.js")
        assert "javascript" in script.headers["content-type"]
        assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert_is_problem(await client.get("/assets/nothing.js"), 404)
        assert_is_problem(await client.get("/../secret"), 404)
        assert_is_problem(await client.get("/v1/nothing"), 404)


async def test_streets_are_served_where_there_are_some(memory_store: Store, tmp_path: Path) -> None:
    streets = tmp_path / "streets.geojson"
    streets.write_text('{"type": "FeatureCollection", "features": []}')
    async with running(memory_store, ApiSettings(expects_worker=False, streets_file=streets)) as api:
        client = api.client(None)
        url = (await client.get("/v1/ui/config")).json()["streets_url"]
        answered = await client.get(url)
        assert answered.headers["content-type"] == "application/geo+json"
        assert answered.json()["features"] == []


async def test_without_a_built_screen_the_page_says_so(memory_api: Api) -> None:
    assert "not built" in (await memory_api.client(None).get("/")).text
