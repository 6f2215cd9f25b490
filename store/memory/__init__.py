"""The store's twin in memory: the same behaviour without a server, for tests and for the offline replay."""

from store.memory.store import MemoryStore

__all__ = ["MemoryStore"]
