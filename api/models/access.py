"""Subscriptions, keys and sessions as the API shows them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from api.models.base import Id, Incoming, Name, Outgoing, TenantId, document, instant_text
from fleet.access import ApiKey, Role
from fleet.subscription import Subscription, SubscriptionStatus

EventType = Annotated[str, StringConstraints(max_length=100, pattern=r"^(\*|[a-z_]+(\.[a-z_]+)*(\.?\*)?)$")]


class SubscriptionBody(Incoming):
    id: Id | None = Field(None, examples=["billing"])
    url: Annotated[str, StringConstraints(min_length=8, max_length=2_000, pattern=r"^https?://[^\s]+$")] = Field(
        description="Where events are POSTed to; https, unless the installation allows private addresses",
        examples=["https://example.com/hooks/outrider"],
    )
    types: list[EventType] = Field(
        default=["*"], min_length=1, max_length=100, description="Event types, or prefixes that end in `*`", examples=[["stop.*"]]
    )
    status: SubscriptionStatus = Field(SubscriptionStatus.ACTIVE, description="Set it to `active` again to revive a disabled one")


class SubscriptionOut(Outgoing):
    id: str
    tenant: str
    url: str
    types: list[str]
    status: SubscriptionStatus
    status_detail: str | None = Field(description="Why it was disabled")
    created_at: str | None


class SubscriptionWithSecret(SubscriptionOut):
    secret: str | None = Field(description="Signs the deliveries (Standard Webhooks 1.0). Shown this once")


def subscription_json(subscription: Subscription) -> dict[str, Any]:
    return document(
        SubscriptionOut,
        id=subscription.id,
        tenant=subscription.tenant,
        url=subscription.url,
        types=list(subscription.types),
        status=subscription.status,
        status_detail=subscription.status_detail,
        created_at=instant_text(subscription.created_at),
    )


class KeyBody(Incoming):
    name: Name = Field(description="For people: who uses it", examples=["dispatch screen"])
    role: Role
    tenant: TenantId | None = Field(
        None,
        description="Whose data it opens. A key for all tenants can only be made by one, with `all_tenants`",
        examples=["acme"],
    )
    all_tenants: bool = Field(False, description="Make a key for all tenants; only such a key can")


class KeyOut(Outgoing):
    id: str
    tenant: str | None = Field(description="null: all tenants")
    role: Role
    name: str
    created_at: str | None
    revoked_at: str | None


class KeyWithSecret(KeyOut):
    key: str | None = Field(description="The key itself. Shown this once; only its digest is kept")


def key_json(key: ApiKey) -> dict[str, Any]:
    return document(
        KeyOut,
        id=key.id,
        tenant=key.tenant,
        role=key.role,
        name=key.name,
        created_at=instant_text(key.created_at),
        revoked_at=instant_text(key.revoked_at),
    )


class LoginBody(Incoming):
    key: Annotated[str, StringConstraints(min_length=1, max_length=512)] = Field(description="An API key")


class SessionOut(Outgoing):
    role: Role
    tenant: str | None = Field(description="null: all tenants")
    name: str = Field(description="Name of the key")
    means: str = Field(description="key, session or anonymous")
