"""What is left of the leg that a vehicle is on: by how much of its way is behind it, and by how long it has been on it.

The two disagree: a bus that stands at lights has used its time and not come nearer; one that has just left has its stay behind
it, which is part of the leg too. How far to trust which is learned by recursive least squares (S. Haykin, Adaptive Filter Theory,
chapter on the RLS algorithm), with the surprises clipped, so that a break in a depot does not unlearn a day.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from fleet.clock import MICROS_PER_S
from fleet.fix import Float64s
from fleet.progress import Progress

#: Of the columns of `state`: at first the way alone counts.
_START: Final = np.array([0.0, 0.9, 0.05, 0.0, 0.0])
_FORGETTING: Final = 0.9998
#: The start is worth so many legs.
_PRIOR_LEGS: Final = 20.0
_MOST_SURPRISE: Final = 0.5
_LEAST, _MOST = 0.03, 2.0


class RestOfLeg:
    """Shares of a leg's expected duration."""

    def __init__(self) -> None:
        self._weights = _START.copy()
        self._inverse = np.eye(len(_START)) / _PRIOR_LEGS

    def expect(self, state: Float64s) -> float:
        return min(_MOST, max(_LEAST, float(self._weights @ state)))

    def learn(self, state: Float64s, left: float) -> None:
        """The rest that was forecast from `state` took `left` of the leg's expected duration."""
        projected = self._inverse @ state
        gain = projected / (_FORGETTING + state @ projected)
        surprise = left - float(self._weights @ state)
        self._weights = self._weights + gain * float(np.clip(surprise, -_MOST_SURPRISE, _MOST_SURPRISE))
        self._inverse = (self._inverse - np.outer(gain, projected)) / _FORGETTING

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode((self._weights.tolist(), self._inverse.tolist()))

    def restore(self, state: bytes) -> None:
        """Raises msgspec.DecodeError."""
        weights, inverse = msgspec.msgpack.decode(state, type=tuple[list[float], list[list[float]]])
        self._weights, self._inverse = np.array(weights), np.array(inverse)


def rest_state(progress: Progress, leg_s: float) -> Float64s:
    """A constant, the share of the way that is left, the share of the time that is left, whether the vehicle is still at
    the stop, and by how much it is slower than expected, on the way that is left."""
    since = (progress.at - progress.arrived) / MICROS_PER_S / leg_s
    left = 1.0 - progress.fraction
    is_still = 1.0 if progress.departed is None else 0.0
    behind = min(max(0.0, since - progress.fraction), 3.0)
    return np.array([1.0, left, max(0.0, 1.0 - since), is_still, behind * left])
