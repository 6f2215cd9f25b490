"""The folder that holds everything an embedded Outrider keeps (`--data-dir`), and that only one Outrider uses at a time.

Owns the lock, and the question where a server's own folder lies when the account that runs it cannot get into the data
directory (a checkout below /root): then it lies in /var/lib/outrider, and a link in the data directory leads there.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from outrider.embedded.account import Account, can_execute, give, owner_account, server_account
from outrider.embedded.errors import EmbeddedError, InUseError

MACHINE_HOME = Path("/var/lib/outrider")


@dataclass(frozen=True, kw_only=True)
class ServerHome:
    """A folder that belongs to one server, and the account that runs the server (None: we ourselves)."""

    path: Path
    account: Account | None


@dataclass(frozen=True, kw_only=True)
class DataDirectory:
    """An opened data directory."""

    path: Path
    machine_home: Path = MACHINE_HOME

    def server_home(self, name: str) -> ServerHome:
        """The server's folder, made if need be; existing data stays with the account that owns it."""
        place = self.path / name
        if place.is_symlink() and not place.exists():
            raise EmbeddedError(f"{place} leads to {place.readlink()}, which is gone; remove the link to start empty")
        if place.exists():
            return self._existing(place.resolve())
        account = server_account()
        if account is None or can_execute(self.path, account):
            return ServerHome(path=give(place, account), account=account)
        self.machine_home.mkdir(mode=0o755, parents=True, exist_ok=True)
        elsewhere = give(Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.machine_home)), account)
        if not can_execute(elsewhere, account):
            raise EmbeddedError(f"the account {account.name} can get neither into {self.path} nor into {elsewhere}")
        place.symlink_to(elsewhere)
        return ServerHome(path=elsewhere, account=account)

    def _existing(self, home: Path) -> ServerHome:
        if not os.access(home, os.W_OK | os.X_OK):
            raise EmbeddedError(f"{home} belongs to another account; use that one, or another --data-dir")
        account = owner_account(home)
        if account is None and os.geteuid() == 0:
            raise EmbeddedError(f"{home} belongs to root, which no server runs as; give it to the account of the server")
        return ServerHome(path=home, account=account)


@contextmanager
def open_data_directory(path: Path, *, machine_home: Path = MACHINE_HOME) -> Iterator[DataDirectory]:
    """Make it if need be, and hold it as long as the block; raises InUseError while another Outrider does."""
    try:
        _make(path)
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise EmbeddedError(f"the data directory {path} cannot be used: {problem.strerror}") from problem
    with os.fdopen(descriptor, "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            holder = lock.read().strip() or "unknown"
            raise InUseError(f"another Outrider (process {holder}) runs on {path}; use another --data-dir") from problem
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield DataDirectory(path=path.resolve(), machine_home=machine_home)


def _make(path: Path) -> None:
    """As root others may pass through it to their own folders in it, but not look around."""
    if not path.is_dir():
        path.mkdir(parents=True)
        path.chmod(0o711 if os.geteuid() == 0 else 0o700)
