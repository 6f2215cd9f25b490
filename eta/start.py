"""How routes begin: a vehicle that is at its first stop, or passed it, well before its time waits for it.

How much after the planned instant vehicles set off is learned from those that waited.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np

from eta.plan import RoutePlan
from fleet.clock import MICROS_PER_S
from fleet.progress import Leg, Progress

#: Only at the first few stops does an early vehicle wait.
FIRST_STOPS: Final = 3
#: Beyond the first one, it does where it would be so early at the next.
_EARLY_S: Final = 240.0
#: Share of the first leg that is left when the vehicle has pulled out.
_PULLED_OUT: Final = 0.85
#: A vehicle that is overdue to leave leaves any moment: after this share of the leg.
_ANY_MOMENT: Final = 0.15
#: The median moves by this with each start (a stochastic approximation: as often up as down).
_STEP_S: Final = 8.0
_START_S: Final = 30.0


class RouteStart:
    def __init__(self) -> None:
        self.late_s = _START_S

    def learn(self, plan: RoutePlan, leg: Leg) -> None:
        """A first leg was driven; it tells something where the vehicle was there in time."""
        if (leg.origin, leg.destination) != (0, 1) or np.isnan(plan.planned_s[:2]).any():
            return
        if leg.started / MICROS_PER_S <= plan.planned_s[0]:
            late_s = leg.ended / MICROS_PER_S - plan.planned_s[1]
            self.late_s += _STEP_S if late_s > self.late_s else -_STEP_S

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode(self.late_s)

    def restore(self, state: bytes) -> None:
        """Raises msgspec.DecodeError."""
        self.late_s = msgspec.msgpack.decode(state, type=float)


def waiting_s(plan: RoutePlan, progress: Progress, leg_s: float, late_s: float) -> float | None:
    """Seconds to the next stop of a vehicle that waits, where those before set off `late_s` after the plan; None where it does
    not wait."""
    following = progress.served + 1
    if progress.served >= FIRST_STOPS or math.isnan(plan.planned_s[0]) or math.isnan(plan.planned_s[following]):
        return None
    at_s = progress.at / MICROS_PER_S
    if progress.served == 0 and progress.departed is None:
        waits_s = float(plan.planned_s[0]) + late_s - at_s
        return max(waits_s, _ANY_MOMENT * leg_s) + _PULLED_OUT * leg_s
    planned_s = float(plan.planned_s[following])
    if at_s + leg_s * (1.0 - progress.fraction) < planned_s - _EARLY_S:
        return planned_s + late_s - at_s
    return None
