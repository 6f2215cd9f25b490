"""Whatever the order, duplication, cuts and deaths, on TimescaleDB: what `tests.oracle.machine` says, and what the store in memory
says of the sorted fixes."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from store.migrate import migrate_database
from store.open import open_store
from store.protocol import Store
from tests.oracle.effort import effort
from tests.oracle.machine import AnyOrder
from tests.realparts.databases import Databases

pytestmark = [pytest.mark.slow, pytest.mark.timescale, pytest.mark.timeout(600)]


def _migrate(url: str) -> None:
    migrate_database(url)


class OnDatabase(AnyOrder):
    """Each example has a database of its own."""

    databases: Databases

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()

    async def open_store(self) -> Store:
        template = self.databases.template("store", _migrate)
        return await open_store(self._stack.enter_context(self.databases.fresh(template=template)))

    def drop_store(self) -> None:
        self._stack.close()


@pytest.mark.parametrize(
    "tries",
    [
        pytest.param(effort(16, steps=12), id="the same each time"),
        pytest.param(settings(effort(8, steps=12), derandomize=False), id="new"),
    ],
)
def test_any_order_ends_as_the_sorted_one(timescale_databases: Databases, tries: settings) -> None:
    class OnTimescale(OnDatabase):
        databases = timescale_databases

    run_state_machine_as_test(OnTimescale, settings=tries)
