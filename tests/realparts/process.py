"""Child processes of the tests: started so that they die with us, waited for, stopped by their own id."""

import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from outrider.embedded.account import Account, command_as

READY_WITHIN_S = 60.0
STOP_WITHIN_S = 30.0


class ChildError(Exception):
    """A real part did not start or did not stop; the message ends with what it said."""


def free_port() -> int:
    """A port of 127.0.0.1 that is free now. Another process may take it: callers start again on another one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    """Whether somebody listens on the port of 127.0.0.1."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except OSError:
        return False


def start_child(
    command: Sequence[str | Path], *, log: Path, account: Account | None = None, dies_by: str = "KILL"
) -> subprocess.Popen[bytes]:
    """Start in a session of its own (a Ctrl-C in the terminal is ours alone); `dies_by` reaches it if we are killed."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command_as(command, account, signal_with_parent=dies_by),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
        )


def wait_until(is_ready: Callable[[], bool], child: subprocess.Popen[bytes], *, log: Path, what: str) -> None:
    """Return as soon as it is ready; raise with the end of the log when it ended or takes too long."""
    deadline = time.monotonic() + READY_WITHIN_S
    while not is_ready():
        if child.poll() is not None:
            raise ChildError(f"{what} ended with {child.returncode}: {log_end(log)}")
        if time.monotonic() > deadline:
            stop_child(child, child.kill)
            raise ChildError(f"{what} was not ready after {READY_WITHIN_S:.0f} s: {log_end(log)}")
        time.sleep(0.02)


def stop_child(child: subprocess.Popen[bytes], ask: Callable[[], None]) -> None:
    """Ask it to stop and wait; a child that does not obey is killed."""
    if child.poll() is not None:
        return
    ask()
    try:
        child.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def log_end(log: Path, *, lines: int = 15) -> str:
    """The last lines of a log, for the text of an error."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError as problem:
        return str(problem)
