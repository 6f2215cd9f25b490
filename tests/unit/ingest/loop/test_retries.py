"""Dead letters that are tried again: taken in as they came, and gone only with the commit that holds what came of them."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from fleet.fix import FixBatch
from fleet.message import DeadLetter
from fleet.outcome import Outcome
from fleet.screening import Reason
from ingest.loop import retries
from store.protocol import Rejected, Unavailable
from store.records import Commit
from tests.unit.ingest.loop.parts import NOW, ScriptedSource, TroubledStore, native, until, worker

pytestmark = pytest.mark.usefixtures("_soon")
TOPIC = "fleet/default/van-1/fix"
#: Seconds before NOW of a fix that came in as it was measured, three days ago.
LONG_AGO_S = 3 * 86_400


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_ASK_INTERVAL_S", 0.01)


def letter(payload: bytes, *, days_ago: int = 3) -> DeadLetter:
    return DeadLetter(
        received_at=NOW - timedelta(days=days_ago),
        topic=TOPIC,
        payload=payload,
        payload_bytes=len(payload),
        reason=Reason.UNKNOWN_TRACKER,
        detail="nobody knew it",
        tenant="default",
        tracker="van-1",
    )


async def asked_for(store: TroubledStore, *letters: DeadLetter) -> list[int]:
    """The store has these letters, and somebody wants them to be tried again."""
    await store.commit(Commit(fixes=FixBatch.empty(), outcome=Outcome(), dead_letters=letters))
    store.commits.clear()
    store.attempts.clear()
    return await store.retry_dead_letters(None, [number for number, _ in await store.dead_letters(None, limit=1_000)])


async def run_until_tried(store: TroubledStore) -> ScriptedSource:
    source = ScriptedSource()
    task = asyncio.create_task(worker(source, store).run())
    while await store.letters_to_retry(limit=1):
        assert not task.done()
        await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return source


async def test_a_message_that_is_good_now_is_stored_with_its_own_instants() -> None:
    store = TroubledStore()
    await asked_for(store, letter(native(LONG_AGO_S + 5)))
    source = await run_until_tried(store)
    assert store.stored == [(LONG_AGO_S + 5, 60.17)]
    (fixes,) = [commit.fixes for commit in store.commits if len(commit.fixes)]
    assert fixes.received.tolist() == [int((NOW - timedelta(days=3)).timestamp() * 1e6)]
    assert await store.dead_letters(None, limit=9) == []
    assert source.acknowledged == []


async def test_one_that_is_refused_again_is_a_new_letter_with_today_s_reason() -> None:
    store = TroubledStore()
    (number,) = await asked_for(store, letter(b"{"))
    await run_until_tried(store)
    ((new_number, kept),) = await store.dead_letters(None, limit=9)
    assert new_number > number
    assert (kept.reason, kept.payload, kept.received_at) == (Reason.INVALID_JSON, b"{", NOW - timedelta(days=3))


async def test_more_than_a_handful_are_tried_in_turns_beside_live_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_MOST_AT_ONCE", 10)
    store = TroubledStore()
    await asked_for(store, *(letter(native(LONG_AGO_S + second)) for second in range(35)))
    await run_until_tried(store)
    assert sorted(second for second, _ in store.stored) == list(range(LONG_AGO_S, LONG_AGO_S + 35))
    assert await store.dead_letters(None, limit=99) == []


async def test_a_database_that_is_away_loses_no_letter() -> None:
    store = TroubledStore()
    await asked_for(store, letter(native(LONG_AGO_S)))
    store.failures.extend([Unavailable("away")] * 2)
    await run_until_tried(store)
    assert store.stored == [(LONG_AGO_S, 60.17)]


async def test_a_poisonous_letter_is_buried_anew_and_the_others_are_stored() -> None:
    store = TroubledStore()
    await asked_for(store, letter(native(LONG_AGO_S)), letter(native(LONG_AGO_S + 1, lat=13.0)))
    store.refuses = lambda commit: Rejected("bad value") if 13.0 in commit.fixes.lat.tolist() else None
    await run_until_tried(store)
    assert store.stored == [(LONG_AGO_S, 60.17)]
    ((_, kept),) = await store.dead_letters(None, limit=9)
    assert kept.reason is Reason.REFUSED_BY_DATABASE


async def test_live_messages_are_acknowledged_all_the_same() -> None:
    store, source = TroubledStore(), ScriptedSource()
    await asked_for(store, letter(native(LONG_AGO_S)))
    task = asyncio.create_task(worker(source, store).run())
    source.put(native(1))
    await until(lambda: len(source.acknowledged) == 1 and len(store.stored) == 2)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert sorted(second for second, _ in store.stored) == [1, LONG_AGO_S]
