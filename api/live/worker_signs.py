"""The workers' signs of life, as they come over the live bus: who was heard of when, and what it said of itself.

A worker publishes `outrider/live/<tenant or ->/worker` now and then: a JSON object with at least `worker` (its name), and, where
it can say so, `lag_s` (how far it is behind), `ready` and `detail`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson

from api.live.columns import BadFrame

#: Names of workers that are remembered; more is somebody's mistake.
_WORKERS_MOST: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSign:
    worker: str
    #: Monotonic seconds of this process.
    heard_at_s: float
    is_ready: bool
    lag_s: float | None
    said: dict[str, Any]


class WorkerSigns:
    def __init__(self) -> None:
        self._signs: dict[str, WorkerSign] = {}

    def take(self, tenant: str, payload: bytes, now_s: float) -> None:
        """Raises BadFrame."""
        try:
            said = orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            raise BadFrame(f"no JSON: {error}") from error
        if not isinstance(said, dict):
            raise BadFrame("no JSON object")
        worker = str(said.get("worker") or tenant)
        lag_s = said.get("lag_s")
        if worker not in self._signs and len(self._signs) >= _WORKERS_MOST:
            raise BadFrame(f"more than {_WORKERS_MOST} workers")
        self._signs[worker] = WorkerSign(
            worker=worker,
            heard_at_s=now_s,
            is_ready=said.get("ready", True) is True,
            lag_s=float(lag_s) if isinstance(lag_s, int | float) else None,
            said=said,
        )

    def newest(self, now_s: float, within_s: float) -> list[WorkerSign]:
        """Signs not older than `within_s`, by name."""
        return [sign for _, sign in sorted(self._signs.items()) if now_s - sign.heard_at_s <= within_s]
