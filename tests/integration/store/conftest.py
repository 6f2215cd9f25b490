"""One suite for all stores: in memory, on TimescaleDB, on PostgreSQL without it.

`store` is an empty store; `stores` opens further ones on the same data, as a second process or a restarted one would
(for the twin in memory that is the same object). `database_store_url` is for what only a database has: connections that break.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import pytest_asyncio

from store.memory import MemoryStore
from store.migrate import migrate_database
from store.open import MEMORY_URL, open_store
from store.protocol import Store
from tests.integration.store.builders import Builder

_TIMESCALE = pytest.param("timescale_databases", marks=pytest.mark.timescale, id="timescale")
_POSTGRES = pytest.param("postgres_databases", marks=pytest.mark.postgres, id="postgres")


class Stores:
    """Opens stores on one set of data and closes them all."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._memory: MemoryStore | None = None
        self._opened: list[Store] = []

    @property
    def is_memory(self) -> bool:
        return self.url == MEMORY_URL

    async def open(self, **options: Any) -> Store:
        if self.is_memory and self._memory is not None:
            return self._memory
        store = await open_store(self.url, **options)
        if isinstance(store, MemoryStore):
            self._memory = store
        self._opened.append(store)
        return store

    async def close(self) -> None:
        for store in self._opened:
            await store.close()


def _migrated_url(request: pytest.FixtureRequest, fixture: str, stack: ExitStack) -> str:
    databases = request.getfixturevalue(fixture)
    template = databases.template("store", migrate_database)
    url: str = stack.enter_context(databases.fresh(template=template))
    return url


@pytest.fixture(params=["memory", _TIMESCALE, _POSTGRES])
def store_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with ExitStack() as stack:
        yield MEMORY_URL if request.param == "memory" else _migrated_url(request, request.param, stack)


@pytest.fixture(params=[_TIMESCALE, _POSTGRES])
def database_store_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with ExitStack() as stack:
        yield _migrated_url(request, request.param, stack)


@pytest_asyncio.fixture
async def stores(store_url: str) -> AsyncIterator[Stores]:
    opened = Stores(store_url)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def database_stores(database_store_url: str) -> AsyncIterator[Stores]:
    opened = Stores(database_store_url)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def store(stores: Stores) -> Store:
    return await stores.open()


@pytest_asyncio.fixture
async def build(store: Store) -> Builder:
    return Builder(store)
