"""What a reader has to be told: the difference between what it has seen and the board as it is.

Pure: `step(board, view, seen) -> (delta, seen afterwards)`. What a reader has seen is a function of its view and its version
alone, therefore readers with the same of both share one delta.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from api.live.board import Board, Slots
from api.live.columns import Mask
from api.live.view import Area, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How much of a view a reader knows."""

    #: All changes up to this version of the board.
    version: int = -1
    #: Packed bits, one a slot: who was in view at that version. Kept for areas alone: only there can one leave by moving.
    inside: bytes = b""


#: A reader that has just come.
NOTHING: Final = Seen()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    #: Slots in view whose position or description the reader does not know.
    moved: Slots
    #: Among `moved` (same length): the reader does not know the vehicle, or its name or route changed.
    introduced: Mask
    #: Slots that were in view and are not any more. Where a vehicle was deleted twice, also one that the reader never knew.
    gone: Slots

    @property
    def is_empty(self) -> bool:
        return not (len(self.moved) or len(self.gone))


def step(board: Board, view: View, seen: Seen) -> tuple[Delta, Seen]:
    """Everything that changed in view since `seen`."""
    version = board.settle()
    changed = np.flatnonzero(board.changed[: board.size] > seen.version)
    if isinstance(view, Area):
        return _step_area(board, view, seen, version, changed)
    in_view = changed[view.contains(board, changed)]
    alive = board.alive[in_view]
    moved = in_view[alive]
    gone = in_view[~alive & (board.born[in_view] <= seen.version)]
    delta = Delta(moved=moved, introduced=board.described[moved] > seen.version, gone=gone)
    return delta, Seen(version=version)


def _step_area(board: Board, view: Area, seen: Seen, version: int, changed: Slots) -> tuple[Delta, Seen]:
    before = _unpack(seen.inside, board.size)
    is_inside = view.contains(board, changed) & board.alive[changed]
    was_inside = before[changed]
    moved = changed[is_inside]
    delta = Delta(
        moved=moved,
        introduced=~before[moved] | (board.described[moved] > seen.version),
        gone=changed[was_inside & ~is_inside],
    )
    after = before.copy()
    after[changed] = is_inside
    return delta, Seen(version=version, inside=np.packbits(after).tobytes())


def _unpack(inside: bytes, size: int) -> Mask:
    bits = np.unpackbits(np.frombuffer(inside, np.uint8), count=min(size, 8 * len(inside))) if inside else np.empty(0, np.uint8)
    known = np.zeros(size, np.bool_)
    known[: len(bits)] = bits
    return known
