"""What trackers say of their connection: which words count, and which are no news."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.clock import from_micros
from fleet.connection import Connection
from fleet.screening import Reason
from ingest.formats import FORMATS
from ingest.loop.gathering import cut, joined
from ingest.protocol import Heard
from ingest.router import Router, selections
from tests.unit.ingest.messages import RECEIVED_US, batch_of

STATUS = "fleet/acme/van-1/status"
FIX = b'{"time":1771257483120,"lat":60.1,"lon":24.9}'


def router() -> Router:
    return Router(selections(FORMATS), default_tenant="default")


def heard(message: int, is_online: bool, tracker: str = "van-1") -> Heard:
    said = Connection(tenant="acme", tracker=tracker, is_online=is_online, since=from_micros(RECEIVED_US))
    return Heard(message=message, connection=said)


def test_each_word_is_heard_at_its_place_among_fixes() -> None:
    topics = ["fleet/acme/van-1/fix", STATUS, "fleet/acme/van-2/fix", "fleet/acme/van-2/status"]
    decoded = router().decode(batch_of([FIX, b"offline", FIX, b" online\n"], topics))
    assert decoded.heard == [heard(1, False), heard(3, True, "van-2")]
    assert decoded.ignored == [1, 3]
    assert decoded.fixes.message.tolist() == [0, 2]
    assert decoded.refused == []


@pytest.mark.parametrize(
    ("topic", "payload", "reason", "detail"),
    [
        (STATUS, b"Offline", Reason.WRONG_TYPE, "a status is online or offline"),
        (STATUS, b"", Reason.WRONG_TYPE, "a status is online or offline"),
        (STATUS, b"\xff", Reason.WRONG_TYPE, "a status is online or offline"),
        ("fleet/acme//status", b"offline", Reason.INVALID_TOPIC, "the tracker's ident is empty"),
        ("fleet/acme/a\x01/status", b"online", Reason.INVALID_TOPIC, "the tracker's ident has characters that no ident has"),
        (
            "fleet//van/status",
            b"online",
            Reason.INVALID_TOPIC,
            "the tenant is empty, too long or has characters that no tenant has",
        ),
    ],
)
def test_what_is_no_word_or_of_nobody_is_a_dead_letter(topic: str, payload: bytes, reason: Reason, detail: str) -> None:
    decoded = router().decode(batch_of([payload], topic))
    assert [(refusal.reason, refusal.detail) for refusal in decoded.refused] == [(reason, detail)]
    assert (decoded.heard, decoded.ignored) == ([], [])


def test_what_a_broker_had_retained_is_no_news() -> None:
    batch = replace(batch_of([b"offline", FIX, b"offline"], [STATUS, "fleet/acme/van-1/fix", STATUS]), retained=[0])
    decoded = router().decode(batch)
    assert decoded.heard == [heard(2, False)]
    assert decoded.ignored == [0, 2]


def test_what_was_retained_is_known_however_batches_are_cut_and_joined() -> None:
    long = b'{"time":1771257483120,"lat":60.1,"lon":24.9,"x":"' + b"x" * 1_300_000 + b'"}'
    parts = cut(replace(batch_of([long, b"offline", long, b"offline"], STATUS), retained=[1, 3], token="t"))
    assert len(parts) > 1
    assert joined(parts).retained == [1, 3]
