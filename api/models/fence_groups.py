"""Groups of fences as the API shows them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import Field

from api.models.base import Id, Incoming, Name, Outgoing, document, instant_text
from api.models.fences import SettingsBody
from fleet.fence import FenceSettings
from fleet.fence_group import FenceGroup


class FenceGroupBody(Incoming):
    id: Id | None = Field(None, examples=["customers"])
    name: Name | None = Field(None, description="For people; the id where it is missing", examples=["Customers"])
    settings: SettingsBody = Field(
        default_factory=lambda: SettingsBody.model_validate({}),
        description="Hold for the group's fences that say nothing else themselves, over the tenant's",
    )


class FenceGroupOut(Outgoing):
    id: str
    tenant: str
    name: str
    settings: SettingsBody
    created_at: str | None


def group_of(tenant: str, id: str, body: FenceGroupBody, previous: FenceGroup | None) -> FenceGroup:  # noqa: A002 - the kind's form
    created_at = previous.created_at if previous is not None else None
    settings = FenceSettings(**body.settings.model_dump())
    return FenceGroup(id=id, tenant=tenant, name=body.name or id, settings=settings, created_at=created_at)


def group_json(group: FenceGroup) -> dict[str, Any]:
    return document(
        FenceGroupOut,
        id=group.id,
        tenant=group.tenant,
        name=group.name,
        settings=asdict(group.settings),
        created_at=instant_text(group.created_at),
    )
