"""Which trackers are connected to their broker, as far as they say so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from fleet.clock import to_micros
from fleet.connection import Connection
from store.postgres.arrays import Instants, Texts
from store.postgres.database import Database
from store.postgres.queries import Queries

_TRACKERS: Final = Queries("trackers")


def of_connections(connections: Sequence[Connection]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a commit says of them, as statements of `commit.sql`: one, unless a tracker has said several things."""
    rest = list(connections)
    while rest:
        first = {(one.tenant, one.tracker): one for one in reversed(rest)}
        rest = [one for one in rest if first[one.tenant, one.tracker] is not one]
        chosen = list(first.values())
        yield (
            "put_connections",
            {
                "tenants": Texts([one.tenant for one in chosen]),
                "trackers": Texts([one.tracker for one in chosen]),
                "online": [one.is_online for one in chosen],
                "since": Instants(np.array([to_micros(one.since) for one in chosen], np.int64)),
            },
        )


async def disconnected(database: Database) -> list[Connection]:
    """Those whose connection was lost."""
    rows = await database.fetch(_TRACKERS["disconnected"])
    return [Connection(tenant=tenant, tracker=tracker, is_online=False, since=since) for tenant, tracker, since in rows]
