"""Which parts of the world a change may have touched: the rest need not be loaded again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import Enum
from typing import Final

from store.records import Change, World


class WorldPart(Enum):
    """Fields of `World` that are loaded together."""

    FENCES = "fences"
    #: With the keys of the vehicles that have routes.
    ROUTES = "routes"
    MOUNTINGS = "mountings"
    #: What tenants and vehicles have set for themselves.
    SETTINGS = "settings"
    CLOCKS = "clocks"


Parts = frozenset[WorldPart]

EVERYTHING: Final[Parts] = frozenset(WorldPart)

#: A vehicle that goes, or comes back under its name, has another key; a tenant's settings hold for its fences too.
_TOUCHED_BY: Final[Mapping[str, Parts]] = {
    "fence": frozenset({WorldPart.FENCES}),
    "fence group": frozenset({WorldPart.FENCES}),
    "route": frozenset({WorldPart.ROUTES}),
    "tracker": frozenset({WorldPart.MOUNTINGS, WorldPart.CLOCKS}),
    "vehicle": frozenset({WorldPart.MOUNTINGS, WorldPart.CLOCKS, WorldPart.ROUTES, WorldPart.SETTINGS}),
    "tenant": frozenset({WorldPart.FENCES, WorldPart.SETTINGS}),
}


#: The fields of `World` that are not named as their part is.
_FIELDS: Final[Mapping[WorldPart, tuple[str, ...]]] = {
    WorldPart.ROUTES: ("routes", "route_keys"),
    WorldPart.SETTINGS: ("screening", "movement", "proximity"),
}


def parts_of(changes: Iterable[Change]) -> Parts:
    """A kind that is not known here may have touched anything."""
    touched: Parts = frozenset()
    for change in changes:
        touched |= _TOUCHED_BY.get(change.kind, EVERYTHING)
    return touched


def renewed(known: World, whole: World, changes: Iterable[Change]) -> World:
    """`known` with those parts of the whole world that the changes may have touched."""
    names = [name for part in parts_of(changes) for name in _FIELDS.get(part, (part.value,))]
    return replace(known, **{name: getattr(whole, name) for name in names})
