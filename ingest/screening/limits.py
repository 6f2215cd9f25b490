"""The settings that hold for each fix of a batch, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fleet.clock import MICROS_PER_S
from fleet.fix import Float64s, Int64s
from ingest.screening.rules import ScreenSettings

Bools = npt.NDArray[np.bool_]

_NEVER_US: Final = 1 << 62


@dataclass(slots=True, kw_only=True)
class Limits:
    """N rows, in the units of the fixes' columns."""

    future_us: Int64s
    oldest_us: Int64s
    teleport_speed_mps: Float64s
    teleport_slack_m: Float64s
    refuse_teleports: Bools
    worst_accuracy_m: Float64s
    refuse_inaccurate: Bools
    correct_week_rollover: Bools
    refuse_swapped: Bools

    @classmethod
    def of(cls, settings: Sequence[ScreenSettings]) -> Limits:
        """One row for each of the settings."""
        return cls(
            future_us=np.array([round(one.future_tolerance_s * MICROS_PER_S) for one in settings], np.int64),
            oldest_us=np.array([_micros(one.oldest_age_s) for one in settings], np.int64),
            teleport_speed_mps=np.array([one.teleport_speed_mps for one in settings], np.float64),
            teleport_slack_m=np.array([one.teleport_slack_m for one in settings], np.float64),
            refuse_teleports=np.array([one.refuse_teleports for one in settings], np.bool_),
            worst_accuracy_m=np.array([_or_infinite(one.worst_accuracy_m) for one in settings], np.float64),
            refuse_inaccurate=np.array([one.refuse_inaccurate for one in settings], np.bool_),
            correct_week_rollover=np.array([one.correct_week_rollover for one in settings], np.bool_),
            refuse_swapped=np.array([one.refuse_swapped for one in settings], np.bool_),
        )

    def take(self, rows: Any) -> Limits:
        """The rows that an index or a slice names."""
        return Limits(**{name: getattr(self, name)[rows] for name in _NAMES})


_NAMES: Final = tuple(one.name for one in fields(Limits))


def _micros(age_s: float | None) -> int:
    return _NEVER_US if age_s is None else round(age_s * MICROS_PER_S)


def _or_infinite(limit: float | None) -> float:
    return float("inf") if limit is None else limit
