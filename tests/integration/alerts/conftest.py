"""Alerts on the store in memory, and on TimescaleDB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest
import pytest_asyncio

from store.migrate import migrate_database
from store.open import MEMORY_URL, open_store
from store.protocol import Store

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
    yield opened
    await opened.close()
