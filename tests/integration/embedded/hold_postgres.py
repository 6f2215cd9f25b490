"""A program for the tests: runs an embedded PostgreSQL, writes a row, says so and waits to be killed."""

import asyncio
import sys
from pathlib import Path

import psycopg

from outrider.embedded.data_directory import open_data_directory
from outrider.embedded.postgres import embedded_postgres


async def hold(path: Path, machine_home: Path) -> None:
    with open_data_directory(path, machine_home=machine_home) as data:
        async with embedded_postgres(data) as database:
            async with await psycopg.AsyncConnection.connect(database.url) as connection:
                await connection.execute("CREATE TABLE remembered (value int)")
                await connection.execute("INSERT INTO remembered VALUES (1)")
            sys.stdout.write("remembered 1\n")
            sys.stdout.flush()
            await asyncio.Event().wait()


asyncio.run(hold(Path(sys.argv[1]), Path(sys.argv[2])))
