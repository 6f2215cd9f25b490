"""The seam of the engines: pure folds over each vehicle's fixes in order of time.

The pipeline (`ingest/pipeline.py`) sorts, drops duplicates and sets late fixes aside, so that an engine sees each vehicle's
fixes exactly once and strictly in order of time, whatever came in. An engine's findings therefore depend on nothing but the
sorted fixes and the plan: not on how batches were cut, and not on restarts.

When a vehicle is folded again, what was published is compared with what is found now. An event that is dated back says in
`data["proved_at"]` (RFC 3339) by which instant of event time it was certain, so that it is known which fixes brought it about;
without it that is `occurred_at`. What an event says is its type, instant and data without `evidence` and `proved_at`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from fleet.fix import FixBatch
from fleet.outcome import Outcome


class Engine(Protocol):
    """State a vehicle, keyed by the store's integer key of the vehicle."""

    def step(self, batch: FixBatch, now: datetime) -> Outcome:
        """Take in fixes. Rows of one vehicle are in strictly increasing time, all later than any row of that vehicle seen
        before; `now` is the instant at which they became known (`recorded_at` of what is found)."""
        ...

    def tick(self, now: datetime) -> Outcome:
        """What the passing of time alone brings about (silence, predictions growing old)."""
        ...

    def snapshot(self, keys: Iterable[int]) -> dict[int, bytes]:
        """The whole state of these vehicles, small. `restore` of it in a fresh engine goes on as if nothing had happened."""
        ...

    def restore(self, states: Mapping[int, bytes]) -> None: ...

    def forget(self, key: int) -> None:
        """Drop a vehicle's state, to fold its fixes again from an earlier snapshot."""
        ...
