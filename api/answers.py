"""Answers in JSON by orjson, entity tags, and pages with opaque cursors."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Generic, TypeVar

import orjson
from pydantic import BaseModel, Field
from starlette.datastructures import Headers
from starlette.responses import Response

from api.models.base import Incoming, Outgoing, TenantId
from api.problems import BadRequest, PreconditionFailed

JSON: Final = "application/json"
LIMIT_DEFAULT: Final = 100
LIMIT_MOST: Final = 1_000

T = TypeVar("T")
Item = TypeVar("Item", bound=BaseModel)


class Page(Outgoing, Generic[Item]):
    items: list[Item]
    next_cursor: str | None = Field(description="Give it back as `cursor` for the next page; null: there is none")


class Asked(Incoming):
    """Query parameters of every read."""

    tenant: TenantId | None = Field(None, description="Only this tenant's; keys of a tenant see only their own in any case")


class PageAsked(Asked):
    limit: Annotated[int, Field(ge=1, le=LIMIT_MOST)] = LIMIT_DEFAULT
    cursor: Annotated[str, Field(max_length=1_000)] | None = Field(None, description="`next_cursor` of the page before")


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, JSON)


def page(found: Sequence[T], limit: int, to_json: Callable[[T], Any], cursor_of: Callable[[T], str]) -> Response:
    """A page of `found`, which was read with one more than `limit` to see whether there is a next one."""
    shown = found[:limit]
    next_cursor = encode_cursor(cursor_of(shown[-1])) if len(found) > limit else None
    return answer({"items": [to_json(item) for item in shown], "next_cursor": next_cursor})


def encode_cursor(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str | None) -> str | None:
    """Raises BadRequest for what is no cursor of ours."""
    if cursor is None:
        return None
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise BadRequest("cursor: not one that this server gave out") from error


def decode_number(cursor: str | None) -> int:
    """A cursor that holds a number; 0 for none. Raises BadRequest."""
    place = decode_cursor(cursor)
    if place is None:
        return 0
    if not place.isdecimal() or len(place) > 18:
        raise BadRequest("cursor: not one that this server gave out")
    return int(place)


def place_of(tenant: str | None, item_tenant: str, item_id: str) -> str:
    """Where a page ended, in the words of the store: the id, across tenants `tenant/id`."""
    return item_id if tenant is not None else f"{item_tenant}/{item_id}"


def entity_tag(body: bytes) -> str:
    """A strong validator (RFC 9110, 8.8.3): the same bytes have the same tag."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def entity(
    document: Mapping[str, Any], request_headers: Headers, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """One thing, with its entity tag; 304 where the caller has it already."""
    body = orjson.dumps(document)
    tag = entity_tag(body)
    known = request_headers.get("if-none-match")
    if known is not None and status == 200 and _names(known, tag):
        return Response(status_code=304, headers={"etag": tag})
    return Response(body, status, {**(headers or {}), "etag": tag}, JSON)


def require_match(document: Mapping[str, Any], request_headers: Headers) -> None:
    """Raises PreconditionFailed where the caller's If-Match names another state than this one (RFC 9110, 13.1.1)."""
    wanted = request_headers.get("if-match")
    if wanted is not None and not _names(wanted, entity_tag(orjson.dumps(document))):
        raise PreconditionFailed("it was changed in the meantime; read it again")


def _names(header: str, tag: str) -> bool:
    return header.strip() == "*" or tag in {part.strip().removeprefix("W/") for part in header.split(",")}
