"""From a URL to a store: `memory:` for the twin, `postgresql://...` for a database."""

from __future__ import annotations

import asyncio
from typing import Final

from store.errors import StoreError
from store.memory import MemoryStore
from store.migrate import migrate_database
from store.postgres.database import Limits
from store.postgres.store import PostgresStore
from store.protocol import Store
from store.records import Retention

MEMORY_URL: Final = "memory:"
#: How late a fix may be and still be folded in; a route that is done stays in the world as long.
LATE_HORIZON_S: Final = 48 * 3600.0
POOL_SIZE: Final = 10


async def open_store(
    url: str,
    *,
    retention: Retention | None = None,
    pool_size: int = POOL_SIZE,
    late_horizon_s: float = LATE_HORIZON_S,
    limits: Limits | None = None,
) -> Store:
    """A store that is ready for use; the caller closes it.

    Raises Unavailable where the database cannot be reached, StoreError where its schema is not this version's or the URL is
    none of a database.
    """
    if url == MEMORY_URL:
        return MemoryStore(retention=retention)
    _check_url(url)
    return await PostgresStore.open(
        url,
        retention=retention or Retention(),
        pool_size=pool_size,
        late_horizon_s=late_horizon_s,
        limits=limits or Limits(),
    )


async def migrate(url: str) -> None:
    """Bring the database to this version, off the event loop; nothing to do for `memory:`. Raises as `migrate_database`."""
    if url != MEMORY_URL:
        _check_url(url)
        await asyncio.to_thread(migrate_database, url)


def _check_url(url: str) -> None:
    """Without naming the rest of it, which may hold a password."""
    if not url.startswith(("postgresql://", "postgres://")):
        scheme = url.partition(":")[0]
        raise StoreError(f"a database URL begins with postgresql:// (or is {MEMORY_URL}), not with {scheme}:")
