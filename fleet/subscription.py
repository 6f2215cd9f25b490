"""Who wants to be told of which events, and what is due to be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class SubscriptionStatus(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A webhook endpoint. `types` are event types, or prefixes ending in `*` (`stop.*`, `*`)."""

    id: str
    tenant: str
    url: str
    types: tuple[str, ...] = ("*",)
    #: `whsec_` + base64 (Standard Webhooks 1.0); several while one is being rotated. Never in a log or a list.
    secrets: tuple[str, ...] = field(default=(), repr=False)
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE
    #: Why it was disabled, for the person who looks.
    status_detail: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An event on its way to one subscriber. `id` stays the same across retries: the receiver's idempotency key."""

    id: str
    tenant: str
    subscription: Subscription
    event: dict[str, Any]
    attempts: int
    created_at: datetime
