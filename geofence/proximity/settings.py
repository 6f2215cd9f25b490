"""What counts as a place, and as being together. Rules that a tenant may have of its own are in `fleet.proximity_rules`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from fleet.clock import MICROS_PER_S
from fleet.fixes_around import Reach
from fleet.proximity_rules import LEAST_NEAR_S, NO_PROXIMITY_RULES, ProximityRules

_DEFAULT_NEAR_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProximitySettings:
    #: Places are compared at whole multiples of this.
    slot_s: float = 30.0
    #: Between two fixes no further apart in time a vehicle went straight.
    max_gap_s: float = 90.0
    #: Faster than this between two fixes, one of them is not where the vehicle was.
    fastest_mps: float = 70.0
    #: Not faster than this at its last fix, a vehicle stays where it is, for so long.
    hold_speed_mps: float = 1.5
    hold_s: float = 600.0
    #: Worse fixes say nothing.
    max_accuracy_m: float = 50.0
    #: Apart are two vehicles beyond so many times what counts as near, for so long.
    far_ratio: float = 1.5
    far_s: float = 120.0
    #: Nothing known of one of the two for so long: nobody knows whether they are still together.
    silence_s: float = 1_800.0
    #: With more others than this within reach a vehicle is in a crowd, where being near says nothing.
    most_near: int = 10
    #: An instant is judged when time has come so far beyond it: fixes are on their way, and the one after it tells as much as the
    #: one before. What comes later corrects what was found.
    delay_s: float = 120.0
    #: What is later than this changes nothing any more.
    horizon_s: float = 48 * 3_600.0
    #: The installation's; tenants may have their own.
    rules: ProximityRules = NO_PROXIMITY_RULES

    @property
    def slot(self) -> int:
        """Microseconds."""
        return round(self.slot_s * MICROS_PER_S)

    @property
    def reach(self) -> Reach:
        """The fixes that may say where a vehicle was at an instant."""
        return Reach(before_s=max(self.hold_s, self.max_gap_s), after_s=self.max_gap_s, worst_accuracy_m=self.max_accuracy_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one tenant is held to; spans of time in slots."""

    near_m: float
    far_m: float
    near: int
    far: int
    silence: int
    except_tag: str

    @classmethod
    def of(cls, settings: ProximitySettings, own: ProximityRules = NO_PROXIMITY_RULES) -> Self | None:
        """None where the tenant is not watched."""
        rules = settings.rules.under(own)
        if not rules.near_m:
            return None
        return cls(
            near_m=rules.near_m,
            far_m=rules.near_m * settings.far_ratio,
            near=_slots(max(LEAST_NEAR_S, _DEFAULT_NEAR_S if rules.near_s is None else rules.near_s), settings),
            far=_slots(settings.far_s, settings),
            silence=_slots(settings.silence_s, settings),
            except_tag=rules.except_tag or "",
        )


def _slots(span_s: float, settings: ProximitySettings) -> int:
    """So many steps from slot to slot are at least so long; one at least."""
    return max(1, -int(-span_s // settings.slot_s))
