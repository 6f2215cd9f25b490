"""/v1/subscriptions: webhook endpoints. Their secrets are shown once, when they are made."""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.access.authenticate import Admin
from api.answers import Asked, PageAsked, answer
from api.models.access import SubscriptionBody, SubscriptionOut, SubscriptionWithSecret, subscription_json
from api.rest.changing import until_unchanged
from api.rest.crud import WRITE_PROBLEMS, Kind, ThingId, crud_router
from api.rest.locate import get_one
from api.services import Services, Shared
from fleet.access import Role
from fleet.errors import InvalidValue
from fleet.subscription import Subscription, SubscriptionStatus

#: Standard Webhooks 1.0: 24 to 64 bytes.
_SECRET_BYTES: Final = 32
#: The one in use, and the one before it until receivers have changed over.
_SECRETS_MOST: Final = 2


class SubscriptionsAsked(PageAsked):
    status: SubscriptionStatus | None = Field(None)


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _to_domain(tenant: str, id: str, body: SubscriptionBody, previous: Subscription | None) -> Subscription:  # noqa: A002
    detail = previous.status_detail if previous and body.status is SubscriptionStatus.DISABLED else None
    return Subscription(
        id=id,
        tenant=tenant,
        url=body.url,
        types=tuple(body.types),
        secrets=previous.secrets if previous else (new_secret(),),
        status=body.status,
        status_detail=detail,
        created_at=previous.created_at if previous else None,
    )


def _with_secret(subscription: Subscription) -> dict[str, Any]:
    return {**subscription_json(subscription), "secret": subscription.secrets[0]}


def _check(services: Services, body: SubscriptionBody) -> None:
    """What can be seen in the address itself; where its name leads is looked at with each delivery."""
    try:
        url = urlsplit(body.url)
        has_host = bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError as error:
        raise InvalidValue("url", f"is no address: {error}") from error
    if not has_host:
        raise InvalidValue("url", "names no host")
    if url.username is not None or url.password is not None:
        raise InvalidValue("url", "must not hold a password; check the signature instead")
    if url.scheme != "https" and not services.settings.webhook_allow_private:
        raise InvalidValue("url", "must be https")


SUBSCRIPTIONS: Final = Kind[Subscription, SubscriptionBody](
    name="subscription",
    body=SubscriptionBody,
    out=SubscriptionOut,
    created=SubscriptionWithSecret,
    asked=SubscriptionsAsked,
    repository=lambda store: store.subscriptions,
    to_domain=_to_domain,
    to_json=subscription_json,
    to_created_json=_with_secret,
    reader=Role.ADMIN,
    writer=Role.ADMIN,
    check=_check,
)

rotation_router: Final = APIRouter(tags=["subscriptions"])


@rotation_router.post(
    "/v1/subscriptions/{id:path}:rotate-secret",
    summary="Make a new secret",
    description="Deliveries are signed with the new and the previous one, until it is rotated again.",
    response_model=SubscriptionWithSecret,
    responses=WRITE_PROBLEMS,
)
async def rotate_secret(services: Shared, thing: ThingId, asked: Annotated[Asked, Query()], principal: Admin) -> Response:
    async def rotate() -> Subscription:
        current = await get_one(services.store.subscriptions, principal.reads(asked.tenant), thing)
        rotated = replace(current, secrets=(new_secret(), *current.secrets)[:_SECRETS_MOST])
        return await services.store.subscriptions.replace(rotated, only_if=current)

    return answer(_with_secret(await until_unchanged(rotate)))


def routers() -> list[APIRouter]:
    return [rotation_router, crud_router(SUBSCRIPTIONS)]
