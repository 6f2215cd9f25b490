"""The API on the store in memory, and on TimescaleDB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest
import pytest_asyncio

from store.migrate import migrate_database
from store.open import MEMORY_URL, open_store
from store.protocol import Store
from tests.integration.api.running import Api, put_keys, running

_TIMESCALE = pytest.param("timescale_databases", marks=pytest.mark.timescale, id="timescale")


@pytest.fixture(params=["memory", _TIMESCALE])
def store_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with ExitStack() as stack:
        if request.param == "memory":
            yield MEMORY_URL
            return
        databases = request.getfixturevalue(request.param)
        template = databases.template("store", migrate_database)
        yield stack.enter_context(databases.fresh(template=template))


@pytest_asyncio.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await open_store(store_url)
    await put_keys(opened)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def api(store: Store) -> AsyncIterator[Api]:
    async with running(store) as api:
        yield api


@pytest_asyncio.fixture
async def memory_store() -> AsyncIterator[Store]:
    """For what does not depend on the store."""
    opened = await open_store(MEMORY_URL)
    await put_keys(opened)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def memory_api(memory_store: Store) -> AsyncIterator[Api]:
    async with running(memory_store) as api:
        yield api
