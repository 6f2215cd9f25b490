"""Who runs the servers: ourselves, or an unprivileged account when we are root (PostgreSQL refuses to run as root).

Owns the choice of the account and the question whether that account can reach a path. Modes of directories that are
not ours are never changed: what the account cannot reach is put elsewhere by the callers.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from outrider.embedded.errors import EmbeddedError

# The first of these that exists is taken: our own account if the machine's owner made one, then the usual ones.
PREFERRED_ACCOUNTS = ("outrider", "postgres", "nobody")


@dataclass(frozen=True, kw_only=True)
class Account:
    """An unprivileged account that root starts a server as."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """The account for new data as root; None where we are not root and servers simply run as we do."""
    if os.geteuid() != 0:
        return None
    for name in PREFERRED_ACCOUNTS:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise EmbeddedError(
        f"running as root needs an unprivileged account for the servers: create one of {', '.join(PREFERRED_ACCOUNTS)}"
    )


def owner_account(path: Path) -> Account | None:
    """The account that owns existing data, so that it stays with it; None where that is root or we are not root."""
    uid = path.stat().st_uid
    if os.geteuid() != 0 or uid == 0:
        return None
    try:
        return _account(pwd.getpwuid(uid))
    except KeyError:
        return Account(name=str(uid), uid=uid, gid=path.stat().st_gid)


def can_execute(path: Path, account: Account | None) -> bool:
    """Whether the account can enter the directory (or run the program); the kernel is asked, not the mode bits."""
    if account is None:
        return os.access(path, os.X_OK)
    answer = subprocess.run(
        ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return answer.returncode == 0


def give(path: Path, account: Account | None, *, mode: int = 0o700) -> Path:
    """Make a directory of our own (if need be) that only the account may enter."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    path.chmod(mode)
    if account is not None:
        os.chown(path, account.uid, account.gid)
    return path


def command_as(command: Sequence[str | Path], account: Account | None, *, signal_with_parent: str = "") -> list[str]:
    """The command as the account runs it; `signal_with_parent` is sent to it if we die without stopping it."""
    words = [str(word) for word in command]
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        if account is not None:
            raise EmbeddedError("setpriv (package util-linux) is needed to run a server as another account")
        return words
    prefix = [setpriv]
    if account is not None:
        prefix += [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
    if signal_with_parent:
        prefix.append(f"--pdeathsig={signal_with_parent}")
    return [*prefix, "--", *words] if len(prefix) > 1 else words


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)
