"""How far the taker has come, as its publisher sees it: one number in a file that both have mapped.

A publisher that is many times as fast as what it feeds fills the broker with all there is within seconds (half a gigabyte of
store-and-forward messages, which Mosquitto keeps writing to its file). That would be measured instead of the worker, so the
publisher keeps just so far ahead of the acknowledgements that the broker never runs dry.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Final

_NUMBER: Final = struct.Struct("<q")


class Progress:
    """Messages acknowledged so far. One process advances it, another reads it."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _NUMBER.size)

    @classmethod
    def create(cls, path: Path) -> None:
        """Make the file that both open."""
        path.write_bytes(_NUMBER.pack(0))

    @property
    def acknowledged(self) -> int:
        return int(_NUMBER.unpack_from(self._shared)[0])

    @acknowledged.setter
    def acknowledged(self, messages: int) -> None:
        _NUMBER.pack_into(self._shared, 0, messages)
