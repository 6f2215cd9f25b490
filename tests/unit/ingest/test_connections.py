"""Last wills and signs of life in order of receipt."""

from __future__ import annotations

import numpy as np
import pytest

from fleet.clock import from_micros
from fleet.connection import Connection
from fleet.fix import FixBatch
from fleet.message import MessageBatch
from fleet.vehicle import Mounting, TrackerStatus
from ingest.connections import Connections
from ingest.protocol import Heard
from ingest.registry import Registry

#: Of message 0; each message came in a microsecond after the one before.
START = 1_771_257_483_000_000


@pytest.fixture
def connections() -> Connections:
    registry = Registry()
    registry.replace(
        Mounting(tenant="acme", tracker=f"t{key}", status=TrackerStatus.ACTIVE, key=key, vehicle=f"v{key}") for key in (1, 2, 3)
    )
    return Connections(registry)


def said(message: int, is_online: bool, tracker: str = "t1") -> Heard:
    since = from_micros(START + message)
    return Heard(message=message, connection=Connection(tenant="acme", tracker=tracker, is_online=is_online, since=since))


def take(connections: Connections, *words: str) -> tuple[list[tuple[str, bool]], dict[int, int | None]]:
    """Messages in order: `t1+` and `t1-` are words of a tracker, `f1` is a fix of its vehicle. What is news, and the vehicles'."""
    heard = [said(number, word[-1] == "+", word[:-1]) for number, word in enumerate(words) if word[0] == "t"]
    fixes = [(number, int(word[1:])) for number, word in enumerate(words) if word[0] == "f"]
    columns = FixBatch.empty()
    if fixes:
        columns = FixBatch.allocate(len(fixes))
        columns.vehicle = np.array([key for _, key in fixes], np.int64)
        columns.message = np.array([number for number, _ in fixes], np.int32)
    received = [START + number for number in range(len(words))]
    batch = MessageBatch(topics=[""] * len(words), payloads=[b""] * len(words), received=received)
    signs = connections.take(heard, columns, batch)
    news = [(one.tracker, one.is_online) for one in signs.connections]
    return news, {key: None if at is None else at - START for key, at in signs.lost.items()}


def test_a_word_is_news_once(connections: Connections) -> None:
    assert take(connections, "t1+", "t2-", "t2-") == ([("t2", False)], {2: 1})
    assert take(connections, "t2-", "t1+") == ([], {})
    assert take(connections, "t2+", "t2+") == ([("t2", True)], {2: None})
    assert take(connections, "t2-") == ([("t2", False)], {2: 0})


def test_a_fix_that_comes_in_later_is_a_sign_of_life_and_an_earlier_one_is_none(connections: Connections) -> None:
    assert take(connections, "f1", "t1-", "f2") == ([("t1", False)], {1: 1})
    assert take(connections, "f3", "f1", "f1") == ([("t1", True)], {1: None})
    assert take(connections, "t1-", "f1", "t1-") == ([("t1", False), ("t1", True), ("t1", False)], {1: 2})


def test_a_tracker_that_takes_over_its_own_session_is_connected(connections: Connections) -> None:
    """The broker publishes the last will of the old connection, and then the word of the new one."""
    assert take(connections, "f1", "t1-", "t1+", "f1") == ([("t1", False), ("t1", True)], {1: None})


def test_trackers_without_a_vehicle_are_nobodys(connections: Connections) -> None:
    assert take(connections, "t9-", "t9+") == ([], {})


def test_what_was_lost_when_the_work_was_taken_up_is_known(connections: Connections) -> None:
    lost = [one.connection for one in (said(5, False, "t3"), said(6, False, "t9"))]
    assert connections.remember(lost) == {3: START + 5}
    assert take(connections, "t3-") == ([], {})
    assert take(connections, "f3") == ([("t3", True)], {3: None})
