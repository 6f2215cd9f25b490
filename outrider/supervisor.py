"""Keeps the tiers of `outrider up` running as child processes: one that dies is started again, one that keeps dying ends it all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fleet.errors import OutriderError
from outrider.embedded.account import command_as

log = logging.getLogger(__name__)

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 15.0
#: So many deaths within this time: it is not bad luck.
_TOO_MANY: Final = 8
_WITHIN_S: Final = 60.0
_GRACE_S: Final = 15.0


class KeepsDying(OutriderError):
    """A tier ends again and again as soon as it is started."""


@dataclass(slots=True, kw_only=True)
class Child:
    """One tier: `outrider <arguments>` with its own environment on top of ours."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    process: asyncio.subprocess.Process | None = None
    deaths: list[float] = field(default_factory=list)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.returncode is None else None


class Supervisor:
    """Owns the child processes; `run` returns only by cancellation or KeepsDying."""

    def __init__(self) -> None:
        self._children: list[Child] = []
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Child:
        child = Child(name=name, arguments=arguments, environment=environment)
        self._children.append(child)
        self._tasks.append(asyncio.create_task(self._keep_running(child), name=f"keep-{name}"))
        return child

    async def run(self) -> None:
        """Wait until a tier cannot be kept running. Raises KeepsDying."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def stop(self) -> None:
        """End every child: politely (SIGTERM), in the reverse order of starting, then by force. Ends nothing else."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for child in reversed(self._children):
            await _end(child)

    async def _keep_running(self, child: Child) -> None:
        pause_s = _FIRST_PAUSE_S
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            command = command_as([sys.executable, "-m", "outrider", *child.arguments], None, signal_with_parent="TERM")
            child.process = await asyncio.create_subprocess_exec(
                *command,
                env={**os.environ, **child.environment},
                start_new_session=True,
            )
            code = await child.process.wait()
            now = clock()
            child.deaths = [*(at for at in child.deaths if now - at < _WITHIN_S), now]
            if len(child.deaths) >= _TOO_MANY:
                raise KeepsDying(f"{child.name} ended {len(child.deaths)} times within {_WITHIN_S:.0f} s (last exit code {code})")
            pause_s = _FIRST_PAUSE_S if now - started > _WITHIN_S else min(pause_s * 2, _LONGEST_PAUSE_S)
            log.warning("%s ended (exit code %s); starting it again in %.1f s", child.name, code, pause_s)
            await asyncio.sleep(pause_s)


async def _end(child: Child) -> None:
    process = child.process
    if process is None or process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _GRACE_S)
    except TimeoutError:
        log.warning("%s does not end by itself; killing it", child.name)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
