"""Changes that rest on what was read: done again where somebody else has changed the thing between reading and writing.

The store writes only while the thing is as it was read (`only_if`). So of two changes at once none is lost, and what If-Match
has allowed is still true when it is written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from api.problems import Conflict
from store.protocol import Outdated

#: Each time somebody else's change was written, so this ends unless the thing is changed without a pause.
_ATTEMPTS: Final = 10

R = TypeVar("R")


async def until_unchanged(change: Callable[[], Awaitable[R]]) -> R:
    """What `change` gives: it reads, judges (If-Match) and writes `only_if` the thing is as it was read, anew each time.

    Raises Conflict where others were faster every time.
    """
    for _ in range(_ATTEMPTS):
        try:
            return await change()
        except Outdated:
            continue
    raise Conflict("it is being changed by others all the time; try again")
