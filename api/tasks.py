"""Named background tasks. One that ends, by whatever cause, ends the service: half a service is worse than a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Final

from fleet.errors import OutriderError

_CANCEL_AGAIN_S: Final = 0.5

_log = logging.getLogger(__name__)


class TaskFailed(OutriderError):
    """A background task ended by itself."""

    def __init__(self, name: str, cause: BaseException | None) -> None:
        super().__init__(f"the background task {name} failed: {cause!r}")
        self.name = name


class Tasks:
    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._on_failure: list[Callable[[TaskFailed], None]] = []
        self.failure: TaskFailed | None = None

    def on_failure(self, tell: Callable[[TaskFailed], None]) -> None:
        """Whoever runs the service is told, and stops it."""
        self._on_failure.append(tell)
        if self.failure is not None:
            tell(self.failure)

    def start(self, coroutines: Mapping[str, Coroutine[Any, Any, None]]) -> None:
        for name, coroutine in coroutines.items():
            task = asyncio.create_task(coroutine, name=name)
            task.add_done_callback(self._ended)
            self._tasks[name] = task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        cause = task.exception()
        self.failure = TaskFailed(task.get_name(), cause)
        _log.critical("%s; the service stops", self.failure, exc_info=cause)
        for tell in self._on_failure:
            tell(self.failure)

    async def stop(self) -> None:
        """Cancel them all and wait for their end."""
        await end_tasks(self._tasks.values())
        self._tasks.clear()


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel until they have ended.

    Once is not enough: `asyncio.wait_for`, with which the database driver waits, swallows a cancellation that comes in the same
    moment as what it waited for (up to Python 3.11, bpo-37658), and a loop around it would go on for ever.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=_CANCEL_AGAIN_S)
