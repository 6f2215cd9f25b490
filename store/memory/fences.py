"""Fences and their groups, in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from fleet.fence import Fence
from fleet.fence_group import FenceGroup
from store.memory.fleet import Changed
from store.memory.repository import MemoryRepository


class FenceTable(MemoryRepository[Fence]):
    """Fences, whose groups are there."""

    def __init__(self, groups: FenceGroupTable, clock: Callable[[], datetime], changed: Changed) -> None:
        filters = {"tag": lambda fence, text: text in fence.tags, "group": lambda fence, text: text in fence.groups}
        super().__init__("fence", clock=clock, filters=filters, changed=changed)
        self._groups = groups
        groups.leave = self._leave

    def _put(self, item: Fence) -> Fence:
        for group in item.groups:
            self._groups.require(item.tenant, group)
        return super()._put(item)

    def _leave(self, tenant: str, group: str) -> None:
        for place, fence in self.items.items():
            if fence.tenant == tenant and group in fence.groups:
                self.items[place] = replace(fence, groups=tuple(one for one in fence.groups if one != group))


class FenceGroupTable(MemoryRepository[FenceGroup]):
    """`leave` takes a group that is gone from its fences."""

    def __init__(self, clock: Callable[[], datetime], changed: Changed) -> None:
        super().__init__("fence group", clock=clock, filters={}, changed=changed)
        self.leave: Callable[[str, str], None] = lambda _tenant, _group: None

    def require(self, tenant: str, group: str) -> None:
        """Raises NotFound where it is not there."""
        self._kept(tenant, group)

    def _remove(self, tenant: str, id_: str) -> None:
        super()._remove(tenant, id_)
        self.leave(tenant, id_)
