"""What trackers say to commands is told from positions, whatever topic it comes on, and never raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.clock import from_micros
from fleet.command import Answer, Uplink
from fleet.message import MessageBatch
from fleet.screening import Reason
from ingest.formats import FORMATS
from ingest.protocol import Decoded
from ingest.router import Router, selections

RECEIVED_US = 1_771_243_200_000_000


def decoded(*messages: tuple[str, bytes]) -> Decoded:
    router = Router(selections(FORMATS), default_tenant="acme")
    topics, payloads = zip(*messages, strict=True)
    return router.decode(MessageBatch(topics=topics, payloads=payloads, received=[RECEIVED_US] * len(messages)))


def answer(tracker: str, key: str, data: Any, *, tenant: str = "acme", has_failed: bool = False) -> Answer:
    return Answer(tenant=tenant, tracker=tracker, key=key, data=data, has_failed=has_failed, received_at=from_micros(RECEIVED_US))


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        ("fleet/globex/van-1/command/c1/reply", b'{"ok":true}', answer("van-1", "c1", {"ok": True}, tenant="globex")),
        ("fleet/globex/van-1/command/c1/reply", "fährt".encode(), answer("van-1", "c1", "fährt", tenant="globex")),
        ("fleet/globex/van-1/command/c1/reply", b"", answer("van-1", "c1", "", tenant="globex")),
        ("fleet/globex/van-1/command/c1/reply", b'"a\\u0000b"', answer("van-1", "c1", "a\ufffdb", tenant="globex")),
        ("352093/data", b'{"RSP":"INI:2026/2/16"}', answer("352093", "", "INI:2026/2/16")),
        ("v1/devices/dev-1/rpc/response/17", b'{"pin":1}', answer("dev-1", "17", {"pin": 1})),
        (
            "v3/app@ttn/devices/dev-1/down/ack",
            json.dumps({"correlation_ids": ["as:up:1", "outrider:c1"], "downlink_ack": {"f_port": 7}}).encode(),
            answer("dev-1", "c1", {"f_port": 7}),
        ),
        (
            "v3/app@ttn/devices/dev-1/down/failed",
            json.dumps({"downlink_failed": {"downlink": {"correlation_ids": ["outrider:c1"]}, "error": {"name": "x"}}}).encode(),
            answer("dev-1", "c1", {"downlink": {"correlation_ids": ["outrider:c1"]}, "error": {"name": "x"}}, has_failed=True),
        ),
    ],
)
def test_each_format_s_answers_are_found(topic: str, payload: bytes, expected: Answer) -> None:
    found = decoded((topic, payload))
    assert (found.answers, found.ignored, len(found.fixes), found.refused) == ([expected], [0], 0, [])


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("v3/app@ttn/devices/dev-1/down/sent", b'{"correlation_ids":["outrider:c1"],"downlink_sent":{}}'),
        ("v3/app@ttn/devices/dev-1/down/ack", b'{"correlation_ids":["somebody:else"],"downlink_ack":{}}'),
        ("fleet/acme/van-1/command", b'{"id":"c1","command":"reboot"}'),
        ("owntracks/ada/phone/cmd", b'{"_type":"cmd"}'),
    ],
)
def test_what_is_on_its_way_or_somebody_else_s_is_no_answer(topic: str, payload: bytes) -> None:
    found = decoded((topic, payload))
    assert (found.answers, found.ignored, found.refused) == ([], [0], [])


def test_among_positions_each_finds_its_place_and_topics_are_remembered_of_other_formats_alone() -> None:
    fix = b'{"time":%d,"lat":60.1,"lon":24.9}' % (RECEIVED_US // 1000)
    teltonika = json.dumps({"ts": RECEIVED_US // 1000, "latlng": "54.6,25.2", "sat": 7}).encode()
    found = decoded(
        ("fleet/acme/van-1/fix", fix),
        ("352093/data", b'{"RSP":"ok"}'),
        ("teltonika/99/data", teltonika),
        ("fleet/acme/van-2/fix", fix),
    )
    assert found.fixes.message.tolist() == [0, 3, 2]
    assert found.answers == [answer("352093", "", "ok")]
    assert found.uplinks == [Uplink(tenant="acme", tracker="99", format="teltonika", topic="teltonika/99/data")]


@given(
    topic=st.sampled_from(
        [
            "fleet/a/b/command/c/reply",
            "v1/devices/d/rpc/response/1",
            "v3/a@t/devices/d/down/ack",
            "v3/a@t/devices/d/down/failed",
            "1/data",
        ]
    ),
    payload=st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["RSP", "correlation_ids", "downlink_ack", "downlink_failed", "downlink"]), inner, max_size=3
                )
            ),
        ).map(lambda value: json.dumps(value).encode()),
    ),
)
def test_nothing_that_comes_in_raises(topic: str, payload: bytes) -> None:
    found = decoded((topic, payload))
    refused = [refusal.reason for refusal in found.refused]
    assert len(found.ignored) + len(refused) + len(found.fixes) == 1
    assert Reason.UNSUPPORTED not in refused
    json.dumps([answer.data for answer in found.answers])


def test_bytes_that_are_no_text_are_refused() -> None:
    (refusal,) = decoded(("fleet/a/b/command/c/reply", b"\xff\xfe")).refused
    assert (refusal.reason, refusal.detail) == (Reason.INVALID_UTF8, "byte 0 is not UTF-8")
