"""Creating, reading, changing and deleting things over REST, as a person with curl would see it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.api.running import Api

POINT = {"type": "Point", "coordinates": [13.3777, 52.5163]}
SQUARE = {"type": "Polygon", "coordinates": [[[13.0, 52.0], [13.1, 52.0], [13.1, 52.1], [13.0, 52.1], [13.0, 52.0]]]}
STOP = {"id": "s1", "lat": 52.5, "lon": 13.4, "window": ["2026-02-16T14:00:00Z", "2026-02-16T15:00:00Z"], "min_dwell_s": 0}
ROUTE = {"id": "r1", "vehicle": "van-1", "starts_at": "2026-02-16T12:00:00Z", "stops": [STOP]}

#: kind, what creates one, a change, what the change is seen as
KINDS: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("vehicles", {"id": "van-2", "name": "Van 2", "tags": ["a"]}, {"name": "Two", "tags": None}, {"name": "Two", "tags": []}),
    ("trackers", {"id": "t-9", "vehicle": "van-1"}, {"status": "quarantined"}, {"status": "quarantined", "vehicle": "van-1"}),
    ("fences", {"id": "f", "geometry": POINT, "radius_m": 100}, {"radius_m": 250.5}, {"radius_m": 250.5, "geometry": POINT}),
    (
        "routes",
        {**ROUTE, "id": "r2", "stops": []},
        {"starts_at": "2026-02-16T13:00:00Z"},
        {"starts_at": "2026-02-16T13:00:00.000Z"},
    ),
    (
        "stops",
        {**STOP, "id": "s2", "route": "r1"},
        {"name": "Door 4", "window": None},
        {"name": "Door 4", "window": None, "route": "r1"},
    ),
    ("orders", {"id": "o", "customer": "Ada", "stop": "s1"}, {"customer": "Eve"}, {"customer": "Eve", "stop": "s1"}),
    (
        "subscriptions",
        {"id": "w", "url": "https://example.com/hook"},
        {"types": ["stop.*"]},
        {"types": ["stop.*"], "status": "active"},
    ),
]
NAMES = [kind for kind, *_ in KINDS]


async def _prepare(api: Api) -> None:
    root = api.client("acme-admin")
    assert (await root.post("/v1/vehicles", json={"id": "van-1", "tracker": "t-1"})).status_code == 201
    assert (await root.post("/v1/routes", json=ROUTE)).status_code == 201


@pytest.mark.parametrize(("kind", "body", "change", "changed"), KINDS, ids=NAMES)
async def test_a_thing_lives_from_creation_to_deletion(
    api: Api, kind: str, body: dict[str, Any], change: dict[str, Any], changed: dict[str, Any]
) -> None:
    await _prepare(api)
    client, path = api.client("acme-admin"), f"/v1/{kind}/{body['id']}"

    created = await client.post(f"/v1/{kind}", json=body)
    assert created.status_code == 201, created.text
    assert created.headers["location"] == path
    assert created.json()["tenant"] == "acme"
    assert body["id"] in [item["id"] for item in (await client.get(f"/v1/{kind}")).json()["items"]]
    assert (await client.post(f"/v1/{kind}", json=body)).status_code == 409

    patched = await client.patch(path, json=change)
    assert patched.status_code == 200, patched.text
    assert (await client.get(path)).json() == patched.json()
    assert {name: patched.json()[name] for name in changed} == changed
    assert (await client.patch(path, json={"id": "another"})).status_code == 422

    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404
    assert (await client.patch(path, json=change)).status_code == 404
    assert (await client.delete(path)).status_code == 404


@pytest.mark.parametrize("kind", ["vehicles", "fences", "orders", "trackers"])
async def test_pages_show_everything_once_in_order(api: Api, kind: str) -> None:
    client = api.client("acme-admin")
    extra = {"geometry": POINT, "radius_m": 50} if kind == "fences" else {}
    for number in range(7):
        assert (await client.post(f"/v1/{kind}", json={"id": f"x{number}", **extra})).status_code == 201
    assert (await api.client("globex-admin").post(f"/v1/{kind}", json={"id": "x3", **extra})).status_code == 201

    for name, wanted in (("acme-viewer", [f"x{n}" for n in range(7)]), ("root", [*(f"x{n}" for n in range(7)), "x3"])):
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await api.client(name).get(f"/v1/{kind}", params={"limit": "3", **cursor})).json()
            seen += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            assert len(page["items"]) == 3
            cursor = {"cursor": page["next_cursor"]}
        assert seen == wanted


async def test_filters_narrow_lists(api: Api) -> None:
    await _prepare(api)
    client = api.client("acme-admin")
    await client.post("/v1/vehicles", json={"id": "van-2", "tags": ["cold"]})
    await client.post("/v1/orders", json={"id": "o1", "stop": "s1"})
    await client.post("/v1/orders", json={"id": "o2"})

    async def ids(path: str) -> list[str]:
        return [item["id"] for item in (await client.get(path)).json()["items"]]

    assert await ids("/v1/vehicles?tag=cold") == ["van-2"]
    assert await ids("/v1/vehicles?tracker=t-1") == ["van-1"]
    assert await ids("/v1/trackers?vehicle=van-1") == ["t-1"]
    assert await ids("/v1/orders?stop=s1") == ["o1"]
    assert await ids("/v1/routes?vehicle=van-1") == ["r1"]
    assert await ids("/v1/routes?status=planned") == ["r1"]
    assert await ids("/v1/routes?status=done") == []
    assert await ids("/v1/stops?route=r1") == ["s1"]
    assert await ids("/v1/stops?vehicle=van-2") == []
    refused = await client.get("/v1/vehicles?colour=red")
    assert refused.status_code == 422
    assert refused.json()["errors"] == [{"pointer": "#/colour", "detail": "Extra inputs are not permitted"}]


async def test_stops_page_across_routes(api: Api) -> None:
    client = api.client("acme-admin")
    await client.post("/v1/vehicles", json={"id": "van-1"})
    for route in range(3):
        stops = [{**STOP, "id": f"s{route}{number}"} for number in range(3)]
        assert (await client.post("/v1/routes", json={**ROUTE, "id": f"r{route}", "stops": stops})).status_code == 201
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await client.get("/v1/stops", params={"limit": "2", **cursor})).json()
        seen += [stop["id"] for stop in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [f"s{route}{number}" for route in range(3) for number in range(3)]


async def test_a_merge_patch_may_say_what_it_is(memory_api: Api) -> None:
    client = memory_api.client("acme-operator")
    await client.post("/v1/vehicles", json={"id": "v", "tags": ["a"]})
    headers = {"content-type": "application/merge-patch+json"}
    patched = await client.patch("/v1/vehicles/v", content=b'{"tags": ["b"]}', headers=headers)
    assert (patched.status_code, patched.json()["tags"]) == (200, ["b"])


async def test_a_made_up_id_is_answered_and_works(api: Api) -> None:
    client = api.client("acme-operator")
    created = (await client.post("/v1/vehicles", json={"name": "No id"})).json()
    assert created["id"].startswith("vehicle_")
    assert (await client.get(f"/v1/vehicles/{created['id']}")).json() == created


async def test_ids_may_hold_a_slash(api: Api) -> None:
    """As the vehicles of Helsinki's feed do: operator/number."""
    client = api.client("acme-operator")
    assert (await client.post("/v1/vehicles", json={"id": "22/1234"})).status_code == 201
    for path in ("/v1/vehicles/22/1234", "/v1/vehicles/22%2F1234"):
        assert (await client.get(path)).json()["id"] == "22/1234"
        assert (await client.get(f"{path}/fixes")).json() == {"items": [], "next_cursor": None}


