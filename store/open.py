"""From a URL to a store: `memory:` for the twin, `postgresql://...` for a database."""

from __future__ import annotations

from store.errors import StoreError
from store.memory import MemoryStore
from store.protocol import Store
from store.records import Retention

MEMORY_URL = "memory:"


async def open_store(url: str, *, retention: Retention | None = None) -> Store:
    """A store that is ready for use; the caller closes it.

    Raises Unavailable where the database cannot be reached, StoreError where its schema is not this version's.
    """
    if url == MEMORY_URL:
        return MemoryStore(retention=retention)
    if not url.startswith(("postgresql://", "postgres://")):
        raise StoreError(f"a database URL begins with postgresql:// (or is {MEMORY_URL}), not {url.partition(':')[0]}:")
    raise NotImplementedError
