"""/v1/keys and /v1/session: who may come in, and who is in."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from api.access.authenticate import Admin, Viewer, principal_for
from api.access.keys import digest, find_key, new_key
from api.access.origin import is_foreign_page
from api.access.principal import Means, Principal
from api.access.session import COOKIE
from api.answers import Asked, Page, PageAsked, answer, decode_cursor, page
from api.idempotency import once
from api.models.access import KeyBody, KeyOut, KeyWithSecret, LoginBody, SessionOut, key_json
from api.models.base import document
from api.problems import Forbidden, TooMany, Unauthorised
from api.rest.crud import READ_PROBLEMS, WRITE_PROBLEMS, ThingId, problems
from api.services import Services, Shared
from fleet.access import ApiKey
from store.protocol import NotFound

router: Final = APIRouter()


@router.get("/v1/keys", tags=["keys"], summary="List keys, by id", response_model=Page[KeyOut], responses=READ_PROBLEMS)
async def list_keys(services: Shared, asked: Annotated[PageAsked, Query()], principal: Admin) -> Response:
    tenant, after = principal.reads(asked.tenant), decode_cursor(asked.cursor)
    keys = [key for key in await services.store.api_keys(tenant) if after is None or key.id > after]
    return page(keys[: asked.limit + 1], asked.limit, key_json, lambda key: key.id)


@router.post(
    "/v1/keys",
    tags=["keys"],
    summary="Make a key",
    description="The answer holds the key itself; it is not shown again. Takes an `Idempotency-Key` header.",
    status_code=201,
    response_model=KeyWithSecret,
    responses=WRITE_PROBLEMS,
)
async def create_key(
    request: Request, services: Shared, asked: Annotated[Asked, Query()], body: KeyBody, principal: Admin
) -> Response:
    tenant = _tenant_of(services, principal, body, asked.tenant)

    async def make(_seed: str | None) -> Response:
        text = new_key()
        key = ApiKey(
            id=f"key_{secrets.token_hex(8)}",
            tenant=tenant,
            role=body.role,
            digest=digest(text),
            name=body.name,
            created_at=services.now(),
        )
        await services.store.put_api_key(key)
        return answer({**key_json(key), "key": text}, 201, {"location": f"/v1/keys/{key.id}"})

    return await once(request, services, tenant or services.settings.default_tenant, make)


def _tenant_of(services: Services, principal: Principal, body: KeyBody, asked: str | None) -> str | None:
    """Whose data the new key opens. Raises Forbidden for more than the caller's own."""
    if body.all_tenants:
        if principal.tenant is not None:
            raise Forbidden("only a key for all tenants can make another one")
        return None
    return principal.writes(body.tenant or asked, services.settings.default_tenant)


@router.get("/v1/keys/{id:path}", tags=["keys"], summary="One key", response_model=KeyOut, responses=READ_PROBLEMS)
async def get_key(services: Shared, thing: ThingId, asked: Annotated[Asked, Query()], principal: Admin) -> Response:
    return answer(key_json(await _key(services, principal.reads(asked.tenant), thing)))


async def _key(services: Services, tenant: str | None, id: str) -> ApiKey:  # noqa: A002 - the domain's word
    for key in await services.store.api_keys(tenant):
        if key.id == id:
            return key
    raise NotFound("key", id)


@router.delete(
    "/v1/keys/{id:path}", tags=["keys"], summary="Revoke a key", status_code=204, response_class=Response, responses=WRITE_PROBLEMS
)
async def revoke_key(services: Shared, thing: ThingId, asked: Annotated[Asked, Query()], principal: Admin) -> Response:
    await services.store.revoke_api_key(principal.reads(asked.tenant), thing, services.now())
    return Response(status_code=204)


def _session_json(principal: Principal) -> dict[str, Any]:
    return document(SessionOut, role=principal.role, tenant=principal.tenant, name=principal.name, means=principal.means)


@router.post(
    "/v1/session",
    tags=["session"],
    summary="Turn a key into a cookie, for browsers",
    response_model=SessionOut,
    responses=problems(401, 403, 413, 422, 429, 503),
)
async def log_in(request: Request, services: Shared, body: LoginBody) -> Response:
    if is_foreign_page(request.headers):
        raise Forbidden("log in from this server's own pages")
    address = request.client.host if request.client else ""
    now_s = services.now().timestamp()
    if (wait_s := services.logins.wait_s(address, now_s)) > 0:
        raise TooMany("too many failed logins from this address", wait_s)
    key = await find_key(services.store, body.key)
    if key is None:
        services.logins.spend(address, now_s)
        raise Unauthorised("the key is not known, or was revoked")
    response = answer(_session_json(principal_for(key, Means.SESSION)))
    response.set_cookie(
        COOKIE,
        services.sessions.issue(key.digest, now_s),
        max_age=services.sessions.lifetime_s,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


@router.get("/v1/session", tags=["session"], summary="Who am I", response_model=SessionOut, responses=problems(401, 503))
async def who_am_i(principal: Viewer) -> Response:
    return answer(_session_json(principal))


@router.delete(
    "/v1/session", tags=["session"], summary="Log out", status_code=204, response_class=Response, responses=problems(403)
)
async def log_out(request: Request) -> Response:
    if is_foreign_page(request.headers):
        raise Forbidden("log out from this server's own pages")
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return response
