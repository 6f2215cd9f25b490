"""Cancellations that got lost on the way.

`asyncio.wait_for` of Python 3.11 returns its result, and forgets the cancellation, where both come in one turn of the event loop;
the pool of database connections waits by it. A task that was told to stop then goes on for ever. That it was told is still known
(`Task.cancelling`), so loops that run for ever ask.
"""

from __future__ import annotations

import asyncio


def obey_cancellation() -> None:
    """Raise CancelledError where this task was told to stop, and nobody has said that it may go on."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
