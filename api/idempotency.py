"""`Idempotency-Key` on POST: the same request again gets the same answer, and does nothing a second time.

1. The key was used before with the same request: the remembered answer, marked `idempotency-replayed: true`.
2. With another request: refused (422).
3. The first one is still being worked on in this process: refused (409), to be tried again.
4. The server died between doing and remembering: ids that the server makes up derive from the key, so that doing it again
   finds the thing that is there (`seed`).

Secrets are not remembered: a replayed answer has null where the first one had the secret.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from api.answers import JSON
from api.problems import ApiError, BadRequest, Conflict
from api.services import Services
from fleet.event import content_id
from store.protocol import Rejected

HEADER: Final = "idempotency-key"
_LONGEST: Final = 255
_SECRET_MEMBERS: Final = ("secret", "key")


class KeyReused(ApiError):
    """The same Idempotency-Key with another request."""

    status = 422
    kind = "idempotency-key-reused"


async def once(request: Request, services: Services, tenant: str, make: Callable[[str | None], Awaitable[Response]]) -> Response:
    """Run `make` unless this request was answered before. `make` is told the seed for ids that it makes up."""
    key = request.headers.get(HEADER)
    if key is None:
        return await make(None)
    if not 1 <= len(key) <= _LONGEST:
        raise BadRequest(f"{HEADER}: 1 to {_LONGEST} characters")
    fingerprint = _fingerprint(request, await request.body())
    place = (tenant, key)
    if place in services.under_way:
        raise Conflict(f"the first request with this {HEADER} is still being worked on")
    services.under_way.add(place)
    try:
        return await _once(services, tenant, key, fingerprint, make)
    finally:
        services.under_way.discard(place)


async def _once(
    services: Services, tenant: str, key: str, fingerprint: str, make: Callable[[str | None], Awaitable[Response]]
) -> Response:
    try:
        earlier = await services.store.remembered(tenant, key, fingerprint)
    except Rejected as error:
        raise KeyReused(f"this {HEADER} was used with another request") from error
    if earlier is not None:
        status, body = earlier
        return Response(body, status, {"idempotency-replayed": "true"}, JSON)
    made = await make(content_id("idempotency", tenant, key))
    await services.store.remember(tenant, key, fingerprint, made.status_code, _without_secrets(bytes(made.body)))
    return made


def new_id(kind: str, seed: str | None) -> str:
    """An id for a thing that was created without one."""
    return f"{kind}_{(seed or secrets.token_hex(16))[:20]}"


def _fingerprint(request: Request, body: bytes) -> str:
    parts = (request.method, request.url.path, request.url.query)
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + body).hexdigest()


def _without_secrets(body: bytes) -> bytes:
    document: dict[str, Any] = orjson.loads(body)
    return orjson.dumps({name: None if name in _SECRET_MEMBERS else value for name, value in document.items()})
