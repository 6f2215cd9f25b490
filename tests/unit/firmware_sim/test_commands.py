"""Simulated trackers answer commands as real ones would."""

from __future__ import annotations

import itertools
import json

import pytest

from firmware_sim.commands import Obedience, answer, command_filter
from ingest.formats.topics import TopicFilter

TOPIC = "fleet/acme/van-1/command"


def said(payload: bytes, topic: str = TOPIC) -> tuple[str, bytes] | None:
    return answer(topic, payload, lambda ident: {"rounds": 2} if ident == "van-1" else None)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("ping", {"ok": True}),
        ("status", {"ok": True, "rounds": 2}),
        ("fly", {"ok": False, "error": "no such command: fly"}),
    ],
)
def test_a_command_is_answered_on_its_reply_topic(command: str, expected: dict[str, object]) -> None:
    reply = said(json.dumps({"id": "c1", "command": command}).encode())
    assert reply is not None
    assert (reply[0], json.loads(reply[1])) == (f"{TOPIC}/c1/reply", expected)


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"command":"ping"}', b'{"id":7,"command":"ping"}'])
def test_what_cannot_be_answered_is_not(payload: bytes) -> None:
    assert said(payload) is None


def test_another_s_command_is_left_to_it() -> None:
    assert said(b'{"id":"c1","command":"ping"}', "fleet/acme/van-2/command") is None
    assert TopicFilter(command_filter("acme")).matches(TOPIC)


def test_a_command_that_comes_twice_is_obeyed_once_and_answered_twice() -> None:
    asked = itertools.count(1)
    trackers = Obedience(lambda _ident: {"rounds": next(asked)})
    first, again = (trackers.hear(TOPIC, b'{"id":"c1","command":"status"}') for _ in range(2))
    other = trackers.hear(TOPIC, b'{"id":"c2","command":"status"}')
    assert first == again == (f"{TOPIC}/c1/reply", b'{"ok":true,"rounds":1}')
    assert other is not None
    assert other != first
    assert trackers.hear("fleet/acme/van-2/command", b'{"id":"c1","command":"ping"}') == (
        "fleet/acme/van-2/command/c1/reply",
        b'{"ok":true}',
    )
