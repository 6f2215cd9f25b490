"""A program for the tests, started by root: becomes an ordinary account, then runs both embedded servers as
`outrider up` does. Prints one JSON object.

Arguments: uid, rehearsal's data directory, data directory, shipped configuration, bin directory and version of
PostgreSQL. It rehearses as root first, so that everything is imported: the account may not be able to read this
checkout or its Python.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import aiomqtt
import psutil
import psycopg

from outrider.embedded import mosquitto
from outrider.embedded.broker import embedded_broker
from outrider.embedded.data_directory import open_data_directory
from outrider.embedded.postgres import embedded_postgres
from outrider.embedded.postgres_install import PostgresInstall
from outrider.ports import free_port


async def report(path: Path, install: PostgresInstall) -> dict[str, object]:
    with open_data_directory(path) as data:
        port = free_port("127.0.0.1")
        async with embedded_postgres(data, installs=[install]) as database, embedded_broker(data, port=port) as broker:
            async with await psycopg.AsyncConnection.connect(database.url) as connection:
                found = await connection.execute("SELECT current_setting('data_directory')")
                row = await found.fetchone()
            async with aiomqtt.Client(broker.host, broker.port) as client:
                await client.publish("fleet/default/van-1/fix", b"{}", qos=1)
            owners = {psutil.Process(each.process.pid).uids().effective for each in (database, broker)}
            return {"data_directory": row[0] if row else None, "owners": sorted(owners), "broker": broker.kind}


async def main() -> None:
    uid, rehearsal, path = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    mosquitto.SHIPPED_PLACES = (Path(sys.argv[4]),)
    install = PostgresInstall(bin_dir=Path(sys.argv[5]), version=sys.argv[6], has_timescaledb=False, from_wheel=True)
    if os.geteuid() == 0:
        await report(rehearsal, install)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    sys.stdout.write(json.dumps(await report(path, install)) + "\n")


asyncio.run(main())
