"""The seam to the model of ETAs: the engine says how far a vehicle has come, the model says when it will arrive.

The model keeps what it learned for itself; what it wants to learn from later is handed back with the arrival (`Sample`), so
that everything about one vehicle is in that vehicle's record, and nothing of it in the model.
"""

from __future__ import annotations

from typing import Protocol

from fleet.progress import Forecast, Leg, Progress, Sample
from fleet.route import Route


class Predictor(Protocol):
    def forecast(self, progress: Progress) -> Forecast:
        """Arrivals at all stops ahead. Changes nothing; depends on the progress and on what was learned before."""
        ...

    def learn_leg(self, leg: Leg) -> None:
        """A leg was driven."""
        ...

    def learn_arrival(self, route: Route, index: int, sample: Sample, arrived: int) -> None:
        """A stop that was forecast with `sample` was reached."""
        ...

    def snapshot(self) -> bytes:
        """All that was learned."""
        ...

    def restore(self, state: bytes) -> None: ...
