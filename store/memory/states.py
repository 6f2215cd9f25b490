"""What a worker keeps of vehicles beside their fixes, in memory: the states of checkpoints, and anchors."""

from __future__ import annotations

from datetime import datetime

from fleet.clock import to_micros
from store.records import Anchor, Checkpoint, Commit


class StateTable:
    def __init__(self) -> None:
        #: The batch that all states include; None before the first checkpoint.
        self._included: int | None = None
        #: By vehicle: the batch with which it was kept, and the state.
        self._states: dict[int, tuple[int, bytes]] = {}
        self._anchors: dict[int, dict[int, Anchor]] = {}

    def keep(self, commit: Commit, batch: int) -> None:
        for key, instant in commit.stale_anchors.items():
            kept = self._anchors.get(key, {})
            self._anchors[key] = {micros: anchor for micros, anchor in kept.items() if micros < to_micros(instant)}
        for anchor in commit.anchors:
            self._anchors.setdefault(anchor.key, {})[to_micros(anchor.time)] = anchor
        if commit.checkpoint_vehicles is not None:
            up_to = batch if commit.checkpoint_up_to is None else commit.checkpoint_up_to
            if up_to:
                self._included = max(self._included or 0, up_to)
            self._states.update({key: (batch, state) for key, state in commit.checkpoint_vehicles.items()})

    def checkpoint(self) -> Checkpoint | None:
        if self._included is None:
            return None
        ahead = {key: batch for key, (batch, _) in self._states.items() if batch > self._included}
        states = {key: state for key, (_, state) in self._states.items()}
        return Checkpoint(batch=self._included, vehicles=states, ahead=ahead)

    def anchor_before(self, key: int, time: datetime) -> tuple[datetime, bytes] | None:
        earlier = [micros for micros in self._anchors.get(key, ()) if micros < to_micros(time)]
        if not earlier:
            return None
        anchor = self._anchors[key][max(earlier)]
        return anchor.time, anchor.state

    def drop_anchors_before(self, end: datetime) -> int:
        """The newest of each vehicle stays: a vehicle that was away for long is folded from it."""
        before = sum(map(len, self._anchors.values()))
        for key, anchors in self._anchors.items():
            newest = max(anchors, default=0)
            self._anchors[key] = {at: anchor for at, anchor in anchors.items() if at >= to_micros(end) or at == newest}
        return before - sum(map(len, self._anchors.values()))
