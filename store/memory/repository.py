"""One kind of thing in memory, by tenant and id; what is particular to a kind is handed in or overridden."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import orjson

from fleet.errors import InvalidValue
from store.errors import AlreadyExists, NotFound, Outdated, Rejected
from store.paging import split_cursor
from store.refusals import check_tenant
from store.storable import dump_json, holds_nul


class Thing(Protocol):
    """What every kind has."""

    @property
    def id(self) -> str: ...
    @property
    def tenant(self) -> str: ...


T = TypeVar("T", bound=Thing)
Filters = Mapping[str, Callable[[Any, str], bool]]


class MemoryRepository(Generic[T]):
    def __init__(
        self,
        kind: str,
        *,
        clock: Callable[[], datetime],
        filters: Filters,
        changed: Callable[[str, str, str], None] = lambda _kind, _tenant, _id: None,
    ) -> None:
        self.kind = kind
        self.items: dict[tuple[str, str], T] = {}
        self._clock = clock
        self._filters = filters
        self._changed = changed

    async def create(self, item: T) -> T:
        reject_unstorable(item)
        check_tenant(item.tenant)
        if (item.tenant, item.id) in self.items:
            raise AlreadyExists(self.kind, item.id)
        if getattr(item, "created_at", self) is None:
            item = replace(item, created_at=self._clock())  # type: ignore[type-var] # every kind is a dataclass
        return self._put(item)

    async def get(self, tenant: str, id: str) -> T:  # noqa: A002 - the domain's word
        return self._shown(self._kept(tenant, id))

    async def replace(self, item: T, *, only_if: T | None = None) -> T:
        reject_unstorable(item)
        kept = self._kept(item.tenant, item.id)
        self._require(only_if)
        if hasattr(kept, "created_at"):
            item = replace(item, created_at=kept.created_at)  # type: ignore[type-var] # every kind is a dataclass
        return self._put(item)

    async def delete(self, tenant: str, id: str, *, only_if: T | None = None) -> None:  # noqa: A002 - the domain's word
        self._kept(tenant, id)
        self._require(only_if)
        self._remove(tenant, id)
        self._changed(self.kind, tenant, id)

    async def list(self, tenant: str | None, *, limit: int, after: str | None = None, **filters: str) -> builtins.list[T]:
        refuse_unknown(self.kind, filters, self._filters)
        shown = (self._shown(self.items[place]) for place in page_places(self.items, tenant, after))
        wanted = (item for item in shown if all(self._filters[name](item, text) for name, text in filters.items()))
        return [item for item, _ in zip(wanted, range(limit), strict=False)]

    def _kept(self, tenant: str, id_: str) -> T:
        try:
            return self.items[tenant, id_]
        except KeyError:
            raise NotFound(self.kind, id_) from None

    def _require(self, expected: T | None) -> None:
        """Raises Outdated where the thing is not as expected."""
        if expected is not None and self._shown(self._kept(expected.tenant, expected.id)) != expected:
            raise Outdated(self.kind, expected.id)

    def _put(self, item: T) -> T:
        self.items[item.tenant, item.id] = item
        self._changed(self.kind, item.tenant, item.id)
        return self._shown(item)

    def _remove(self, tenant: str, id_: str) -> None:
        del self.items[tenant, id_]

    def _shown(self, item: T) -> T:
        """The item with what is derived from elsewhere."""
        return item


def refuse_unknown(kind: str, filters: Iterable[str], known: Iterable[str]) -> None:
    """Raises InvalidValue for a filter that the kind does not have."""
    for name in set(filters) - set(known):
        raise InvalidValue(name, f"a {kind} has no such filter")


def page_places(items: Iterable[tuple[str, str]], tenant: str | None, after: str | None) -> list[tuple[str, str]]:
    """The (tenant, id) behind the cursor, in order. Code points sort as their UTF-8 bytes do."""
    behind = split_cursor(tenant, after)
    return sorted(place for place in items if (tenant is None or place[0] == tenant) and (behind is None or place > behind))


def reject_unstorable(*items: object) -> None:
    """Raises Rejected for text that no database could hold: NUL, lone surrogates."""
    if holds_nul(orjson.loads(dump_json(items))):
        raise Rejected("a text cannot be stored: it holds the character NUL")
