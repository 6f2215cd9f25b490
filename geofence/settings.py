"""What the engines take for granted unless a fence or a tenant says otherwise, and how that is resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final

from fleet.fence import Fence, FenceSettings

#: What a fix may be off by that does not say it, where that makes a difference to leaving: a receiver in a street.
UNSAID_ACCURACY_M: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How visits to one fence are confirmed and ended. The defaults are common practice for delivery stops: two fixes and a
    standstill or a minute, out at an outer edge for a minute, nothing believed that claims to be worse than 50 m."""

    confirm_fixes: int = 2
    confirm_speed_mps: float = 2.0
    confirm_s: float = 60.0
    exit_margin_m: float = 50.0
    exit_s: float = 60.0
    max_accuracy_m: float = 50.0

    def overlaid(self, settings: FenceSettings) -> Rules:
        """These rules with what `settings` says put over them."""
        said = {rule.name: getattr(settings, rule.name) for rule in fields(self)}
        return Rules(**{name: getattr(self, name) if value is None else value for name, value in said.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class GeofenceSettings:
    rules: Rules = Rules()
    #: What a tenant wants otherwise, for all of its fences.
    tenants: Mapping[str, FenceSettings] = field(default_factory=dict)
    #: One fix so far outside of the edge ends a visit at once (unless it was reached by a jump).
    far_m: float = 500.0
    #: Between two fixes further apart than either, nothing is interpolated.
    max_gap_s: float = 120.0
    max_gap_m: float = 3_000.0
    #: A step faster than this is a jump of the receiver, not a movement.
    max_speed_mps: float = 100.0
    #: So long without a fix ends a visit, with an uncertain end ...
    silence_s: float = 1_800.0
    #: ... which is taken back where the next fix is inside again within this time of the last one.
    resume_s: float = 43_200.0

    def resolve(self, fence: Fence) -> Rules:
        """The fence's settings over its tenant's over the product's."""
        rules = self.rules
        if fence.tenant in self.tenants:
            rules = rules.overlaid(self.tenants[fence.tenant])
        return rules.overlaid(fence.settings)
