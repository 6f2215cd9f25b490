"""The memory that one connection reads into: fixed in the ordinary case, grown for one large packet, shrunk after it."""

from __future__ import annotations

from typing import Final

#: Large enough that one read takes all that a fast broker sends between two reads (`Connection.read_interval_s`).
ORDINARY_BYTES: Final = 256 * 1024


class ReceiveBuffer:
    """Free space for the next read, and what was read but could not be used yet, at the front."""

    __slots__ = ("_buffer", "_filled", "_needed", "_ordinary_bytes", "_view")

    def __init__(self, ordinary_bytes: int = ORDINARY_BYTES) -> None:
        self._ordinary_bytes = ordinary_bytes
        self._buffer = bytearray(ordinary_bytes)
        self._view = memoryview(self._buffer)
        self._filled = 0
        self._needed = 1

    def __len__(self) -> int:
        return len(self._buffer)

    def free(self) -> memoryview:
        """Where the next read goes; never empty."""
        return self._view[self._filled :]

    def filled(self, nbytes: int) -> bytes | None:
        """`nbytes` were read into `free()`: all that is unused, or None while it is too little for any progress."""
        self._filled += nbytes
        if self._filled < self._needed:
            return None
        return bytes(self._view[: self._filled])

    def keep(self, data: bytes, used: int, needed_bytes: int) -> None:
        """The first `used` of `data` are done with; the rest makes sense once it has grown to `needed_bytes`."""
        rest = len(data) - used
        has_moved = self._fit(max(needed_bytes, rest + 1))
        if rest and (used or has_moved):
            self._view[:rest] = data[used:]
        self._filled = rest
        self._needed = needed_bytes

    def _fit(self, size: int) -> bool:
        """Make room for `size` bytes; True where the memory is another one than before."""
        wanted = max(size, self._ordinary_bytes)
        if wanted == len(self._buffer):
            return False
        # A new buffer, never a resized one: the event loop may still hold a view of the old one.
        self._buffer = bytearray(wanted)
        self._view = memoryview(self._buffer)
        return True
