"""When two vehicles of a tenant are together, as the tenant sets it."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.proximity_rules import ProximityRules, ProximityScope
from tests.integration.api.running import Api


def proximity(**rules: Any) -> dict[str, Any]:
    return {"settings": {"proximity": rules}}


async def test_a_tenant_switches_it_on_changes_it_and_gives_it_back(api: Api) -> None:
    admin = api.client("acme-admin")
    on = await admin.patch("/v1/tenants/acme", json=proximity(near_m=60, except_tag="depot"))
    assert on.status_code == 200, on.text
    assert on.json()["settings"]["proximity"] == {"near_m": 60, "except_tag": "depot"}
    changed = await admin.patch("/v1/tenants/acme", json=proximity(near_s=300, except_tag=None))
    assert changed.json()["settings"]["proximity"] == {"near_m": 60, "near_s": 300}
    rules = ProximityRules(near_m=60, near_s=300)
    assert (await api.store.world()).proximity == [ProximityScope(tenant="acme", rules=rules)]
    off = await admin.patch("/v1/tenants/acme", json=proximity(near_m=0))
    assert off.json()["settings"]["proximity"] == {"near_m": 0, "near_s": 300}
    given_back = await admin.patch("/v1/tenants/acme", json={"settings": {"proximity": None}})
    assert given_back.json()["settings"]["proximity"] == {}
    assert (await api.store.world()).proximity == []


@pytest.mark.parametrize(
    ("rules", "what"),
    [
        ({"near_m": 5}, "at least 15"),
        ({"near_m": -1}, "at least 15"),
        ({"near_m": 5000}, "less than or equal to 500"),
        ({"near_s": 10}, "greater than or equal to 30"),
        ({"near": 50}, "Extra inputs are not permitted"),
    ],
)
async def test_rules_that_cannot_be_are_refused_with_what_is_wrong(api: Api, rules: dict[str, Any], what: str) -> None:
    answer = await api.client("acme-admin").patch("/v1/tenants/acme", json=proximity(**rules))
    assert (answer.status_code, what in answer.text) == (422, True), answer.text


async def test_a_single_vehicle_has_no_such_rules(api: Api) -> None:
    answer = await api.client("acme-admin").post("/v1/vehicles", json={"id": "van-1", **proximity(near_m=50)})
    assert answer.status_code == 422
