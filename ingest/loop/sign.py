"""How the worker is: one record, for `/readyz`, for the sign of life on the live bus, and for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

#: The API listens to `outrider/live/#`; `-` stands where a tenant would.
SIGN_TOPIC: Final = "outrider/live/-/worker"
#: Behind by more than this a worker is not current.
LARGEST_LAG_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """`lag_s`: how long the oldest message taken and not committed has been waiting."""

    worker: str
    is_started: bool
    is_source_connected: bool
    is_store_reachable: bool
    lag_s: float
    in_flight: int

    @property
    def is_ready(self) -> bool:
        return self.is_started and self.is_source_connected and self.is_store_reachable and self.lag_s <= LARGEST_LAG_S

    @property
    def detail(self) -> str:
        """One sentence for people."""
        problems = [
            sentence
            for sentence, holds in (
                ("still taking up the work", not self.is_started),
                ("the broker cannot be reached", not self.is_source_connected),
                ("the database cannot be reached", not self.is_store_reachable),
                (f"{self.lag_s:.0f} s behind", self.lag_s > LARGEST_LAG_S),
            )
            if holds
        ]
        return "; ".join(problems) or "current"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"ready": self.is_ready, "detail": self.detail}
