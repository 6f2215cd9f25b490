"""Rules of movement that cannot be obeyed (allowed hours that are no calendar, from a database that somebody else wrote into): each
is logged once, with the reason, and again only where it was mended and broken meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from fleet.movement_rules import MovementScope

log = logging.getLogger(__name__)


class RefusedRules:
    """Knows what was logged."""

    def __init__(self) -> None:
        self._told: frozenset[tuple[MovementScope, str]] = frozenset()

    def tell(self, refused: Iterable[tuple[MovementScope, str]]) -> None:
        """These are all that are refused now, with the reasons."""
        now = tuple(refused)
        for scope, reason in now:
            if (scope, reason) not in self._told:
                log.warning("%s is held to no allowed hours, since they cannot be read: %s", _whose(scope), reason)
        self._told = frozenset(now)


def _whose(scope: MovementScope) -> str:
    if not scope.tenant:
        return "the installation"
    return f"tenant {scope.tenant}" if scope.vehicle is None else f"vehicle {scope.vehicle} of tenant {scope.tenant}"
