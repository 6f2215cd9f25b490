"""The bare COPY that the worker is measured against: the rows that it wrote, into the same table, a hundred days later."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

import psycopg
from psycopg import sql

from bench.ingest_load import FIXES_EACH
from store.postgres.copying import COLUMNS

#: As many as the memory of a small machine holds (130 bytes each). All rows of an ordinary run: what comes with many of them (a
#: large index, the server's checkpoints) has to come to both.
_MOST_ROWS: Final = 6_000_000


async def copy_again(url: str, cpu_s: Callable[[], float]) -> dict[str, float]:
    """Rows a second of COPY (FORMAT BINARY) with what to send ready in memory, in transactions as large as the worker's, and what
    the database takes for fifty of them. `cpu_s` tells the CPU seconds of the database so far."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute("SELECT batch, count(*) FROM fixes GROUP BY batch ORDER BY batch")
        batches = _first(await cursor.fetchall())
        parts = [await _rows_of(connection, batch) for batch, _ in batches]
        await connection.commit()
        began_s, began_cpu_s = time.perf_counter(), cpu_s()
        for part in parts:
            async with connection.cursor().copy(_copy_in()) as copy:
                await copy.write(part)
            await connection.commit()
        took_s, took_cpu_s = time.perf_counter() - began_s, cpu_s() - began_cpu_s
    rows = sum(count for _, count in batches)
    return {"copy_fixes_per_s": rows / took_s, "copy_database_cpu_us": took_cpu_s / rows * FIXES_EACH * 1e6}


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
