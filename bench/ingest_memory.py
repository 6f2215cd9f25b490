"""The memory of a worker under measurement, looked at four times a second; says how far the run is where somebody watches."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil

_INTERVAL_S: Final = 0.25
_TOLD_EVERY_S: Final = 5.0
#: Growth counts from here on: by then every vehicle is known and every buffer has had its size, so what grows is a leak.
SETTLED_MESSAGES: Final = 2_000_000
#: ... or, of a short run, from this share.
_SETTLED_SHARE: Final = 0.2


class Watch:
    """`run` is a task that is cancelled at the end; `done` tells how many messages were acknowledged."""

    def __init__(self, done: Callable[[], int], messages: int, *, is_started: Callable[[], bool]) -> None:
        self._done = done
        self._messages = messages
        self._is_started = is_started
        self._process = psutil.Process()
        self._began_s = time.perf_counter()
        self._started: tuple[float, int] | None = None
        self._settled: int | None = None
        self._last = 0

    async def run(self) -> None:
        told_s = 0.0
        while True:
            self._look()
            elapsed_s = time.perf_counter() - self._began_s
            if sys.stderr.isatty() and elapsed_s - told_s >= _TOLD_EVERY_S:
                told_s = elapsed_s
                print(f"\r{self._done():,} of {self._messages:,} messages, {self._last >> 20} MB ", end="", file=sys.stderr)
            await asyncio.sleep(_INTERVAL_S)

    def _look(self) -> None:
        self._last = self._process.memory_info().rss
        if self._started is None and self._is_started():
            self._started = (time.perf_counter() - self._began_s, self._last)
        if self._settled is None and self._done() >= min(SETTLED_MESSAGES, self._messages * _SETTLED_SHARE):
            self._settled = self._last

    @property
    def figures(self) -> dict[str, float]:
        """Seconds until the work was taken up, and megabytes (of 2**20 bytes): then, when settled, last, and at most ever."""
        started_s, started = self._started or (0.0, self._last)
        return {
            "start_s": started_s,
            "memory_started_mb": started / 2**20,
            "memory_start_mb": (self._settled or self._last) / 2**20,
            "memory_end_mb": self._last / 2**20,
            "memory_peak_mb": _peak_kb() / 2**10,
        }


def _peak_kb() -> int:
    """Of this program alone: what `getrusage` calls the largest may be that of the one which started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1])
