"""Checkpoints in slices: the states of vehicles that changed, some with every commit, so that no commit is long for it.

A *round* begins at most every `interval_s`. It takes note of the vehicles that have changed up to the commit that its first
slice goes with (the round's *mark*), and saves each of them once, as it is when its slice is taken. With the last slice all
stored states include all fixes up to the mark, so that is where a restart begins; a state that was saved later than the mark
says so itself (`Checkpoint.ahead`). A round that fits into one slice has that very commit for its mark.

What was learned from all vehicles goes with the last slice of a round, and with it all vehicles that have taught since it was
saved last; until then those are left out. So what a vehicle has taught is in what was learned exactly if the fixes that it
was found from are in the vehicle's state, and a restart neither loses a lesson nor takes one twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from fleet.fix import Int64s

#: Vehicles in a slice: as many as cost the commit a few milliseconds, or, of a commit with many fixes, about a quarter more.
_LEAST_VEHICLES: Final = 250
_FIXES_A_VEHICLE: Final = 4
#: When nothing else has to be written any more.
_LAST_VEHICLES: Final = 5_000
#: `Slice.up_to` of a slice that is not the last of its round.
UNFINISHED: Final = 0


class Checkpointed(Protocol):
    """What the pipeline says of its states (`ingest.pipeline.Pipeline`)."""

    def changed(self) -> Int64s: ...

    def teachers(self) -> Collection[int]: ...

    def states(self, keys: Collection[int], *, with_learned: bool) -> dict[int, bytes]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What one commit carries of a checkpoint: see `store.records.Commit`."""

    states: Mapping[int, bytes]
    up_to: int | None


class Checkpoints:
    """Asked for a slice whenever a commit is handed to the writer, so a state includes exactly the fixes up to that commit."""

    def __init__(self, pipeline: Checkpointed, *, interval_s: float) -> None:
        self._pipeline = pipeline
        self._interval_s = interval_s
        self._began_s = 0.0
        self._waiting: Int64s = np.zeros(0, np.int64)
        self._mark: int | None = None
        #: Rounds begun.
        self.rounds = 0

    def start(self, now_s: float) -> None:
        """The first round is due an interval after this."""
        self._began_s = now_s

    @property
    def is_under_way(self) -> bool:
        """Whether a round has begun and not ended."""
        return len(self._waiting) > 0

    def take(self, now_s: float, fixes: int) -> Slice | None:
        """What the next commit, which holds so many fixes, has to carry; None where nothing is due."""
        begins = not self.is_under_way
        if begins:
            if now_s - self._began_s < self._interval_s:
                return None
            self._begin(now_s)
            if not len(self._waiting):
                return None
        taken = self._slice(max(_LEAST_VEHICLES, fixes // _FIXES_A_VEHICLE))
        return Slice(states=taken, up_to=UNFINISHED if len(self._waiting) else None if begins else self._mark)

    def written(self, batch: int) -> None:
        """The commit with the slice that was taken last has this number."""
        if self._mark is None:
            self._mark = batch

    def last(self) -> Iterator[Slice]:
        """All that has changed, when nothing else changes any more: so the last of these commits is itself the mark."""
        self._begin(self._began_s)
        while len(self._waiting):
            taken = self._slice(_LAST_VEHICLES)
            yield Slice(states=taken, up_to=UNFINISHED if len(self._waiting) else None)

    def _begin(self, now_s: float) -> None:
        self._began_s = now_s
        self._mark = None
        self._waiting = self._pipeline.changed()
        self.rounds += self.is_under_way

    def _slice(self, most: int) -> dict[int, bytes]:
        keys, self._waiting = self._waiting[:most].tolist(), self._waiting[most:]
        teachers = self._pipeline.teachers()
        chosen = [key for key in keys if key not in teachers] if teachers else keys
        if self.is_under_way:
            return self._pipeline.states(chosen, with_learned=False)
        return self._pipeline.states([*chosen, *teachers], with_learned=True)
