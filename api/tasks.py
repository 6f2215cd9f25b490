"""Named background tasks. One that ends, by whatever cause, ends the service: half a service is worse than a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fleet.errors import OutriderError

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
        for task in self._tasks.values():
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values())
        self._tasks.clear()
