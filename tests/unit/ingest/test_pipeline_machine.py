"""Whatever the order, duplication, cuts and deaths, on the store in memory: what `tests.oracle.machine` says."""

from __future__ import annotations

from store.memory import MemoryStore
from store.protocol import Store
from tests.oracle.effort import effort
from tests.oracle.machine import AnyOrder


class InMemory(AnyOrder):
    async def open_store(self) -> Store:
        return MemoryStore()


TestAnyOrder = InMemory.TestCase
TestAnyOrder.settings = effort(25, steps=15)
