"""Registering trackers that nobody knows, all of a batch at once."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from fleet.vehicle import Mounting, TrackerStatus
from ingest.loop.patience import Patience
from store.protocol import IngestStore, Rejected

log = logging.getLogger(__name__)

_LOGGED: int = 5


async def register(
    store: IngestStore, patience: Patience, strangers: Sequence[tuple[str, str]], *, quarantine: bool
) -> list[Mounting]:
    """Their mountings. One that the database refuses (alone: the others are registered) is as good as quarantined."""
    try:
        known = await patience.until_reached(lambda: store.register(strangers, quarantine=quarantine))
    except Rejected as refusal:
        if len(strangers) == 1:
            tenant, ident = strangers[0]
            log.warning("tracker %r of %r cannot be registered: %s", ident, tenant, refusal)
            return [Mounting(tenant=tenant, tracker=ident, status=TrackerStatus.QUARANTINED)]
        middle = len(strangers) // 2
        halves = (strangers[:middle], strangers[middle:])
        return [one for half in halves for one in await register(store, patience, half, quarantine=quarantine)]
    names = ", ".join(f"{tenant}/{ident}" for tenant, ident in strangers[:_LOGGED])
    log.info("registered %d trackers: %s%s", len(known), names, " ..." if len(strangers) > _LOGGED else "")
    return known
