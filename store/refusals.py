"""Rules for values that both stores refuse in the same words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from fleet.outcome import Outcome
from store.errors import Rejected


def check_tenant(name: str) -> None:
    """Raises Rejected for a name that could be no level of an MQTT topic, nor the first part of a cursor."""
    if not name or "/" in name or "\0" in name:
        raise Rejected(f"{name!r} is no name of a tenant: it must not be empty, and hold no slash and no NUL")


def tenants_of(outcome: Outcome) -> set[str]:
    """Whose the findings are."""
    found = (outcome.events, outcome.visits, outcome.stops, outcome.routes, outcome.etas)
    return {item.tenant for items in found for item in items}


def refuse_twice(kind: str, places: Iterable[tuple[str, str]]) -> None:
    """Raises Rejected for a (tenant, id) that is given twice."""
    for (_, id_), times in Counter(places).items():
        if times > 1:
            raise Rejected(f"{kind} {id_!r} is given {times} times")
