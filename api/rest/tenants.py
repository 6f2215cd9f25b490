"""/v1/tenants: whose data it is, and the settings that hold for all of a tenant's vehicles.

Tenants are made as needed (a first message, a first thing of theirs); nobody has to create one, and none can be deleted. A key of a
tenant sees and changes its own.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Path, Query, Request, Response
from pydantic import Field

from api.access.authenticate import Admin, Viewer
from api.answers import Page, answer, decode_cursor, entity, page, require_match
from api.models.base import Incoming
from api.models.own_settings import TenantBody, TenantOut, settings_of, tenant_json, tenant_settings_json
from api.rest.crud import READ_PROBLEMS, WRITE_PROBLEMS, patched
from api.services import Shared
from fleet.tenant import Tenant
from store.protocol import NotFound, Store

router: Final = APIRouter(prefix="/v1/tenants", tags=["tenants"])


TenantPath = Annotated[str, Path(alias="id", min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f/]+$")]


class TenantsAsked(Incoming):
    limit: Annotated[int, Field(ge=1, le=1_000)] = 100
    cursor: str | None = Field(None, max_length=1_000, description="`next_cursor` of the page before")


@router.get("", summary="List tenants, by id", response_model=Page[TenantOut], responses=READ_PROBLEMS)
async def list_tenants(services: Shared, asked: Annotated[TenantsAsked, Query()], principal: Viewer) -> Response:
    if principal.tenant is not None:
        return answer({"items": [tenant_json(await _known(services.store, principal.tenant))], "next_cursor": None})
    found = await services.store.tenants.list(limit=asked.limit + 1, after=decode_cursor(asked.cursor))
    return page(found, asked.limit, tenant_json, lambda tenant: tenant.id)


@router.get("/{id}", summary="One tenant", response_model=TenantOut, responses=READ_PROBLEMS)
async def get_tenant(request: Request, services: Shared, thing: TenantPath, principal: Viewer) -> Response:
    principal.reads(thing)
    tenant = await services.store.tenants.get(thing) if principal.tenant is None else await _known(services.store, thing)
    return entity(tenant_json(tenant), request.headers)


@router.patch(
    "/{id}",
    summary="Change a tenant's settings",
    description="They hold for all vehicles of the tenant that have none of their own, in place of the installation's. The running "
    "worker obeys within a second or so.",
    response_model=TenantOut,
    responses=WRITE_PROBLEMS,
)
async def patch_tenant(
    request: Request,
    services: Shared,
    thing: TenantPath,
    body: Annotated[dict[str, Any], Body(description="JSON merge patch (RFC 7396); null gives a setting back to the installation")],
    principal: Admin,
) -> Response:
    principal.reads(thing)
    current = await _known(services.store, thing)
    require_match(tenant_json(current), request.headers)
    merged = patched(TenantBody, {"settings": tenant_settings_json(current.settings)}, body, thing)
    changed = await services.store.tenants.replace(Tenant(id=thing, settings=settings_of(merged.settings)))
    return entity(tenant_json(changed), request.headers)


async def _known(store: Store, tenant: str) -> Tenant:
    """The tenant, also where nothing of it is known yet."""
    try:
        return await store.tenants.get(tenant)
    except NotFound:
        return Tenant(id=tenant)
