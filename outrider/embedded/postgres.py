"""The embedded PostgreSQL: `async with embedded_postgres(data) as database: database.url`.

It listens on a socket in a folder that only its account can enter, and on no network port. Its data survives restarts
and crashes.
"""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from outrider.embedded.account import give
from outrider.embedded.cluster import SUPERUSER, Cluster, pick_install, prepare_cluster
from outrider.embedded.data_directory import DataDirectory, ServerHome
from outrider.embedded.postgres_install import PostgresInstall, find_installs, reachable_install
from outrider.embedded.server_process import ServerProcess

DATABASE = "outrider"
# Replaying the log after a crash is part of the start.
READY_WITHIN_S = 300.0
STOP_WITHIN_S = 60.0
# sun_path of a Unix socket holds 108 bytes with its end (unix(7)).
LONGEST_SOCKET_DIR = 107 - len("/.s.PGSQL.5432")


@dataclass(frozen=True, kw_only=True)
class EmbeddedPostgres:
    """A running server with the database that Outrider uses."""

    url: str
    description: str  # for people: "PostgreSQL 18.4 from the wheel"
    has_timescaledb: bool
    process: ServerProcess

    async def watch(self) -> None:
        """Wait until it ends; raises ServerStoppedError where nobody asked for it."""
        await self.process.watch()


@asynccontextmanager
async def embedded_postgres(
    data: DataDirectory, *, installs: list[PostgresInstall] | None = None
) -> AsyncIterator[EmbeddedPostgres]:
    """A PostgreSQL on the data directory as long as the block; raises EmbeddedError with one clear line."""
    home = data.server_home("postgres")
    with _socket_dir(home) as socket_dir:
        candidates = find_installs() if installs is None else installs
        cluster = await asyncio.to_thread(_prepare, data, home, candidates, socket_dir)
        process = await ServerProcess.start(
            "PostgreSQL",
            [cluster.install.bin_dir / "postgres", "-D", cluster.path],
            log=home.path / "server.log",
            account=home.account,
            stop_signal=signal.SIGINT,
        )
        try:
            await process.wait_ready(lambda: _answers(socket_dir), within_s=READY_WITHIN_S)
            await _create_database(socket_dir)
            yield EmbeddedPostgres(
                url=_url(socket_dir, DATABASE),
                description=cluster.install.description,
                has_timescaledb=cluster.has_timescaledb,
                process=process,
            )
        finally:
            await asyncio.shield(process.stop(within_s=STOP_WITHIN_S, then=signal.SIGQUIT))


def _prepare(data: DataDirectory, home: ServerHome, installs: list[PostgresInstall], socket_dir: Path) -> Cluster:
    install = pick_install(home, installs)
    reachable = reachable_install(install, home.account, copies_dir=data.machine_home)
    return prepare_cluster(home, reachable, socket_dir=socket_dir)


@contextmanager
def _socket_dir(home: ServerHome) -> Iterator[Path]:
    """A folder for the socket: in the home, or a short-lived one where that path is too long for a socket."""
    inside = home.path / "socket"
    if len(str(inside).encode()) <= LONGEST_SOCKET_DIR:
        yield give(inside, home.account)
        return
    with tempfile.TemporaryDirectory(prefix="outrider-") as short:
        yield give(Path(short), home.account)


async def _answers(socket_dir: Path) -> bool:
    try:
        async with await psycopg.AsyncConnection.connect(_url(socket_dir, "postgres"), connect_timeout=5):
            return True
    except psycopg.OperationalError:
        return False


async def _create_database(socket_dir: Path) -> None:
    async with await psycopg.AsyncConnection.connect(_url(socket_dir, "postgres"), autocommit=True) as connection:
        found = await connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
        if await found.fetchone() is None:
            await connection.execute(f"CREATE DATABASE {DATABASE}")  # a constant of ours


def _url(socket_dir: Path, database: str) -> str:
    return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(socket_dir), safe='')}"
