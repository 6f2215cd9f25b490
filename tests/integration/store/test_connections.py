"""What is remembered of trackers that say whether they are connected."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.connection import Connection
from fleet.fix import FixBatch
from fleet.outcome import Outcome
from store.protocol import Commit, Store
from tests.integration.store.builders import TENANT, at
from tests.integration.store.conftest import Stores


def said(tracker: str, at_s: float, *, is_online: bool = False, tenant: str = TENANT) -> Connection:
    return Connection(tenant=tenant, tracker=tracker, is_online=is_online, since=at(at_s))


async def hear(store: Store, connections: Sequence[Connection]) -> None:
    await store.commit(Commit(fixes=FixBatch.empty(), outcome=Outcome(), connections=connections))


async def test_the_last_word_counts_and_the_first_of_several_alike(stores: Stores) -> None:
    store = await stores.open()
    await store.register([(TENANT, "t1"), (TENANT, "t2"), ("other", "t1")], quarantine=False)
    assert await store.disconnected() == []
    await hear(store, [said("t1", 1, is_online=True), said("t2", 2), said("t1", 3, tenant="other")])
    assert await store.disconnected() == [said("t2", 2), said("t1", 3, tenant="other")]
    await hear(store, [said("t2", 9), said("t1", 10), said("t1", 11, tenant="other", is_online=True)])
    assert await (await stores.open()).disconnected() == [said("t1", 10), said("t2", 2)]
    await hear(store, [said("t1", 12, is_online=True), said("t1", 13)])
    assert await store.disconnected() == [said("t1", 13), said("t2", 2)]
    await hear(store, [said("t2", 20, is_online=True)])
    await hear(store, [said("t2", 21)])
    assert said("t2", 21) in await store.disconnected()


async def test_trackers_that_are_not_known_or_gone_are_not_remembered(store: Store) -> None:
    await store.register([(TENANT, "t1")], quarantine=False)
    await hear(store, [said("t1", 1), said("nobody", 1), said("t1", 1, tenant="nowhere")])
    assert await store.disconnected() == [said("t1", 1)]
    await store.trackers.delete(TENANT, "t1")
    assert await store.disconnected() == []
