"""The disk of the database is full: ingest waits, says so, and goes on by itself when there is room again; nothing is lost.

Two disks, since they fail in two ways. Where the tables' disk is full a statement fails (53100) and the server lives on. Where the
write-ahead log's is full the server stops in a panic, as it must: it starts again, by whoever looks after it, once there is room.
Each disk is a small file system in memory, mounted by the test and unmounted after it; that needs root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.faults.conftest import StartRig
from tests.acceptance.faults.rig import Rig
from tests.acceptance.worker_process import until
from tests.realparts.absence import missing
from tests.realparts.postgres import PostgresServer

pytestmark = [pytest.mark.mosquitto, pytest.mark.timescale, pytest.mark.slow]

#: A cluster with TimescaleDB takes 60 MB, and a database of its own 20 MB more.
TABLES_MB = 200
#: Three segments of 16 MB, and the room for one more.
WAL_MB = 80
WAL_SETTINGS = {"max_wal_size": "48MB", "min_wal_size": "32MB"}
#: Fixes go on being sent for so many messages while there is no room.
MEANWHILE = 5_000


@pytest.fixture
def disk() -> Iterator[Callable[[Path, int], None]]:
    """`disk(folder, megabytes)`: the folder, with all that is in it, on a file system of that size."""
    mounted: list[Path] = []

    def mount(folder: Path, megabytes: int) -> None:
        owner = folder.stat()
        with tempfile.TemporaryDirectory() as aside:
            kept = Path(aside) / "kept"
            subprocess.run(["cp", "-a", folder, kept], check=True)
            command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}"]
            done = subprocess.run([*command, "tmpfs", folder], check=False, capture_output=True, text=True)
            if done.returncode != 0:
                missing("a small file system", done.stderr.strip() or "mount failed")
            mounted.append(folder)
            subprocess.run(["cp", "-a", f"{kept}/.", folder], check=True)

    if os.geteuid() != 0:
        missing("a small file system", "mounting one needs root")
    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def own_server(start_timescale: Callable[..., PostgresServer], disk: object) -> Iterator[PostgresServer]:
    """Stopped before its disk is unmounted."""
    server = start_timescale(settings=WAL_SETTINGS)
    yield server
    server.stop()


def test_the_disk_of_the_tables_is_full(start_rig: StartRig, own_server: PostgresServer, disk: Callable[[Path, int], None]) -> None:
    cluster = own_server.directory / "cluster"
    own_server.stop()
    disk(cluster / "base", TABLES_MB)
    own_server.start()
    with start_rig(server=own_server) as rig:
        rig.keep_flowing(1_000)
        ballast = fill(cluster / "base")
        wait_out(rig)
        assert own_server.process is not None
        assert own_server.process.poll() is None
        ballast.unlink()
        recover(rig)


def test_the_disk_of_the_log_is_full(start_rig: StartRig, own_server: PostgresServer, disk: Callable[[Path, int], None]) -> None:
    wal = own_server.directory / "cluster" / "pg_wal"
    own_server.stop()
    disk(wal, WAL_MB)
    own_server.start()
    with start_rig(server=own_server) as rig:
        rig.keep_flowing(1_000)
        ballast = fill(wal)
        use_up_the_log(own_server)
        wait_out(rig)
        assert own_server.process is not None
        until(lambda: own_server.process is not None and own_server.process.poll() is not None, rig.worker)
        ballast.unlink()
        own_server.start()
        recover(rig)


def wait_out(rig: Rig) -> None:
    """There is no room: the worker says so, stays alive, and messages wait."""
    until(lambda: rig.worker.readiness()[0] == 503, rig.worker)
    assert "database" in rig.worker.readiness()[1]["detail"]
    assert rig.worker.metric("outrider_ingest_waits_for_database") == 1
    rig.ledger.send(MEANWHILE)
    assert rig.worker.readiness()[0] == 503


def recover(rig: Rig) -> None:
    until(lambda: rig.worker.readiness()[0] == 200, rig.worker)
    rig.settle()
    rig.verdict()


def fill(folder: Path) -> Path:
    """A file that leaves nothing."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        block = bytes(1 << 20)
        while shutil.disk_usage(folder).free >= len(block):
            file.write(block)
        file.write(bytes(max(0, shutil.disk_usage(folder).free - 4096)))
    return ballast


def use_up_the_log(server: PostgresServer) -> None:
    """Segments that are there already are written full first: hurry, so that the test need not send for minutes."""
    deadline = time.monotonic() + 60
    try:
        with psycopg.connect(server.admin_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE ballast (text text)")
            while time.monotonic() < deadline:
                connection.execute("INSERT INTO ballast SELECT repeat(md5(n::text), 30) FROM generate_series(1, 5000) n")
    except psycopg.OperationalError:
        return
    raise AssertionError("the log has room without end")
