"""Which tenant a thing belongs to, where the caller sees all tenants and named none.

Ids are unique within a tenant only. The tenants that have things of a kind are found by skipping from one to the next through
the kind's own list, so no extra table of tenants has to be kept in step.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final, Protocol, TypeVar

from api.problems import Conflict
from store.protocol import NotFound, Repository

#: Sorts behind every id of a tenant: `place_of(...)` with the highest code point.
_BEHIND_ALL: Final = "\U0010ffff"


class Owned(Protocol):
    @property
    def tenant(self) -> str: ...


T = TypeVar("T", bound=Owned)


async def get_one(repository: Repository[T], tenant: str | None, id: str) -> T:  # noqa: A002 - the domain's word
    """The thing of this tenant, or of whichever has one where `tenant` is None.

    Raises NotFound, and Conflict where several tenants have one.
    """
    if tenant is not None:
        return await repository.get(tenant, id)
    found = [item async for item in _each(repository, id)]
    if len(found) > 1:
        raise Conflict(f"several tenants have {id!r}; name one with ?tenant=")
    if not found:
        raise NotFound(await _kind(repository, id), id)
    return found[0]


async def tenants_of(repository: Repository[Any]) -> AsyncIterator[str]:
    """Tenants that have things of this kind, in order."""
    after = None
    while items := await repository.list(None, limit=1, after=after):
        yield items[0].tenant
        after = f"{items[0].tenant}/{_BEHIND_ALL}"


async def _each(repository: Repository[T], id: str) -> AsyncIterator[T]:  # noqa: A002 - the domain's word
    async for tenant in tenants_of(repository):
        try:
            yield await repository.get(tenant, id)
        except NotFound:
            continue


async def _kind(repository: Repository[Any], id: str) -> str:  # noqa: A002 - the domain's word
    """The kind's name, in the store's own words."""
    try:
        await repository.get("", id)
    except NotFound as error:
        return error.kind
    return "thing"
