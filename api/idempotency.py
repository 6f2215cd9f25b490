"""`Idempotency-Key` on POST: the same request again gets the same answer, and does nothing a second time.

The key is taken in the store before anything is done, so this holds across all API processes.

1. The key was used before with the same request: the remembered answer, marked `idempotency-replayed: true`.
2. With another request: refused (422).
3. The first one is still being worked on, wherever: refused (409, `under-way`), to be tried again after `Retry-After`.
4. The first one failed: the key is free again.
5. The server died on the way: its key is free after `HELD_S`. Ids that the server makes up derive from the key, so that doing
   it again finds the thing that is there (`seed`).

Secrets are not remembered: a replayed answer has null where the first one had the secret.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from api.answers import JSON
from api.problems import ApiError, BadRequest, UnderWayElsewhere
from api.services import Services
from fleet.event import content_id
from store.protocol import Rejected, StoreError, UnderWay

log = logging.getLogger(__name__)

HEADER: Final = "idempotency-key"
_LONGEST: Final = 255
#: Longer than the store lets any request of ours take (`store.postgres.database.Limits.answer_s`), so that only the key of a dead
#: process is taken over.
HELD_S: Final = 120.0
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
    fingerprint, holder = _fingerprint(request, await request.body()), secrets.token_hex(8)
    earlier = await _take(services, tenant, key, fingerprint, holder)
    if earlier is not None:
        status, body = earlier
        return Response(body, status, {"idempotency-replayed": "true"}, JSON)
    try:
        made = await make(content_id("idempotency", tenant, key))
        await services.store.remember(tenant, key, fingerprint, made.status_code, _without_secrets(bytes(made.body)))
    except BaseException:
        await _release(services, tenant, key, holder)
        raise
    return made


async def _take(services: Services, tenant: str, key: str, fingerprint: str, holder: str) -> tuple[int, bytes] | None:
    try:
        return await services.store.take_request(tenant, key, fingerprint, holder=holder, for_s=HELD_S)
    except Rejected as error:
        raise KeyReused(f"this {HEADER} was used with another request") from error
    except UnderWay as error:
        raise UnderWayElsewhere(f"the first request with this {HEADER} is still being worked on") from error


async def _release(services: Services, tenant: str, key: str, holder: str) -> None:
    """Let go of the key of a request that has failed; its failure is what the caller is told, also where this fails."""
    try:
        await asyncio.shield(services.store.release_request(tenant, key, holder))
    except StoreError as error:
        log.warning("an Idempotency-Key stays taken for up to %d s: %s", HELD_S, error)


def new_id(kind: str, seed: str | None) -> str:
    """An id for a thing that was created without one."""
    return f"{kind}_{(seed or secrets.token_hex(16))[:20]}"


def _fingerprint(request: Request, body: bytes) -> str:
    parts = (request.method, request.url.path, request.url.query)
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + body).hexdigest()


def _without_secrets(body: bytes) -> bytes:
    document: dict[str, Any] = orjson.loads(body)
    return orjson.dumps({name: None if name in _SECRET_MEMBERS else value for name, value in document.items()})
