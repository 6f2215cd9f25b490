"""PostgreSQL servers for tests: a cluster of their own on an ephemeral port, which can be stopped, killed and frozen.

fsync is off: the tests kill processes, never the machine, and what a killed server has written is safe with the
kernel. Everything else that durability rests on (WAL, full pages, synchronous commit) stays as it is in production.
A test that needs fsync starts a server of its own with `settings={"fsync": "on"}`.
"""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from outrider.embedded.account import Account
from tests.realparts.process import ChildError, free_port, log_end, start_child, stop_child, wait_until

OWNER = "outrider"
_GONE_WITHIN_S = 10.0
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "timezone": "UTC",
    # Needs no /dev/shm, which a root without mounts does not have.
    "dynamic_shared_memory_type": "mmap",
}


@dataclass(frozen=True, kw_only=True)
class Programs:
    """Where PostgreSQL's programs are, and as whom and in which root they are run."""

    bin_dir: Path  # as seen from inside the root
    version: str
    account: Account | None
    root: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    def command(self, program: str, *arguments: str) -> list[str | Path]:
        """A root is entered first and the account changed inside it, by its number; elsewhere `start_child` does it."""
        words: list[str | Path] = []
        if self.root is not None:
            words += ["chroot", self.root]
            if self.account is not None:
                ids = [f"--reuid={self.account.uid}", f"--regid={self.account.gid}", "--clear-groups"]
                words += ["setpriv", *ids, "--pdeathsig=KILL", "--"]
        return [*words, self.bin_dir / program, *arguments]

    def inside(self, path: Path) -> Path:
        """One of our paths, as the programs see it."""
        return Path("/") / path.relative_to(self.root) if self.root is not None else path


class PostgresServer:
    """One server with its cluster in `directory`, which the account can reach and we clean up."""

    def __init__(self, programs: Programs, directory: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.programs = programs
        self.directory = directory
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._settings = {**SETTINGS, **programs.settings, **(settings or {})}
        self._log = directory / "server.log"
        self._password = secrets.token_hex(12)

    @property
    def admin_url(self) -> str:
        """As the superuser; the product connects as the owner of its database and needs no more."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}/postgres"

    def url(self, database: str) -> str:
        """As the owner of the tests' databases, who is no superuser."""
        return f"postgresql://{OWNER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        """Make the cluster, start the server and create the role that owns the tests' databases."""
        self._make_cluster()
        for attempts_left in (2, 1, 0):
            try:
                self.start()
                break
            except ChildError as problem:
                if attempts_left == 0 or "Address already in use" not in str(problem):
                    raise
                self.port = free_port()
        create_owner = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(OWNER), sql.Literal(self._password))
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(create_owner)

    def start(self) -> None:
        """On the same port as before, so that a client that reconnects finds it again."""
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        where = ["-D", str(self._seen("cluster")), "-p", str(self.port)]
        self.process = self._start_program("postgres", *where, *options)
        wait_until(self._answers, self.process, log=self._log, what="PostgreSQL")

    def stop(self) -> None:
        """Stop in order (a fast shutdown), as an operator would."""
        if self.process is not None:
            stop_child(self.process, lambda: self._signal_server(signal.SIGINT))

    def kill(self) -> None:
        """kill -9 of the server and all its backends at once."""
        backends = self._signal_all(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
        # The next server refuses to start on shared memory that one of them still has.
        psutil.wait_procs(backends, timeout=_GONE_WITHIN_S)

    def suspend(self) -> None:
        """SIGSTOP for the server and all its backends: it is there, and answers nothing."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a suspended server go on."""
        self._signal_all(signal.SIGCONT)

    def restore(self) -> None:
        """Whatever a test has done to it: it runs."""
        self.resume()
        if self.process is not None and self.process.poll() is not None:
            self.start()

    def discard(self) -> None:
        """Stop at once and delete the data."""
        if self.process is not None:
            self.resume()
            stop_child(self.process, lambda: self._signal_server(signal.SIGQUIT))
        shutil.rmtree(self.directory)

    def _make_cluster(self) -> None:
        password_file = self.directory / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._password)
        if self.programs.account is not None:
            os.chown(password_file, self.programs.account.uid, self.programs.account.gid)
        how = ["-U", "postgres", "-E", "UTF8", "--locale=C", "--auth=scram-sha-256", "--no-sync", "--no-instructions"]
        where = ["-D", str(self._seen("cluster")), "--pwfile", str(self._seen("password"))]
        if self._start_program("initdb", *where, *how).wait(120) != 0:
            raise ChildError(f"initdb failed: {log_end(self._log)}")

    def _seen(self, name: str) -> Path:
        return self.programs.inside(self.directory / name)

    def _start_program(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        account = None if self.programs.root is not None else self.programs.account
        return start_child(self.programs.command(program, *arguments), log=self._log, account=account)

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.admin_url, connect_timeout=5):
                return True
        except psycopg.OperationalError:
            return False

    def _signal_server(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    def _signal_all(self, number: signal.Signals) -> list[psutil.Process]:
        """To the server first, so that it starts no backend meanwhile, then to its backends; which these were."""
        if self.process is None or self.process.poll() is not None:
            return []
        backends = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)
        for backend in backends:
            try:
                backend.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        return backends
