"""The settings that hold for each fix of a batch, as columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fleet.clock import MICROS_PER_S
from fleet.fix import Float64s, Int32s, Int64s
from fleet.geodesy import METRES_PER_DEGREE
from fleet.screen_settings import ScreenSettings
from geofence.slots import Slots, grown
from ingest.screening.rules import ScreenRules

Bools = npt.NDArray[np.bool_]

_NEVER_US: Final = 1 << 62
_ROUGHLY_ONE_BATCH: Final = 1 << 14
#: Vehicle's settings are not worked out yet.
_UNKNOWN: Final = 0


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
    null_island_deg: Float64s
    refuse_swapped: Bools
    correct_week_rollover: Bools
    correct_clock: Bools
    static_drift_m: Float64s

    @classmethod
    def of(cls, settings: Sequence[ScreenSettings]) -> Limits:
        """One row for each of the settings."""

        def column(name: str, dtype: type[np.generic]) -> npt.NDArray[Any]:
            return np.array([getattr(one, name) for one in settings], dtype)

        return cls(
            future_us=np.array([round(one.future_tolerance_s * MICROS_PER_S) for one in settings], np.int64),
            oldest_us=np.array([_micros(one.oldest_age_s) for one in settings], np.int64),
            teleport_speed_mps=column("teleport_speed_mps", np.float64),
            teleport_slack_m=column("teleport_slack_m", np.float64),
            refuse_teleports=column("refuse_teleports", np.bool_),
            worst_accuracy_m=np.array([one.worst_accuracy_m or np.inf for one in settings], np.float64),
            refuse_inaccurate=column("refuse_inaccurate", np.bool_),
            null_island_deg=column("null_island_m", np.float64) / METRES_PER_DEGREE,
            refuse_swapped=column("refuse_swapped", np.bool_),
            correct_week_rollover=column("correct_week_rollover", np.bool_),
            correct_clock=column("correct_clock", np.bool_),
            static_drift_m=column("static_drift_m", np.float64),
        )

    def take(self, rows: Any) -> Limits:
        """The rows that an index or a slice names."""
        return Limits(**{name: getattr(self, name)[rows] for name in _NAMES})


_NAMES: Final = tuple(one.name for one in fields(Limits))


class LimitsOf:
    """The limits of each vehicle's fixes under the rules; what differs between vehicles is worked out once a vehicle."""

    def __init__(self, rules: ScreenRules, vehicle_of: Callable[[int], tuple[str, str]] | None) -> None:
        """`vehicle_of` tells (tenant, vehicle) of a key. Raises ValueError for rules that differ without it."""
        if not rules.are_uniform and vehicle_of is None:
            raise ValueError("rules that differ between vehicles need to be told whose fix it is")
        self._rules = rules
        self._vehicle_of = vehicle_of
        self._uniform = Limits.of([rules.default]).take(np.zeros(_ROUGHLY_ONE_BATCH, np.intp))
        self._slots = Slots()
        self._kind_of_slot: Int32s = np.zeros(0, np.int32)
        self._kinds: dict[ScreenSettings, int] = {}
        #: A row a kind of vehicle; row 0 stands for `_UNKNOWN`.
        self._table = Limits.of([rules.default])

    def of(self, vehicle: Int64s) -> Limits:
        """One row a fix."""
        if self._rules.are_uniform or self._vehicle_of is None:
            if len(vehicle) > len(self._uniform.future_us):
                self._uniform = Limits.of([self._rules.default]).take(np.zeros(2 * len(vehicle), np.intp))
            return self._uniform.take(slice(len(vehicle)))
        slots = self._slots.assign(vehicle)
        if len(self._slots) > len(self._kind_of_slot):
            self._kind_of_slot = grown(self._kind_of_slot, len(self._slots))
        for slot in np.unique(slots[self._kind_of_slot[slots] == _UNKNOWN]).tolist():
            self._kind_of_slot[slot] = self._kind(self._rules.of(*self._vehicle_of(int(self._slots.keys[slot]))))
        return self._table.take(self._kind_of_slot[slots])

    def _kind(self, settings: ScreenSettings) -> int:
        if settings not in self._kinds:
            self._kinds[settings] = len(self._kinds) + 1
            self._table = Limits.of([self._rules.default, *self._kinds])
        return self._kinds[settings]


def _micros(age_s: float) -> int:
    return round(age_s * MICROS_PER_S) if age_s else _NEVER_US
