"""A capture is sent as it was recorded: order, content, pace."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from firmware_sim.drive import Progress
from firmware_sim.replay import LONGEST_PAUSE_S, replay


@dataclass(frozen=True, kw_only=True)
class Message:
    received: int
    topic: str
    payload: bytes


RECORDED = [
    Message(received=0, topic="fleet/t/a/fix", payload=b"1"),
    Message(received=2_000_000, topic="fleet/t/b/fix", payload=b"2"),
    Message(received=2_000_000, topic="fleet/t/a/fix", payload=b"\xff\x00"),
    Message(received=3_600_000_000, topic="fleet/t/a/fix", payload=b"4"),
]


async def sent_at(speed: float) -> tuple[list[tuple[str, bytes]], list[float]]:
    sent: list[tuple[str, bytes]] = []
    waits: list[float] = []

    async def transmit(topic: str, payload: bytes, *, retain: bool = False) -> None:
        sent.append((topic, payload))

    async def sleep(wait_s: float) -> None:
        waits.append(wait_s)

    so_far = Progress()
    await replay(RECORDED, transmit, speed=speed, progress=so_far, sleep=sleep)
    assert so_far.messages == len(sent)
    return sent, waits


@pytest.mark.parametrize("speed", [0.0, 1.0, 10.0])
async def test_all_messages_go_out_in_order_unchanged(speed: float) -> None:
    sent, _ = await sent_at(speed)
    assert sent == [(message.topic, message.payload) for message in RECORDED]


async def test_as_fast_as_it_goes_waits_for_nothing() -> None:
    _, waits = await sent_at(0.0)
    assert waits == []


async def test_the_pace_is_the_recorded_one_and_a_long_silence_is_cut() -> None:
    # The clock stands still while `sleep` is replaced, so each wait is measured from the start of the replay.
    _, waits = await sent_at(10.0)
    assert waits[0] == pytest.approx(0.2, abs=0.05)
    assert waits[-1] == pytest.approx(0.2 + LONGEST_PAUSE_S, abs=0.05)
