"""What the store raises. Driver errors are translated once, at the edge of `store.postgres`, with `from exc`.

| error         | means                                                       | right answer                  |
|---------------|-------------------------------------------------------------|-------------------------------|
| Unavailable   | the database cannot be reached, is stopping, or is too slow | the same again, later         |
| Rejected      | it refuses these values                                     | not these values again        |
| NotFound      | no such thing for this tenant                               | 404                           |
| AlreadyExists | the id is taken                                             | 409                           |
| Outdated      | the thing is not any more as the caller saw it              | read it again                 |
| UnderWay      | the same request is being worked on just now                | the same again, later         |
| Superseded    | another worker has taken over the work                      | stop; it goes on there        |
| SharedSession | a pooler lends our session to others between transactions   | stop; the URL must change     |
| StoreError    | anything else: the schema is not migrated, or a defect      | stop, and tell the operator   |
"""

from __future__ import annotations

from fleet.errors import OutriderError


class StoreError(OutriderError):
    """Base of what the store raises."""


class Unavailable(StoreError):
    """The database cannot be reached or is shutting down; trying the same thing again later is right and harmless."""


class Superseded(StoreError):
    """Another worker has taken over: what this one would write may rest on less than that one knows."""

    def __init__(self, worker: str) -> None:
        super().__init__(f"another worker has taken over the work of {worker!r}, so this one stops")
        self.worker = worker


class SharedSession(StoreError):
    """A pooler stands before the database and shares sessions between clients, so that a worker's claim would be nobody's."""

    def __init__(self) -> None:
        super().__init__(
            "the database's URL leads to a pooler that shares sessions between clients (as PgBouncer with pool_mode = transaction"
            " does), so the worker cannot claim its work: let OUTRIDER_DATABASE_URL name the database itself, or a pooler that"
            " keeps sessions (pool_mode = session)"
        )


class Rejected(StoreError):
    """The database refuses these values; trying again will not help."""


class NotFound(StoreError):
    """No such thing for this tenant."""

    def __init__(self, kind: str, id: str) -> None:  # noqa: A002 - the domain's word
        super().__init__(f"no {kind} {id!r}")
        self.kind = kind
        self.id = id


class AlreadyExists(StoreError):
    """The id is taken."""

    def __init__(self, kind: str, id: str) -> None:  # noqa: A002 - the domain's word
        super().__init__(f"{kind} {id!r} exists already")
        self.kind = kind
        self.id = id


class Outdated(StoreError):
    """The thing is not any more as the caller saw it."""

    def __init__(self, kind: str, id: str) -> None:  # noqa: A002 - the domain's word
        super().__init__(f"{kind} {id!r} was changed in the meantime")
        self.kind = kind
        self.id = id


class UnderWay(StoreError):
    """The first request with this Idempotency-Key is still being worked on."""
