"""How messages are cut into chunks."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from fleet.message import MessageBatch
from fleet.screening import Reason
from ingest.loop.gathering import PART, WORTH_A_PASS, Gatherer, cut, joined, weight_of
from tests.unit.ingest.loop.parts import ScriptedSource
from tests.unit.ingest.messages import batch_of


def payloads(parts: list[MessageBatch]) -> list[bytes]:
    return [payload for part in parts for payload in part.payloads]


async def test_with_nothing_being_written_whatever_came_is_a_chunk() -> None:
    source = ScriptedSource()
    gatherer = Gatherer(source.batches())
    source.put(b"1")
    source.put(b"2")
    assert payloads(await gatherer.chunk(None, 1000, 60)) == [b"1"]
    assert payloads(await gatherer.chunk(None, 1000, 60)) == [b"2"]
    await gatherer.close()


async def test_while_something_is_written_messages_are_collected_until_it_is_done() -> None:
    source = ScriptedSource()
    gatherer = Gatherer(source.batches())
    busy: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    for number in range(3):
        source.put(b"%d" % number)
    waiting = asyncio.create_task(gatherer.chunk(busy, 1000, 60))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    busy.set_result(None)
    assert payloads(await waiting) == [b"0", b"1", b"2"]
    await gatherer.close()


async def test_a_commit_that_is_done_is_noticed_without_messages() -> None:
    gatherer = Gatherer(ScriptedSource().batches())
    busy: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(busy.set_result, None)
    assert await gatherer.chunk(busy, 1000, 60) == []
    await gatherer.close()


async def test_enough_is_enough() -> None:
    source = ScriptedSource()
    gatherer = Gatherer(source.batches())
    busy: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    source.put(*[b"x"] * WORTH_A_PASS)
    source.put(b"later")
    assert len(payloads(await gatherer.chunk(busy, 10_000, 60))) == WORTH_A_PASS
    source.put(b"later")
    assert payloads(await gatherer.chunk(busy, 1, 60)) == [b"later"]
    await gatherer.close()


async def test_it_comes_back_when_time_is_up_and_when_the_source_ends() -> None:
    source = ScriptedSource()
    gatherer = Gatherer(source.batches())
    assert await gatherer.chunk(None, 1000, 0.01) == []
    source.end()
    assert await gatherer.chunk(None, 1000, 60) == []
    assert gatherer.has_ended
    await gatherer.close()


async def test_a_source_that_fails_is_heard() -> None:
    async def failing() -> AsyncIterator[MessageBatch]:
        yield batch_of([b"1"])
        raise OSError("broken")

    gatherer = Gatherer(failing())
    assert payloads(await gatherer.chunk(None, 1000, 60)) == [b"1"]
    with pytest.raises(OSError, match="broken"):
        await gatherer.chunk(None, 1000, 60)
    await gatherer.close()


def test_joined_batches_keep_their_order_and_what_is_broken() -> None:
    first = batch_of([b"1", b"2"], ["a", "b"], broken=[(1, Reason.INVALID_TOPIC)])
    second = batch_of([b"3"], ["c"], broken=[(0, Reason.TOO_LARGE)])
    whole = joined([first, second])
    assert (list(whole.topics), list(whole.payloads), len(whole.received)) == (["a", "b", "c"], [b"1", b"2", b"3"], 3)
    assert list(whole.broken) == [(1, Reason.INVALID_TOPIC), (2, Reason.TOO_LARGE)]


def test_how_long_a_cut_payload_was_is_known_after_cutting_and_joining() -> None:
    """Its dead letter says so."""
    topics, payloads = ["a"] * (2 * WORTH_A_PASS), [b"x"] * (2 * WORTH_A_PASS)
    batch = MessageBatch(
        topics=topics, payloads=payloads, received=[1] * len(topics), full_bytes={3: 70_000, len(topics) - 1: 90_000}
    )
    parts = cut(batch)
    assert len(parts) == 2
    assert [dict(part.full_bytes) for part in parts] == [{3: 70_000}, {WORTH_A_PASS - 1: 90_000}]
    assert dict(joined(parts).full_bytes) == dict(batch.full_bytes)


def test_a_batch_that_is_worth_several_passes_comes_in_parts() -> None:
    count = 2 * WORTH_A_PASS + 1
    whole = MessageBatch(
        topics=["a"] * count,
        payloads=[b"%d" % number for number in range(count)],
        received=list(range(count)),
        token="the source's",
        broken=[(0, Reason.TOO_LARGE), (count - 1, Reason.INVALID_TOPIC)],
    )
    parts = cut(whole)
    assert max(map(len, parts)) <= WORTH_A_PASS
    assert [part.token for part in parts] == [PART] * (len(parts) - 1) + ["the source's"]
    assert payloads(parts) == whole.payloads
    assert list(joined(parts).broken) == whole.broken
    assert list(joined(parts).received) == whole.received


def test_a_small_batch_and_a_single_long_message_are_left_whole() -> None:
    for whole in (batch_of([b"x"] * WORTH_A_PASS), batch_of([b"x" * 10_000_000])):
        assert cut(whole) == [whole]


async def test_all_parts_are_handed_over_before_the_source_is_asked_again() -> None:
    source = ScriptedSource()
    gatherer = Gatherer(source.batches())
    source.put(*[b"x"] * (3 * WORTH_A_PASS))
    source.end()
    chunks = []
    while not gatherer.has_ended:
        chunks.append(payloads(await gatherer.chunk(None, 10_000, 60)))
    assert [len(chunk) for chunk in chunks] == [WORTH_A_PASS] * 3 + [0]
    await gatherer.close()


def test_long_messages_weigh_more() -> None:
    assert weight_of(batch_of([b"x"] * 10)) == 10
    assert weight_of(batch_of([b"x" * 6000] * 10)) == 100
