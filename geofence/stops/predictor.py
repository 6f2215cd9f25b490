"""The seam to the model of ETAs: the engine says how far vehicles have come, the model says when they will arrive.

Forecasts are asked for one by one, as vehicles come along, and answered many at once, in columns: each as it would have been at
the moment when it was asked for, whatever has been learned since.

The model keeps what it learned for itself; what it wants to learn from later is handed back with the arrival (`fleet.samples`), so
that everything about one vehicle is in that vehicle's record, and nothing of it in the model.
"""

from __future__ import annotations

from typing import Protocol

from fleet.progress import Forecasts, Leg, Progress
from fleet.samples import Rows


class Predictor(Protocol):
    def ask(self, progress: Progress) -> None:
        """Arrivals at all stops ahead are wanted, by what has been learned before."""
        ...

    def answer(self) -> Forecasts:
        """What was asked for since the last answer, in that order. Learns nothing."""
        ...

    def learn_leg(self, leg: Leg) -> None:
        """A leg was driven."""
        ...

    def learn_arrival(self, arrived: int, samples: Rows, rests: Rows) -> None:
        """A stop that was forecast with these samples was reached."""
        ...

    def snapshot(self) -> bytes:
        """All that was learned."""
        ...

    def restore(self, state: bytes) -> None: ...
