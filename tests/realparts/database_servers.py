"""The two kinds of database server that tests run on: TimescaleDB (the machine's, or in a Debian 13 root) and plain
PostgreSQL from the wheel."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from outrider.embedded.account import Account, give, server_account
from outrider.embedded.errors import EmbeddedError
from outrider.embedded.postgres_install import PostgresInstall, find_installs, reachable_install, wheel_install
from tests.realparts.absence import PartMissingError
from tests.realparts.debian_root import BIN_DIR, debian_root
from tests.realparts.postgres import PostgresServer, Programs
from tests.realparts.scratch import scratch_folder

TIMESCALE_SETTINGS: Mapping[str, str] = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "max_worker_processes": "32",
    "timescaledb.max_background_workers": "16",
}
# Below it, each run keeps its clusters in the Debian root.
RUNS_IN_ROOT = Path("var/lib/outrider-tests")


def timescale_programs() -> str:
    """Where TimescaleDB is on this machine, made now if need be; raises PartMissingError where none can be had."""
    install = _machine_timescaledb()
    return str(install.bin_dir if install is not None else debian_root() / BIN_DIR)


@contextmanager
def timescale_server(*, settings: Mapping[str, str] | None = None) -> Iterator[PostgresServer]:
    """A TimescaleDB server as long as the block; raises PartMissingError where none can be had."""
    with ExitStack() as stack:
        install = _machine_timescaledb()
        if install is not None:
            programs, directory = stack.enter_context(_outside_root(install, TIMESCALE_SETTINGS))
        else:
            programs, directory = stack.enter_context(_inside_root(debian_root()))
        yield stack.enter_context(_running(programs, directory, settings))


@contextmanager
def plain_postgres_server(*, settings: Mapping[str, str] | None = None) -> Iterator[PostgresServer]:
    """A PostgreSQL server from the wheel as long as the block."""
    try:
        install = wheel_install()
    except EmbeddedError as problem:
        raise PartMissingError(str(problem)) from problem
    with _outside_root(install, {}) as (programs, directory), _running(programs, directory, settings) as server:
        yield server


@contextmanager
def _running(programs: Programs, directory: Path, settings: Mapping[str, str] | None) -> Iterator[PostgresServer]:
    server = PostgresServer(programs, directory, settings=settings)
    try:
        server.create()
        yield server
    finally:
        server.discard()


def _machine_timescaledb() -> PostgresInstall | None:
    return next((each for each in find_installs() if each.has_timescaledb and not each.from_wheel), None)


@contextmanager
def _outside_root(install: PostgresInstall, settings: Mapping[str, str]) -> Iterator[tuple[Programs, Path]]:
    """Programs of this machine (copied where our account cannot reach them) and a directory for the cluster."""
    account = server_account()
    with scratch_folder() as scratch:
        reachable = reachable_install(install, account, copies_dir=scratch / "programs")
        programs = Programs(bin_dir=reachable.bin_dir, version=install.version, account=account, settings=settings)
        yield programs, give(scratch / "server", account)


@contextmanager
def _inside_root(root: Path) -> Iterator[tuple[Programs, Path]]:
    """PostgreSQL of the Debian root, run through chroot as the root's own account for it."""
    account = _account_in(root, "postgres")
    version = _version_in(root)
    runs = root / RUNS_IN_ROOT
    runs.mkdir(mode=0o755, exist_ok=True)
    programs = Programs(bin_dir=Path("/") / BIN_DIR, version=version, account=account, root=root, settings=TIMESCALE_SETTINGS)
    with scratch_folder(runs) as scratch:
        yield programs, give(scratch / "server", account)


def _account_in(root: Path, name: str) -> Account:
    """The account as the root's own /etc/passwd numbers it."""
    for line in (root / "etc/passwd").read_text().splitlines():
        fields = line.split(":")
        if fields[0] == name:
            return Account(name=name, uid=int(fields[2]), gid=int(fields[3]))
    raise PartMissingError(f"{root} has no account {name}: delete the folder and it is made anew")


def _version_in(root: Path) -> str:
    command = ["chroot", str(root), f"/{BIN_DIR}/postgres", "--version"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if answer.returncode != 0:
        raise PartMissingError(f"PostgreSQL does not run in {root}: {answer.stderr.strip()}")
    return answer.stdout.split()[2]
