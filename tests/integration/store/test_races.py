"""Two processes at once: the same fixes, the same events, and a reader that must not miss any."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import numpy as np

from fleet.subscription import Subscription
from store.protocol import Store
from tests.integration.store.builders import TENANT, Builder, all_rows, as_rows, at, event, fixes
from tests.integration.store.conftest import Stores

#: Beyond the database's own clock.
LATER = datetime(2099, 1, 1, tzinfo=UTC)


async def test_two_workers_that_commit_the_same_batches_store_each_fix_once(stores: Stores) -> None:
    workers = [Builder(await stores.open()) for _ in range(2)]
    keys = await workers[0].keys(*(f"t{n}" for n in range(20)))
    random = np.random.default_rng(1)
    everything = []
    for round_ in range(12):
        batch = fixes([(key, at(round_ * 100 + second)) for key in keys for second in range(10)])
        everything.append(batch)
        orders = [random.permutation(200), random.permutation(200)]
        committed = await asyncio.gather(
            *(worker.commit(batch.take(order)) for worker, order in zip(workers, orders, strict=True)),
        )
        assert sum(each.stored for each in committed) == 200
        assert sum(each.duplicates for each in committed) == 200
        # Each fix was new to exactly one of the two.
        new = [np.sort(order[each.new_rows]) for order, each in zip(orders, committed, strict=True)]
        assert np.sort(np.concatenate(new)).tolist() == list(range(200))
    assert await all_rows(workers[0].store) == sorted(
        (row for batch in everything for row in as_rows(batch)), key=lambda row: row[:2]
    )


async def test_two_workers_that_find_the_same_events_tell_each_once(stores: Stores) -> None:
    workers = [Builder(await stores.open()) for _ in range(3)]
    await workers[0].store.subscriptions.create(Subscription(id="w", tenant=TENANT, url="u"))
    found = [event(number) for number in range(60)]
    committed = await asyncio.gather(
        *(worker.commit(events=found[start : start + 20]) for start in range(0, 60, 5) for worker in workers)
    )
    new = [each.id for one in committed for each in one.new_events]
    assert sorted(new) == sorted(each.id for each in found)
    assert len(await workers[0].store.events(None, limit=999)) == 60
    assert len(await workers[0].store.claim_alerts(LATER, limit=999, lease_s=1)) == 60


async def test_a_reader_never_misses_an_event_that_was_numbered_before_those_it_has_seen(stores: Stores) -> None:
    """Numbers are given out in order of commit: whoever reads on from the last number that it saw has seen all before it."""
    writers = [Builder(await stores.open()) for _ in range(4)]
    reader = await stores.open()
    (key,) = await writers[0].keys("t1")
    done = asyncio.Event()

    async def write(number: int, writer: Builder) -> None:
        for round_ in range(25):
            first = 1000 * number + 10 * round_
            batch = fixes([(key, at(first + n)) for n in range(number * 3)])
            await writer.commit(batch, events=[event(first + n) for n in range(number + 1)])

    async def follow() -> list[int]:
        seen: list[int] = []
        while True:
            was_done = done.is_set()
            page = await reader.events(None, after_seq=seen[-1] if seen else 0, limit=7)
            seen += [numbered.seq for numbered in page]
            if not page and was_done:
                return seen
            await asyncio.sleep(0)

    following = asyncio.create_task(follow())
    await asyncio.gather(*(write(number, writer) for number, writer in enumerate(writers)))
    done.set()
    seen = await following
    assert seen == [numbered.seq for numbered in await _all_events(reader)]
    assert len(seen) == 25 * (1 + 2 + 3 + 4)


async def _all_events(store: Store) -> list:  # type: ignore[type-arg]
    return list(await store.events(None, limit=10_000))


async def test_commits_into_days_that_nobody_has_touched_yet_do_not_disturb_each_other(stores: Stores) -> None:
    workers = [Builder(await stores.open()) for _ in range(4)]
    keys = await workers[0].keys("t0", "t1", "t2", "t3")
    day_s = 86_400
    committed = await asyncio.gather(
        *(
            worker.commit(fixes([(key, at(-day_s * (100 * round_ + n))) for n in range(5)]))
            for round_ in range(4)
            for worker, key in zip(workers, keys, strict=True)
        )
    )
    assert [each.stored for each in committed] == [5] * 16
