"""What is left of the leg that a vehicle is on: by how much of its way is behind it, and by how long it has been on it.

The two disagree: a bus that stands at lights has used its time and not come nearer; one that has just left has its stay behind
it, which is part of the leg too. How far to trust which is learned by recursive least squares (S. Haykin, Adaptive Filter Theory,
chapter on the RLS algorithm), with the surprises clipped, so that a break in a depot does not unlearn a day.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from fleet.fix import Float64s

Bools = npt.NDArray[np.bool_]

#: Of the columns of `state`: at first the way alone counts.
_START: Final = np.array([0.0, 0.9, 0.05, 0.0, 0.0])
_FORGETTING: Final = 0.9998
#: The start is worth so many legs.
_PRIOR_LEGS: Final = 20.0
_MOST_SURPRISE: Final = 0.5
_LEAST, _MOST = 0.03, 2.0


class RestOfLeg:
    """Shares of a leg's expected duration.

    `weights` are never changed: what is learned gives other ones, so that who holds these goes on from what was known.
    """

    def __init__(self) -> None:
        self.weights: Float64s = _START.copy()
        self._inverse = np.eye(len(_START)) / _PRIOR_LEGS

    def learn(self, state: Float64s, left: float) -> None:
        """The rest that was forecast from `state` took `left` of the leg's expected duration."""
        projected = self._inverse @ state
        gain = projected / (_FORGETTING + state @ projected)
        surprise = left - float(self.weights @ state)
        self.weights = self.weights + gain * min(_MOST_SURPRISE, max(-_MOST_SURPRISE, surprise))
        self._inverse = (self._inverse - gain[:, None] * projected) / _FORGETTING

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode((self.weights.tolist(), self._inverse.tolist()))

    def restore(self, state: bytes) -> None:
        """Raises msgspec.DecodeError."""
        weights, inverse = msgspec.msgpack.decode(state, type=tuple[list[float], list[list[float]]])
        self.weights, self._inverse = np.array(weights), np.array(inverse)


def rest_states(since: Float64s, fraction: Float64s, is_still: Bools) -> Float64s:
    """The states (one a row) of vehicles that have been on their legs for `since` of the expected durations, and have come
    `fraction` of the way: a constant, the share of the way that is left, the share of the time that is left, whether the vehicle is
    still at the stop, and by how much it is slower than expected, on the way that is left."""
    left = 1.0 - fraction
    behind = np.minimum(np.maximum(since - fraction, 0.0), 3.0)
    return np.column_stack([np.ones(len(since)), left, np.maximum(1.0 - since, 0.0), is_still, behind * left])


def expected_rests(weights: Float64s, states: Float64s) -> Float64s:
    """What is left of each leg, as a share of its expected duration: weights and states are one a row. Summed up column by column,
    so that a vehicle's forecast does not depend on those beside it."""
    total = np.zeros(len(states))
    for column in range(states.shape[1]):
        total += weights[:, column] * states[:, column]
    return np.minimum(np.maximum(total, _LEAST), _MOST)
