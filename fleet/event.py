"""Events: what was found on the road, with evidence. Their ids derive from their content, so that finding one again is harmless."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from fleet.clock import rfc3339

_SEPARATOR: Final = "\x1f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`occurred_at` is when it happened on the road, `recorded_at` when it became known (both aware UTC).

    `type` is one of the contract's words, with `.revised` or `.retracted` appended where it replaces or withdraws the
    event whose id is `data["of"]`.
    """

    id: str
    type: str
    occurred_at: datetime
    recorded_at: datetime
    tenant: str
    vehicle: str
    data: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The event in the words of the contract, ready for orjson."""
        return {
            "id": self.id,
            "type": self.type,
            "occurred_at": rfc3339(self.occurred_at),
            "recorded_at": rfc3339(self.recorded_at),
            "tenant": self.tenant,
            "vehicle": self.vehicle,
            "data": self.data,
        }


def content_id(*parts: str) -> str:
    """32 hex digits that depend on nothing but the parts: the same finding has the same id, after any restart.

    128 bits of SHA-256 over the parts, joined by a character that no ident may contain.
    """
    return hashlib.sha256(_SEPARATOR.join(parts).encode()).hexdigest()[:32]


def event_id(kind: str, tenant: str, vehicle: str, occurred_at: datetime, *subject: str) -> str:
    """The id of an event: its type, whose it is, when it occurred, and what it is about (route and stop, fence ...)."""
    return content_id(kind, tenant, vehicle, rfc3339(occurred_at), *subject)
