"""How the worker is: one record, for `/readyz`, for the sign of life on the live bus, and for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

#: The API listens to `outrider/live/#`; `-` stands where a tenant would.
SIGN_TOPIC: Final = "outrider/live/-/worker"
#: Behind by more than this a worker is not current.
LARGEST_LAG_S: Final = 60.0
#: A commit that takes longer than this: the database is there and does not answer.
LONGEST_COMMIT_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """`lag_s`: how long the oldest message taken and not committed has been waiting; `commit_s`: how long the commit that is
    under way has been so."""

    worker: str
    is_started: bool
    is_standing_by: bool = False
    is_source_connected: bool
    is_store_reachable: bool
    lag_s: float
    commit_s: float
    in_flight: int

    @property
    def is_ready(self) -> bool:
        return not self.problems

    @property
    def problems(self) -> list[str]:
        """What keeps the worker from being current, a sentence each."""
        possible = (
            (self.is_standing_by, "standing by: another worker does this work"),
            (not self.is_started and not self.is_standing_by, "still taking up the work"),
            (not self.is_source_connected, "the broker cannot be reached"),
            (not self.is_store_reachable, "the database cannot be reached"),
            (self.commit_s > LONGEST_COMMIT_S, f"the database has not answered for {self.commit_s:.0f} s"),
            (self.lag_s > LARGEST_LAG_S, f"{self.lag_s:.0f} s behind"),
        )
        return [sentence for holds, sentence in possible if holds]

    @property
    def detail(self) -> str:
        """One sentence for people."""
        return "; ".join(self.problems) or "current"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"ready": self.is_ready, "detail": self.detail}