async def test_an_etag_saves_the_answer_and_guards_a_change(api: Api) -> None:
    client = api.client("acme-operator")
    await client.post("/v1/vehicles", json={"id": "v"})
    tag = (await client.get("/v1/vehicles/v")).headers["etag"]
    same = await client.get("/v1/vehicles/v", headers={"if-none-match": tag})
    assert (same.status_code, same.content) == (304, b"")

    changed = await client.patch("/v1/vehicles/v", json={"name": "A"}, headers={"if-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    late = await client.patch("/v1/vehicles/v", json={"name": "B"}, headers={"if-match": tag})
    assert late.status_code == 412
    assert (await client.delete("/v1/vehicles/v", headers={"if-match": tag})).status_code == 412
    assert (await client.get("/v1/vehicles/v")).json()["name"] == "A"


async def test_a_plan_file_makes_routes_vehicles_and_trackers(api: Api) -> None:
    client = api.client("acme-operator")
    stops = [{**STOP, "id": f"s{number}", "seq": number, "place": f"p{number}", "arrival_radius_m": 80} for number in (2, 1)]
    plan = {"routes": [{**ROUTE, "vehicle": "tracker-7", "stops": stops}]}
    for _ in range(2):  # importing the same file again changes nothing
        imported = await client.post("/v1/routes:import", json=plan)
        assert (imported.status_code, imported.json()) == (200, {"routes": 1})
    route = (await client.get("/v1/routes/r1")).json()
    assert [stop["id"] for stop in route["stops"]] == ["s1", "s2"]
    assert route["stops"][0]["status"] == "planned"
    assert (await client.get(f"/v1/vehicles/{route['vehicle']}")).json()["tracker"] == "tracker-7"

    broken = {"routes": [{**ROUTE, "stops": [{"id": "s", "lat": 91, "lon": 0}]}]}
    refused = await client.post("/v1/routes:import", json=broken)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/routes/0/stops/0/lat"


async def test_fences_go_out_as_geojson_and_come_in_again(api: Api) -> None:
    acme, globex = api.client("acme-operator"), api.client("globex-operator")
    await acme.post("/v1/fences", json={"id": "depot", "geometry": POINT, "radius_m": 120, "tags": ["x"], "dwell_s": 60})
    await acme.post("/v1/fences", json={"id": "zone", "geometry": SQUARE, "settings": {"confirm_fixes": 3}})
    exported = await acme.get("/v1/fences:export")
    assert exported.headers["content-type"] == "application/geo+json"
    features = exported.json()["features"]
    assert [(feature["id"], feature["geometry"]["type"]) for feature in features] == [("depot", "Point"), ("zone", "Polygon")]

    assert (await globex.post("/v1/fences:import", json=exported.json())).json() == {"created": 2, "replaced": 0}
    assert (await globex.post("/v1/fences:import", json=exported.json())).json() == {"created": 0, "replaced": 2}
    again = (await globex.get("/v1/fences:export")).json()["features"]
    assert [{**feature, "properties": {**feature["properties"], "tenant": "acme"}} for feature in again] == features


async def test_an_import_of_geojson_is_all_or_nothing(api: Api) -> None:
    client = api.client("acme-operator")
    good = {"type": "Feature", "properties": {"radius_m": 50, "colour of roof": "red"}, "geometry": POINT}
    bad = {"type": "Feature", "properties": {}, "geometry": {"type": "Blob"}}
    refused = await client.post("/v1/fences:import", json={"type": "FeatureCollection", "features": [good, bad]})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"].startswith("#/features/1/geometry")
    assert (await client.get("/v1/fences")).json()["items"] == []
    for created in (1, 0):  # a feature without an id has one by its content
        answered = await client.post("/v1/fences:import", json={"type": "FeatureCollection", "features": [good]})
        assert answered.json() == {"created": created, "replaced": 1 - created}
    assert (await client.get("/v1/fences")).json()["items"][0]["extras"] == {"colour of roof": "red"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/geometry"),
        ({"geometry": POINT, "radius_m": 0}, "#/radius_m"),
        ({"geometry": POINT, "radius_m": 10, "tags": [1]}, "#/tags/0"),
        ({"geometry": POINT, "radius_m": 10, "name": "a\u0000b"}, "#/name"),
        ({"geometry": SQUARE, "settings": {"confirm_fixes": 0}}, "#/settings/confirm_fixes"),
    ],
)
async def test_what_is_wrong_is_said_with_its_place(memory_api: Api, body: dict[str, Any], pointer: str) -> None:
    refused = await memory_api.client("acme-operator").post("/v1/fences", json=body)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["errors"][0]["pointer"] == pointer


async def test_a_webhooks_secret_is_shown_once_and_can_be_rotated(api: Api) -> None:
    client = api.client("acme-admin")
    created = (await client.post("/v1/subscriptions", json={"id": "w", "url": "https://example.com/x"})).json()
    assert created["secret"].startswith("whsec_")
    shown = (await client.get("/v1/subscriptions/w")).json()
    assert "secret" not in shown
    rotated = (await client.post("/v1/subscriptions/w:rotate-secret")).json()
    assert rotated["secret"] != created["secret"]
    stored = await api.store.subscriptions.get("acme", "w")
    assert stored.secrets == (rotated["secret"], created["secret"])


@pytest.mark.parametrize(
    "url", ["http://example.com/x", "https://user:pw@example.com/", "https://", "ftp://example.com/x", "https://[::1/"]
)
async def test_a_webhooks_address_has_to_be_a_proper_one(memory_api: Api, url: str) -> None:
    refused = await memory_api.client("acme-admin").post("/v1/subscriptions", json={"url": url})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/url"
