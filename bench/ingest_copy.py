"""The bare COPY that the worker is measured against: the rows that it wrote, into the same table, a hundred days later."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import psycopg
from psycopg import sql

from store.postgres.copying import COLUMNS

#: Enough for a steady figure, and little enough for the memory.
_MOST_ROWS: Final = 1_500_000


async def copy_again(url: str) -> float:
    """Rows a second of COPY (FORMAT BINARY) with what to send ready in memory, in transactions as large as the worker's."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute("SELECT batch, count(*) FROM fixes GROUP BY batch ORDER BY batch")
        batches = _first(await cursor.fetchall())
        parts = [await _rows_of(connection, batch) for batch, _ in batches]
        await connection.commit()
        began_s = time.perf_counter()
        for part in parts:
            async with connection.cursor().copy(_copy_in()) as copy:
                await copy.write(part)
            await connection.commit()
        return float(sum(count for _, count in batches) / (time.perf_counter() - began_s))


def _first(batches: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Batches (number, rows) from the front, up to _MOST_ROWS; at least one."""
    taken: list[tuple[int, int]] = []
    rows = 0
    for batch, count in batches:
        if taken and rows + count > _MOST_ROWS:
            break
        taken.append((batch, count))
        rows += count
    return taken


async def _rows_of(connection: psycopg.AsyncConnection, batch: int) -> bytes:
    """A stream of COPY with the rows of one batch, moved in time so that none is there already."""
    columns = sql.SQL(", ").join(
        sql.SQL("time + interval '100 days'") if name == "time" else sql.Identifier(name) for name in COLUMNS
    )
    query = sql.SQL("COPY (SELECT {} FROM fixes WHERE batch = {} ORDER BY vehicle_id, time) TO STDOUT (FORMAT BINARY)")
    async with connection.cursor().copy(query.format(columns, batch)) as copy:
        return b"".join([bytes(block) async for block in copy])


def _copy_in() -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    return sql.SQL("COPY fixes ({}) FROM STDIN (FORMAT BINARY)").format(columns)
