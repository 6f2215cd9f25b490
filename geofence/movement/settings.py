"""What counts as moving, standing, idling, speeding, moving without leave, and being silent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from fleet.clock import MICROS_PER_S
from fleet.movement_rules import NO_RULES, MovementRules
from geofence.jumps import Reach


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementSettings:
    #: Worse fixes say nothing about movement.
    max_accuracy_m: float = 50.0
    #: What is out of it is a jump.
    reach: Reach = Reach()
    #: So far from where it stood, a vehicle has moved; within it, it may scatter.
    stand_radius_m: float = 50.0
    #: Slower than this may be the beginning of a stand, faster than that the beginning of a movement.
    stand_speed_mps: float = 1.5
    move_speed_mps: float = 2.5
    #: So many fixes in a row on the move, and the vehicle moves.
    move_fixes: int = 2
    #: So long within the radius, and the vehicle stands: longer than most red lights.
    stand_s: float = 120.0
    #: Standing so long with the ignition on is idling.
    idle_s: float = 300.0
    #: Faster than the limit for so long is speeding; as long not faster ends the episode.
    overspeed_s: float = 10.0
    #: Without a fix for so long nothing is known of the speed in between.
    max_gap_s: float = 120.0
    stale_s: float = 300.0
    offline_s: float = 1_800.0
    #: Disconnected (by the tracker's last will) for so long without a fix is offline.
    disconnected_s: float = 30.0
    #: So long on the move against a rule is unauthorised.
    unauthorised_s: float = 60.0
    #: The installation's; tenants and vehicles may have their own (`geofence.movement.rulebook`).
    rules: MovementRules = NO_RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """Those of the settings, in microseconds."""

    stand: int
    idle: int
    overspeed: int
    gap: int
    stale: int
    offline: int
    disconnected: int
    unauthorised: int

    @classmethod
    def of(cls, settings: MovementSettings) -> Self:
        return cls(
            stand=round(settings.stand_s * MICROS_PER_S),
            idle=round(settings.idle_s * MICROS_PER_S),
            overspeed=round(settings.overspeed_s * MICROS_PER_S),
            gap=round(settings.max_gap_s * MICROS_PER_S),
            stale=round(settings.stale_s * MICROS_PER_S),
            offline=round(settings.offline_s * MICROS_PER_S),
            disconnected=round(settings.disconnected_s * MICROS_PER_S),
            unauthorised=round(settings.unauthorised_s * MICROS_PER_S),
        )
