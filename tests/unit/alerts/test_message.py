"""The body of a webhook is always what the contract says, and always below 20 kB."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from alerts.message import MOST_BYTES, webhook_body

EVENT = {
    "id": "e1",
    "type": "stop.arrived",
    "occurred_at": "2026-02-16T12:00:00.000Z",
    "recorded_at": "2026-02-16T12:00:01.000Z",
    "tenant": "acme",
    "vehicle": "van-1",
    "data": {"route": "r1", "stop": "s1"},
}


def test_it_holds_type_timestamp_and_the_event() -> None:
    assert orjson.loads(webhook_body(EVENT)) == {"type": "stop.arrived", "timestamp": EVENT["occurred_at"], "data": EVENT}


def test_what_is_too_large_is_left_out_and_named() -> None:
    data = {"route": "r1", "stop": "s1", "evidence": ["x" * 100] * 1_000, "track": "y" * 19_000}
    body = webhook_body({**EVENT, "data": data})
    assert len(body) < MOST_BYTES
    kept = orjson.loads(body)["data"]["data"]
    assert (kept["route"], kept["stop"]) == ("r1", "s1")
    assert kept["truncated"][0] == "evidence"
    assert "evidence" not in kept


TEXTS = st.text(st.characters(codec="utf-8"), max_size=3_000)
VALUES = TEXTS | st.lists(st.integers(-(2**63), 2**63), max_size=2_000)


@given(st.dictionaries(TEXTS, VALUES, max_size=30))
def test_it_is_always_small_enough(data: dict[str, Any]) -> None:
    assert len(webhook_body({**EVENT, "data": data})) < MOST_BYTES
