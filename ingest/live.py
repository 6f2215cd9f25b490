"""Live frames: what was committed, for the screens, on the broker (`docs/decisions/0001-the-spine.md`, Live).

`outrider/live/<tenant>/positions`: columns with the newest fix of each vehicle that reported since the last frame, at most ten
frames a second; `.../etas`: the newest prediction of each stop; `.../events`: a wake-up, the events are read from the store.
Nothing here waits: a frame that the broker cannot take is dropped (the publisher keeps the newest), the store has it all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import orjson

from fleet.clock import MICROS_PER_S, rfc3339
from fleet.fix import FixBatch, Int64s
from fleet.route import Eta
from fleet.screening import ELSEWHERE

FRAME_INTERVAL_S: Final = 0.1
#: Vehicles in one frame; beyond, the next frame begins. About 400 kB, less than any broker's limit.
_MOST_IN_FRAME: Final = 5_000


class LivePublisher(Protocol):
    """The way to the screens. `mqttwire.publisher.Publisher` is one."""

    def offer(self, topic: str, payload: bytes) -> bool:
        """Send if that is possible without waiting; False where something was dropped for it."""
        ...


class NobodyListens:
    """Drops everything: for a worker without a live bus (tests, benchmarks, a rebuilt database)."""

    def offer(self, topic: str, payload: bytes) -> bool:  # noqa: ARG002 - the protocol's names
        return True


class LiveFrames:
    """Collects what commits bring and sends it in frames. `clock` is monotonic, in seconds."""

    def __init__(
        self, publisher: LivePublisher, *, vehicles_of: Callable[[Int64s], Sequence[tuple[str, str]]], clock: Callable[[], float]
    ) -> None:
        """`vehicles_of`: (tenant, vehicle) of keys; two empty texts for one that is not known."""
        self._publisher = publisher
        self._vehicles_of = vehicles_of
        self._clock = clock
        self._waiting: list[FixBatch] = []
        self._etas: dict[tuple[str, str, str], Eta] = {}
        self._sent_at = -FRAME_INTERVAL_S
        self.frames = 0
        self.dropped = 0

    @property
    def due_in_s(self) -> float | None:
        """Seconds until `flush` should be called; None where nothing waits."""
        if not self._waiting and not self._etas:
            return None
        return max(0.0, self._sent_at + FRAME_INTERVAL_S - self._clock())

    def committed(self, fixes: Sequence[FixBatch], etas: Sequence[Eta], event_tenants: Iterable[str], seq: int) -> None:
        """Something is in the store. Events are announced at once; positions and predictions wait for their frame."""
        self._waiting += [batch for batch in fixes if len(batch)]
        for eta in etas:
            self._etas[eta.tenant, eta.route, eta.stop] = eta
        for tenant in set(event_tenants):
            self._offer(f"outrider/live/{tenant}/events", orjson.dumps({"seq": seq}))
        if self.due_in_s == 0.0:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        self._sent_at = self._clock()
        waiting, self._waiting = self._waiting, []
        etas, self._etas = self._etas, {}
        if waiting:
            self._send_positions(newest_of_each(waiting))
        by_tenant: dict[str, list[Eta]] = {}
        for eta in etas.values():
            by_tenant.setdefault(eta.tenant, []).append(eta)
        for tenant, own in by_tenant.items():
            self._offer(f"outrider/live/{tenant}/etas", orjson.dumps({"etas": [_eta(eta) for eta in own]}))

    def _send_positions(self, fixes: FixBatch) -> None:
        rows: dict[str, list[int]] = {}
        whose = self._vehicles_of(fixes.vehicle)
        for row, (tenant, _) in enumerate(whose):
            rows.setdefault(tenant, []).append(row)
        rows.pop("", None)  # deleted since
        for tenant, own in rows.items():
            for start in range(0, len(own), _MOST_IN_FRAME):
                chosen = own[start : start + _MOST_IN_FRAME]
                names = [whose[row][1] for row in chosen]
                self._offer(f"outrider/live/{tenant}/positions", _frame(fixes, np.array(chosen), names))

    def _offer(self, topic: str, payload: bytes) -> None:
        self.frames += 1
        self.dropped += not self._publisher.offer(topic, payload)


def newest_of_each(batches: Sequence[FixBatch]) -> FixBatch:
    """Of each vehicle its newest fix that is taken for where it is; extras are left behind."""
    vehicle = np.concatenate([batch.vehicle for batch in batches])
    time = np.concatenate([batch.time for batch in batches])
    shown = np.flatnonzero((np.concatenate([batch.flags for batch in batches]) & ELSEWHERE) == 0)
    order = shown[np.lexsort((time[shown], vehicle[shown]))]
    is_last = np.append(vehicle[order[1:]] != vehicle[order[:-1]], True)[: len(order)]
    rows = order[is_last]
    newest = FixBatch.allocate(len(rows))
    newest.vehicle, newest.time = vehicle[rows], time[rows]
    for name in ("lat", "lon", "speed_mps", "heading_deg", "accuracy_m"):
        setattr(newest, name, np.concatenate([getattr(batch, name) for batch in batches])[rows])
    return newest


#: Digits after the point: a centimetre, a millimetre a second, a tenth of a degree or of a metre. Fewer bytes, nothing to see.
_DIGITS: Final = {"lat": 7, "lon": 7, "speed_mps": 3, "heading_deg": 1, "accuracy_m": 1}


def _frame(fixes: FixBatch, rows: npt.NDArray[np.intp], names: list[str]) -> bytes:
    """The columns of the decision record; what was not said is null (orjson writes NaN so)."""
    frame: dict[str, Any] = {"vehicle": names, "time": (fixes.time[rows] // (MICROS_PER_S // 1000)).tolist()}
    for name, digits in _DIGITS.items():
        frame[name] = np.round(getattr(fixes, name)[rows].astype(np.float64), digits)
    return orjson.dumps(frame, option=orjson.OPT_SERIALIZE_NUMPY)


def _eta(eta: Eta) -> dict[str, Any]:
    return {
        "at": rfc3339(eta.at),
        "vehicle": eta.vehicle,
        "route": eta.route,
        "stop": eta.stop,
        "p10": rfc3339(eta.p10),
        "p50": rfc3339(eta.p50),
        "p90": rfc3339(eta.p90),
        "shown": rfc3339(eta.shown),
    }
