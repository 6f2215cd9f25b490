"""What the server offers, and the upkeep of what grows: partitions ahead of time, retention."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from fleet.clock import to_micros
from store.errors import Unavailable
from store.migrate import check_schema
from store.postgres.database import Connection, Database, rows
from store.postgres.partitions import Partitions
from store.postgres.queries import Queries
from store.records import Capabilities, Maintained, Retention

log = logging.getLogger(__name__)

_SQL: Final = Queries("upkeep")
_COMMIT_SQL: Final = Queries("commit")
#: Rows that one DELETE takes: short locks, and little to repeat should it be interrupted.
_DELETE_ROWS: Final = 10_000
#: Partitions made ahead, so that midnight finds them there.
_DAYS_AHEAD: Final = 3
#: Dropping a partition waits for its readers, and everybody else waits behind it: rather try again in the next round.
_LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '2s'"


async def check(database: Database) -> None:
    """Raises SchemaMismatch unless the database is migrated to this version, StoreError where it was never migrated."""
    check_schema([(version, checksum) for version, checksum in await database.fetch(_SQL["schema"])])


async def capabilities(database: Database) -> Capabilities:
    row = await database.fetch_one(_SQL["capabilities"])
    if row is None:
        raise Unavailable("the database does not say what it is")
    version, timescale, relkind, licence = row
    has_hypertables = timescale is not None and relkind == "r"
    compression, aggregates = False, False
    if has_hypertables and licence == "timescale":
        features = await database.fetch_one(_SQL["community_features"])
        compression, aggregates = (bool(features[0]), bool(features[1])) if features else (False, False)
    return Capabilities(
        server=f"PostgreSQL {version}",
        timescale=timescale,
        hypertables=has_hypertables,
        compression=compression,
        continuous_aggregates=aggregates,
        native_partitions=relkind == "p",
    )


class Upkeep:
    def __init__(self, database: Database, partitions: Partitions, retention: Retention) -> None:
        self._database = database
        self._partitions = partitions
        self._retention = retention

    async def maintain(self, now: datetime) -> Maintained:
        """Every step is a transaction of its own: what one cannot do now does not keep the others."""
        today = to_micros(now) + np.arange(_DAYS_AHEAD) * 86_400_000_000
        await self._partitions.ensure("fixes", today)
        await self._partitions.ensure("etas", today)
        dropped: Counter[str] = Counter()
        postponed: list[str] = []
        for table, days in {"fixes": self._retention.fixes_days, "etas": self._retention.etas_days}.items():
            if days:
                await self._drop_partitions(table, _midnight(now - timedelta(days=days)), dropped, postponed)
        for table, days in self._row_retention().items():
            if days:
                dropped[table] = await self._drop_rows(f"drop_{table}", now - timedelta(days=days))
        await self._database.execute(_SQL["sweep_orphans"])
        return Maintained(dropped={table: count for table, count in dropped.items() if count}, postponed=postponed)

    def _row_retention(self) -> Mapping[str, int]:
        kept = self._retention
        return {
            "events": kept.events_days,
            "visits": kept.visits_days,
            "dead_letters": kept.dead_letters_days,
            "outbox": kept.alerts_days,
            "commands": kept.commands_days,
            "anchors": kept.anchors_days,
            "proximity_states": kept.anchors_days,
            "idempotency_keys": kept.idempotency_keys_days,
        }

    async def _drop_partitions(self, table: str, older_than: datetime, dropped: Counter[str], postponed: list[str]) -> None:
        try:
            async with self._database.transaction() as connection:
                if table == "fixes":
                    await _keep_positions(connection)
                await connection.execute(_LOCK_TIMEOUT)
                cursor = await connection.execute(_SQL["drop_partitions"], {"table": table, "older_than": older_than})
                row = await cursor.fetchone()
                dropped[table] = row[0] if row else 0
        except Unavailable as problem:
            log.warning("%s: retention is put off until the next round: %s", table, problem)
            postponed.append(table)
        if dropped[table]:
            self._partitions.forget()

    async def _drop_rows(self, query: str, older_than: datetime) -> int:
        total = 0
        while count := await self._database.execute(_SQL[query], {"older_than": older_than, "limit": _DELETE_ROWS}):
            total += count
            if count < _DELETE_ROWS:
                break
        return total


async def _keep_positions(connection: Connection) -> None:
    """Where a vehicle was last seen outlives its fixes, also those that no checkpoint includes yet."""
    ((after, min_time, max_time),) = await rows(connection, _COMMIT_SQL["tail_bounds"])
    if min_time is not None:
        params = {"after": after, "min_time": min_time, "max_time": max_time}
        await connection.execute(_COMMIT_SQL["sweep_positions"], params)


def _midnight(instant: datetime) -> datetime:
    """Fixes and ETAs go by whole days."""
    return instant.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
