"""Errors as problem documents (RFC 9457): every answer that is no success has one, with the same members everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fleet.errors import InvalidValue, OutriderError
from store.protocol import AlreadyExists, NotFound, Rejected, Unavailable

MEDIA_TYPE: Final = "application/problem+json"
_TYPE_PREFIX: Final = "urn:outrider:problem:"


class InvalidPart(BaseModel):
    pointer: str = Field(
        description="JSON pointer (RFC 6901) into the body, or the parameter's name after `#`", examples=["#/radius_m"]
    )
    detail: str = Field(examples=["Input should be greater than 0"])


class ProblemDocument(BaseModel):
    """RFC 9457."""

    type: str = Field(examples=["urn:outrider:problem:not-found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(default="", examples=["no fence 'depot'"])
    instance: str = Field(default="", examples=["/v1/fences/depot"])
    errors: list[InvalidPart] = Field(default_factory=list, description="Where the request is invalid, and why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    status: int
    #: The last part of `type`.
    kind: str
    detail: str = ""
    errors: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_json(self, instance: str) -> bytes:
        body: dict[str, Any] = {
            "type": _TYPE_PREFIX + self.kind,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "errors": list(self.errors),
        }
        return orjson.dumps(body)

    def response(self, instance: str) -> Response:
        return Response(self.as_json(instance), self.status, {**self.headers, "cache-control": "no-store"}, MEDIA_TYPE)


class ApiError(OutriderError):
    """What the API itself refuses; subclasses say how."""

    status = 400
    kind = "bad-request"

    def headers(self) -> dict[str, str]:
        return {}


class BadRequest(ApiError):
    """A parameter or header cannot be understood."""


class Unauthorised(ApiError):
    status = 401
    kind = "unauthorised"

    def headers(self) -> dict[str, str]:
        return {"www-authenticate": 'Bearer realm="outrider"'}


class Forbidden(ApiError):
    status = 403
    kind = "forbidden"


class Conflict(ApiError):
    status = 409
    kind = "conflict"


class UnderWayElsewhere(ApiError):
    """The same request is being worked on; the same again gets its answer."""

    status = 409
    kind = "under-way"

    def headers(self) -> dict[str, str]:
        return {"retry-after": "1"}


class PreconditionFailed(ApiError):
    status = 412
    kind = "precondition-failed"


class TooMany(ApiError):
    """Wait `retry_after_s` before trying again."""

    status = 429
    kind = "too-many-requests"

    def __init__(self, detail: str, retry_after_s: float) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s

    def headers(self) -> dict[str, str]:
        return {"retry-after": str(max(1, round(self.retry_after_s + 0.5)))}


def problem_of(error: Exception) -> Problem:
    """The problem that an error is to the caller. What is not expected is a 500 that tells nothing of the inside."""
    return _expected(error) or Problem(status=500, kind="internal", detail="something went wrong on our side; it has been logged")


def _expected(error: Exception) -> Problem | None:
    problem: Problem | None = None
    match error:
        case ApiError():
            problem = Problem(status=error.status, kind=error.kind, detail=str(error), headers=error.headers())
        case InvalidValue():
            problem = Problem(status=422, kind="invalid", detail=str(error), errors=[_part(error.field.split("."), error.problem)])
        case NotFound():
            problem = Problem(status=404, kind="not-found", detail=str(error))
        case AlreadyExists():
            problem = Problem(status=409, kind="already-exists", detail=str(error))
        case Rejected():
            problem = Problem(status=422, kind="rejected", detail=str(error))
        case Unavailable():
            problem = Problem(status=503, kind="unavailable", detail="the database is away", headers={"retry-after": "2"})
        case RequestValidationError():
            problem = _invalid(error)
        case HTTPException():
            problem = _http(error)
    return problem


def _invalid(error: RequestValidationError) -> Problem:
    # the first step of a location says where the value came from: body, query, path, header
    parts = [_part(one["loc"][1:], one["msg"]) for one in error.errors()]
    first = parts[0] if parts else _part((), "invalid")
    return Problem(status=422, kind="invalid", detail=f"{first['pointer']}: {first['detail']}", errors=parts)


def _part(location: Sequence[int | str], message: str) -> dict[str, str]:
    pointer = "#" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in location if step != "")
    return {"pointer": pointer, "detail": message.removeprefix("Value error, ")}


def _http(error: HTTPException) -> Problem:
    phrase = HTTPStatus(error.status_code).phrase
    kind = phrase.lower().replace(" ", "-").replace("'", "")
    detail = "" if error.detail == phrase else str(error.detail)
    return Problem(status=error.status_code, kind=kind, detail=detail, headers=error.headers or {})


async def answer_problem(request: Request, error: Exception) -> Response:
    """Starlette's exception handler for all that is expected."""
    return problem_of(error).response(request.url.path)
