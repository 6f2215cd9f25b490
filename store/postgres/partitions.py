"""Days that have a partition, where the server has no TimescaleDB: made before a batch that needs them is sent.

There is no default partition on purpose: what lands in it would have to be moved before its day could ever get a partition of
its own. Instead the days of a batch are compared with those known to this process (one `numpy.unique` a batch), and missing
ones are made in a transaction of their own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import numpy as np

from fleet.clock import EPOCH
from fleet.fix import Int64s
from store.postgres.database import Database
from store.postgres.queries import Queries

_SQL: Final = Queries("upkeep")
_DAY_MICROS: Final = 86_400_000_000


class Partitions:
    def __init__(self, database: Database, *, needed: bool) -> None:
        self._database = database
        self._needed = needed
        self._known: dict[str, set[int]] = {}

    async def ensure(self, table: str, times: Int64s) -> None:
        """Make the partitions that rows of these instants (microseconds since 1970) go to."""
        if not self._needed or not len(times):
            return
        known = self._known.setdefault(table, set())
        missing = set(np.unique(times // _DAY_MICROS).tolist()) - known
        if missing:
            days = [(EPOCH + timedelta(days=day)).date() for day in sorted(missing)]
            await self._database.execute(_SQL["ensure_partitions"], {"table": table, "days": days})
            known |= missing

    def forget(self) -> None:
        """Somebody dropped partitions; look again."""
        self._known.clear()
