"""Groups of fences, and what fences get from them.

A setting of a visit is the fence's own; else that of the first of its groups, in the fence's own order, that says something; else
its tenant's; else the installation's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from fleet.fence import NO_FENCE_SETTINGS, Fence, FenceSettings

#: No fence is in more groups.
MOST_GROUPS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceGroup:
    id: str
    tenant: str
    name: str
    settings: FenceSettings = NO_FENCE_SETTINGS
    created_at: datetime | None = None


def with_inherited(fences: Iterable[Fence], groups: Iterable[FenceGroup], defaults: Mapping[str, FenceSettings]) -> list[Fence]:
    """The fences with the settings that they get from their groups, and from their tenants (`defaults`), written into them."""
    of_groups = {(group.tenant, group.id): group.settings for group in groups}
    # Thousands of fences share their groups and say nothing themselves: each combination is worked out once.
    known: dict[tuple[str, tuple[str, ...], FenceSettings], FenceSettings] = {}

    def settings(fence: Fence) -> FenceSettings:
        key = (fence.tenant, fence.groups, fence.settings)
        if key not in known:
            inherited = defaults.get(fence.tenant, NO_FENCE_SETTINGS)
            for group in reversed(fence.groups):
                inherited = inherited.under(of_groups.get((fence.tenant, group), NO_FENCE_SETTINGS))
            known[key] = inherited.under(fence.settings)
        return known[key]

    def resolved(fence: Fence) -> Fence:
        if not fence.groups and fence.tenant not in defaults:
            return fence
        all_said = settings(fence)
        return fence if all_said == fence.settings else replace(fence, settings=all_said)

    return [resolved(fence) for fence in fences]
