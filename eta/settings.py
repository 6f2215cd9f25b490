"""The model's dials. None is fitted to a data set: each is a scale that traffic or sampling gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EtaSettings:
    # what a leg takes where nothing was seen yet, and nothing planned
    #: Over the straight distance: 30 km/h on ways a third longer than the straight one.
    speed_mps: float = 6.2
    #: The stay at a stop where service is due and the plan says nothing of its length.
    service_s: float = 180.0
    #: No leg takes less.
    least_leg_s: float = 10.0

    # what was seen
    #: Passages kept for each leg; the oldest makes room.
    kept: int = 32
    #: What the plan says of a leg counts as so many passages.
    prior_weight: float = 1.0
    #: Traffic is alike within this time of day ...
    day_width_s: float = 3600.0
    #: ... a passage at another one still counts so much ...
    day_floor: float = 0.15
    #: ... and the newest tell most: a jam lasts about so long.
    fresh_s: float = 2400.0
    fresh_weight: float = 1.5
    #: Passages fade over this time.
    fade_s: float = 14 * 86_400.0
    #: A leg that took longer than this was a break, not traffic.
    outlier_ratio: float = 6.0
    outlier_s: float = 240.0
    #: Over more legs than this the time is not split among them.
    most_legs_at_once: int = 4

    # errors of forecasts
    #: Newest errors kept for each band of horizon.
    errors_kept: int = 600
    #: Errors that the start is worth.
    errors_prior: int = 40
