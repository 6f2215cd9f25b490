"""The files of an embedded PostgreSQL: made once, configured at every start, and cleared of what a crash left behind.

Owns the cluster's folder and its configuration; running the server on it is `outrider.embedded.postgres`'s.
"""

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from outrider.embedded.account import Account, command_as
from outrider.embedded.data_directory import ServerHome
from outrider.embedded.errors import EmbeddedError
from outrider.embedded.postgres_install import PostgresInstall

SUPERUSER = "outrider"
MAKE_WITHIN_S = 300
LEAVE_WITHIN_S = 60.0
MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster on disk: `path` is PostgreSQL's own folder in the home."""

    home: ServerHome
    install: PostgresInstall
    has_timescaledb: bool

    @property
    def path(self) -> Path:
        return self.home.path / "cluster"


def pick_install(home: ServerHome, installs: list[PostgresInstall]) -> PostgresInstall:
    """The best install for new data; for existing data the one that can read it."""
    cluster = home.path / "cluster"
    if not cluster.exists():
        return installs[0]
    major = int((cluster / "PG_VERSION").read_text())
    needs_timescaledb = _made_with_timescaledb(home)
    for install in installs:
        if install.major == major and (install.has_timescaledb or not needs_timescaledb):
            return install
    needed = f"PostgreSQL {major}" + (" with TimescaleDB" if needs_timescaledb else "")
    found = ", ".join(each.description for each in installs)
    raise EmbeddedError(f"the data in {cluster} needs {needed}; found: {found}")


def prepare_cluster(home: ServerHome, install: PostgresInstall, *, socket_dir: Path) -> Cluster:
    """Make the cluster if there is none, configure it, and see that nothing of an earlier run is in the way."""
    cluster = home.path / "cluster"
    if not cluster.exists():
        _make(home, install)
    ready = Cluster(home=home, install=install, has_timescaledb=_made_with_timescaledb(home))
    _end_leftovers(cluster)
    _configure(ready, socket_dir)
    return ready


def _make(home: ServerHome, install: PostgresInstall) -> None:
    """Under another name first: what was interrupted is thrown away and made anew, never taken for a cluster."""
    unfinished = home.path / "cluster.making"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    command: list[str | Path] = [install.bin_dir / "initdb", "-D", unfinished, "-U", SUPERUSER, "-E", "UTF8", "--no-instructions"]
    # Nobody but this account and root gets to the socket; there is no other way in.
    how = ["--auth-local=trust", "--auth-host=scram-sha-256", "--data-checksums", *_locale_options(install)]
    answer = _run_initdb(command_as([*command, *how], home.account))
    if answer.returncode != 0:
        said = [line for line in answer.stderr.splitlines() if "error" in line.lower() or "FATAL" in line]
        raise EmbeddedError(f"PostgreSQL's data could not be made in {home.path}: {(said or [answer.stderr])[-1].strip()}")
    with (unfinished / "postgresql.conf").open("a") as configuration:
        configuration.write("\n# Written by Outrider at every start; ALTER SYSTEM overrules it.\ninclude = 'outrider.conf'\n")
    made_with = {"postgresql": install.version, "timescaledb": install.has_timescaledb}
    (home.path / "made-with.json").write_text(json.dumps(made_with) + "\n")
    unfinished.rename(home.path / "cluster")


def _run_initdb(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
            timeout=MAKE_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as problem:
        raise EmbeddedError(f"PostgreSQL's data was not made within {MAKE_WITHIN_S} s: is the disk that slow?") from problem


def _locale_options(install: PostgresInstall) -> list[str]:
    """Byte order for sorting, Unicode for upper and lower case, whatever locales the machine has."""
    if install.major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"]


def _made_with_timescaledb(home: ServerHome) -> bool:
    try:
        return bool(json.loads((home.path / "made-with.json").read_text())["timescaledb"])
    except FileNotFoundError:
        return False


def _configure(cluster: Cluster, socket_dir: Path) -> None:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(socket_dir),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": f"{_shared_buffers_mib()}MB",
        "max_wal_size": "4GB",
        "wal_compression": "on",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_destination": "stderr",
        "logging_collector": "off",
    }
    if cluster.has_timescaledb:
        settings |= {
            "shared_preload_libraries": "timescaledb",
            "max_worker_processes": "24",
            "timescaledb.max_background_workers": "8",
            "timescaledb.telemetry_level": "off",
        }
    lines = [f"{name} = {_quoted(value)}" for name, value in settings.items()]
    _write_for(cluster.path / "outrider.conf", "\n".join(lines) + "\n", cluster.home.account)


def _shared_buffers_mib() -> int:
    """An eighth of the memory within bounds: PostgreSQL shares the machine with everything else of Outrider."""
    return max(64, min(512, psutil.virtual_memory().total // 8 // MIB))


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _write_for(path: Path, text: str, account: Account | None) -> None:
    """Replace a file at once, owned by the account that runs the server."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.chmod(0o600)
    if account is not None:
        os.chown(new, account.uid, account.gid)
    new.replace(path)


def _end_leftovers(cluster: Path) -> None:
    """End what an earlier, killed run left running on these files, then remove its mark.

    We hold the data directory's lock, so that nobody else's server can be meant. PostgreSQL would refuse to start
    beside it, and also because of a mark whose process number somebody else has by now (after a reboot or in a new
    container), which it cannot tell from its own.
    """
    deadline = time.monotonic() + LEAVE_WITHIN_S
    asked: set[int] = set()
    while leftovers := _processes_on(cluster):
        for process in leftovers:
            if process.pid not in asked:
                asked.add(process.pid)
                _ask_to_stop(process)
        if time.monotonic() > deadline:
            pids = ", ".join(str(process.pid) for process in leftovers)
            raise EmbeddedError(f"processes of an earlier run still use {cluster} and do not stop: {pids}")
        time.sleep(0.1)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _processes_on(cluster: Path) -> list[psutil.Process]:
    """PostgreSQL's processes work in the cluster's folder, which is how they are known."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(cluster):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def _ask_to_stop(process: psutil.Process) -> None:
    """SIGINT is a fast shutdown for the server, and cancels nothing worse than a query in what lost its server."""
    try:
        process.send_signal(2)
    except psutil.NoSuchProcess:
        return
