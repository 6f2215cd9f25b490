"""Which events a subscription (or a query) means, and what identifies an alert. The SQL says the same: see `events.sql`."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.event import content_id

_CORRECTIONS = frozenset({"revised", "retracted"})


def means_type(types: Sequence[str], event_type: str) -> bool:
    """Whether one of `types` is the event's type, or a prefix of it that ends in `*`."""
    return any(event_type.startswith(each[:-1]) if each.endswith("*") else event_type == each for each in types)


def means_alert(types: Sequence[str], event_type: str) -> bool:
    """Whether a subscriber to `types` is told of the event: also of corrections, since whoever has heard that something happened
    has to hear that it did not."""
    base, _, last = event_type.rpartition(".")
    return means_type(types, event_type) or (last in _CORRECTIONS and means_type(types, base))


def alert_id(tenant: str, subscription: str, event: str) -> str:
    """The same event to the same subscriber is the same alert, however often it is found."""
    return content_id("alert", tenant, subscription, event)
