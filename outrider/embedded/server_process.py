"""One embedded server as a child process: started with its log in a file, watched, stopped in order.

The child lives in a session of its own, so that a Ctrl-C in the terminal reaches only us and we stop things in the
right order; should we be killed, the kernel sends it its stop signal.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Self

from outrider.embedded.account import Account, command_as
from outrider.embedded.errors import EmbeddedError, ServerStoppedError

LOG_KEPT_BYTES = 10_000_000
POLL_S = 0.05


class ServerProcess:
    """A running child; `name` is what a person calls it."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path, stop_signal: signal.Signals) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._stop_signal = stop_signal
        self._is_stopping = False

    @classmethod
    async def start(
        cls,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        account: Account | None,
        stop_signal: signal.Signals,
    ) -> Self:
        """Start the program; it is not necessarily ready yet."""
        words = command_as(command, account, signal_with_parent=stop_signal.name.removeprefix("SIG"))
        _keep_small(log)
        with log.open("ab") as output:
            try:
                process = await asyncio.create_subprocess_exec(
                    *words,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd="/",
                    start_new_session=True,
                )
            except OSError as problem:
                raise EmbeddedError(f"{name} cannot be started: {problem.strerror} ({words[0]})") from problem
        return cls(name, process, log, stop_signal)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait_ready(self, is_ready: Callable[[], Awaitable[bool]], *, within_s: float) -> None:
        """Return when it is ready; raise with its own last words when it ends before, or takes too long."""
        try:
            async with asyncio.timeout(within_s):
                while not await is_ready():
                    if self._process.returncode is not None:
                        raise EmbeddedError(f"{self.name} did not start: {self.last_words()}")
                    await asyncio.sleep(POLL_S)
        except TimeoutError as problem:
            raise EmbeddedError(f"{self.name} was not ready after {within_s:.0f} s; its log is {self.log}") from problem

    async def watch(self) -> None:
        """Wait for the end; raises ServerStoppedError where nobody asked for it."""
        code = await self._process.wait()
        if not self._is_stopping:
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            raise ServerStoppedError(f"{self.name} ended by itself ({how}): {self.last_words()}")

    async def stop(self, *, within_s: float, then: signal.Signals = signal.SIGKILL) -> None:
        """Ask it to stop, and wait; one that does not is told again with `then`, and killed in the end."""
        self._is_stopping = True
        for number, patience_s in ((self._stop_signal, within_s), (then, 10.0), (signal.SIGKILL, None)):
            if self._process.returncode is not None:
                return
            self._process.send_signal(number)
            try:
                async with asyncio.timeout(patience_s):
                    await self._process.wait()
            except TimeoutError:
                continue

    def last_words(self) -> str:
        """The line of its log that says what went wrong, else the last one."""
        try:
            with self.log.open("rb") as text:
                text.seek(max(0, self.log.stat().st_size - 8192))
                lines = [line.strip() for line in text.read().decode(errors="replace").splitlines() if line.strip()]
        except OSError:
            lines = []
        marks = ("FATAL:", "PANIC:", "Error", "error:")
        telling = [line for line in lines[-12:] if any(mark in line for mark in marks)]
        return (telling or lines or ["it said nothing"])[-1]


def _keep_small(log: Path) -> None:
    """One older log is kept, so that a server that starts again and again does not fill the disk."""
    if log.exists() and log.stat().st_size > LOG_KEPT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    log.touch(mode=0o600)
