"""What the loop asks of the pipeline (`ingest.pipeline.Pipeline` is one)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from fleet.fix import FixBatch
from fleet.outcome import Outcome
from fleet.vehicle import Mounting
from store.protocol import World


class WorkerPipeline(Protocol):
    def apply(self, world: World, now: datetime) -> Outcome | None:
        """The plan is this from now on."""
        ...

    def learn(self, mountings: Iterable[Mounting]) -> None:
        """These trackers were registered since the world was loaded."""
        ...

    def step(self, batch: FixBatch, now: datetime) -> Outcome: ...

    def tick(self, now: datetime) -> Outcome: ...

    def checkpoint(self) -> Mapping[int, bytes]:
        """The state of the vehicles that changed since the last call."""
        ...

    def restore(self, states: Mapping[int, bytes]) -> None: ...
