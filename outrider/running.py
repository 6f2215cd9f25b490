"""Starting a command: settings and log first, then its work on the event loop until it is done or told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from outrider.logs import start_logging
from outrider.settings import Settings, load_settings


def run(work: Coroutine[Any, Any, Any]) -> None:
    """Run on uvloop where there is one, until done; SIGTERM and SIGINT cancel it, and it winds up in order."""
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        if sys.platform == "win32":
            asyncio.run(_until_signalled(work))
        else:
            import uvloop

            uvloop.run(_until_signalled(work))


async def _until_signalled(work: Coroutine[Any, Any, Any]) -> None:
    task = asyncio.create_task(work, name="main")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, task.cancel)
    await task


def start(tier: str, **overrides: object) -> Settings:
    """Settings from the environment and the command line; from here on the log speaks as `tier`. Raises InvalidSettings."""
    settings = load_settings(**overrides)
    start_logging(settings, tier)
    return settings
