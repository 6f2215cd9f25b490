"""From a request to its principal: by key in the header, by session cookie, or as the anonymous role.

A key that is presented and not valid is an error, never a reason to go on as somebody else.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.requests import HTTPConnection, Request

from api.access.keys import find_digest, find_key
from api.access.origin import SAFE_METHODS, is_foreign_page, is_own_origin
from api.access.principal import Means, Principal
from api.access.session import COOKIE
from api.problems import Forbidden, Unauthorised
from api.services import Services, services_of
from fleet.access import ApiKey, Role

_SCHEME: Final = "bearer "
#: A browser's WebSocket can set no header; it offers these two subprotocols, and the server takes up the first.
LIVE_PROTOCOL: Final = "outrider.v1"
KEY_PROTOCOL: Final = "outrider.key."

# for the OpenAPI document; what they find is read again below, where it is decided
_BEARER: Final = HTTPBearer(auto_error=False, description="An API key")
_COOKIE: Final = APIKeyCookie(name=COOKIE, auto_error=False, description="Set by POST /v1/session")


async def authenticate(request: Request) -> Principal:
    """The caller of a REST request. Raises Unauthorised, or Forbidden for a page of another origin."""
    services = services_of(request)
    principal = await _principal_of(request, services, _header_key(request))
    if request.method not in SAFE_METHODS and principal.means is not Means.KEY:
        _require_own_page(request, services, principal)
    return principal


async def authenticate_live(connection: HTTPConnection, protocols: list[str]) -> Principal:
    """The caller of a WebSocket. Raises Unauthorised, or Forbidden for a page of another origin."""
    services = services_of(connection)
    offered = next((name.removeprefix(KEY_PROTOCOL) for name in protocols if name.startswith(KEY_PROTOCOL)), None)
    principal = await _principal_of(connection, services, _header_key(connection) or offered)
    if principal.means is not Means.KEY and is_foreign_page(connection.headers, services.settings.allowed_origins):
        raise Forbidden("a page of another origin needs a key")
    return principal


async def _principal_of(connection: HTTPConnection, services: Services, key: str | None) -> Principal:
    if key is not None:
        found = await find_key(services.store, key)
        if found is None:
            raise Unauthorised("the key is not known, or was revoked")
        return principal_for(found, Means.KEY)
    cookie = connection.cookies.get(COOKIE)
    if cookie is not None and (principal := await _by_cookie(services, cookie)) is not None:
        return principal
    if services.settings.anonymous_role is not None:
        return Principal(tenant=services.settings.anonymous_tenant, role=services.settings.anonymous_role, means=Means.ANONYMOUS)
    raise Unauthorised("send an API key as `Authorization: Bearer KEY`" if cookie is None else "the session has ended")


async def _by_cookie(services: Services, cookie: str) -> Principal | None:
    digest = services.sessions.digest_of(cookie, services.now().timestamp())
    found = None if digest is None else await find_digest(services.store, digest)
    return None if found is None else principal_for(found, Means.SESSION)


def principal_for(key: ApiKey, means: Means) -> Principal:
    return Principal(tenant=key.tenant, role=key.role, means=means, key_id=key.id, name=key.name, credential=key.digest)


def _header_key(connection: HTTPConnection) -> str | None:
    header = connection.headers.get("authorization")
    if header is None:
        return None
    if header[: len(_SCHEME)].lower() != _SCHEME:
        raise Unauthorised("only `Authorization: Bearer KEY` is understood")
    return header[len(_SCHEME) :].strip()


def _require_own_page(request: Request, services: Services, principal: Principal) -> None:
    """Cookies, and the anonymous role on loopback, are open to whatever page the browser shows; changes are not."""
    allowed = services.settings.allowed_origins
    if principal.means is Means.SESSION and not is_own_origin(request.headers, allowed):
        raise Forbidden("a session may change something only from this server's own pages")
    if is_foreign_page(request.headers, allowed):
        raise Forbidden("a page of another origin needs a key")


async def _viewer(
    principal: Annotated[Principal, Depends(authenticate)],
    _bearer: Annotated[object, Security(_BEARER)],
    _cookie: Annotated[object, Security(_COOKIE)],
) -> Principal:
    principal.require(Role.VIEWER)
    return principal


async def _operator(principal: Annotated[Principal, Depends(_viewer)]) -> Principal:
    principal.require(Role.OPERATOR)
    return principal


async def _admin(principal: Annotated[Principal, Depends(_viewer)]) -> Principal:
    principal.require(Role.ADMIN)
    return principal


Viewer = Annotated[Principal, Depends(_viewer)]
Operator = Annotated[Principal, Depends(_operator)]
Admin = Annotated[Principal, Depends(_admin)]
