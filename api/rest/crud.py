"""POST, GET, PATCH and DELETE of one kind of thing, the same way for every kind.

No `from __future__ import annotations` here: FastAPI reads the handlers' annotations, which name the kind's own models.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Generic, Protocol, TypeVar

from fastapi import APIRouter, Body, Depends, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from api.access.authenticate import Viewer
from api.access.principal import Principal
from api.answers import Asked, Page, PageAsked, decode_cursor, entity, page, place_of, require_match
from api.idempotency import new_id, once
from api.merge_patch import merge_patch
from api.problems import ProblemDocument
from api.rest.changing import until_unchanged
from api.rest.locate import Owned, get_one
from api.services import Services, Shared
from fleet.access import Role
from fleet.errors import InvalidValue
from store.protocol import AlreadyExists, Repository, Store


class Thing(Owned, Protocol):
    """What every kind has."""

    @property
    def id(self) -> str: ...


#: Any text: some trackers' idents hold a slash.
ThingId = Annotated[str, Path(alias="id", max_length=256, description="Its id, unique within the tenant")]


T = TypeVar("T", bound=Thing)
B = TypeVar("B", bound=BaseModel)

Problems = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Problems:
    """The OpenAPI entries of error answers."""
    content = {
        "application/problem+json": {"schema": ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")}
    }
    return {status: {"model": ProblemDocument, "description": HTTPStatus(status).phrase, "content": content} for status in statuses}


READ_PROBLEMS: Problems = problems(400, 401, 403, 404, 409, 422, 503)
WRITE_PROBLEMS: Problems = problems(400, 401, 403, 404, 409, 412, 413, 422, 503)


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[T, B]):
    """What the handlers have to know of a kind."""

    #: Singular, as in `/v1/vehicles` without the s.
    name: str
    body: type[B]
    out: type[BaseModel]
    #: What creating answers, where that is more than `out`.
    created: type[BaseModel] | None = None
    #: The list's query parameters; those that PageAsked does not have are filters of the repository.
    asked: type[PageAsked]
    repository: Callable[[Store], Repository[T]]
    to_domain: Callable[[str, str, B, T | None], T]
    to_json: Callable[[T], dict[str, Any]]
    #: The thing as it would be created: what a merge patch is applied to. None: the members of `to_json` that `body` has.
    to_body: Callable[[T], dict[str, Any]] | None = None
    #: What creating answers, where that is more than `to_json`.
    to_created_json: Callable[[T], dict[str, Any]] | None = None
    reader: Role = Role.VIEWER
    writer: Role = Role.OPERATOR
    #: Refuses, by raising, what the installation does not allow.
    check: Callable[[Services, B], None] = lambda _services, _body: None

    def filters(self, asked: PageAsked) -> dict[str, str]:
        names = self.asked.model_fields.keys() - PageAsked.model_fields.keys()
        return {name: str(value) for name in sorted(names) if (value := getattr(asked, name)) is not None}

    def patchable(self, item: T) -> dict[str, Any]:
        if self.to_body is not None:
            return self.to_body(item)
        return {name: value for name, value in self.to_json(item).items() if name in self.body.model_fields}


def crud_router(kind: Kind[T, B]) -> APIRouter:
    """The five handlers of a kind under `/v1/<name>s`."""
    router = APIRouter(prefix=f"/v1/{kind.name}s", tags=[f"{kind.name}s"])
    _add_list(router, kind)
    _add_create(router, kind)
    _add_get(router, kind)
    _add_patch(router, kind)
    _add_delete(router, kind)
    return router


def allow(role: Role) -> Any:
    """A dependency: the caller, who has at least this role."""

    async def allowed(principal: Viewer) -> Principal:
        principal.require(role)
        return principal

    return Depends(allowed)


def _add_list(router: APIRouter, kind: Kind[T, B]) -> None:
    asked_model, out = kind.asked, kind.out

    async def list_them(
        services: Shared,
        asked: Annotated[asked_model, Query()],  # type: ignore[valid-type] # FastAPI reads it at run time
        principal: Annotated[Principal, allow(kind.reader)],
    ) -> Response:
        query: PageAsked = asked
        tenant = principal.reads(query.tenant)
        after = decode_cursor(query.cursor)
        repository = kind.repository(services.store)
        found = await repository.list(tenant, limit=query.limit + 1, after=after, **kind.filters(query))
        return page(found, query.limit, kind.to_json, lambda item: place_of(tenant, item.tenant, item.id))

    router.add_api_route(
        "",
        list_them,
        methods=["GET"],
        name=f"list_{kind.name}s",
        summary=f"List {kind.name}s, by id",
        response_model=Page[out],  # type: ignore[valid-type] # FastAPI reads it at run time
        responses=READ_PROBLEMS,
    )


def _add_create(router: APIRouter, kind: Kind[T, B]) -> None:
    body_model = kind.body

    async def create(
        request: Request,
        services: Shared,
        asked: Annotated[Asked, Query()],
        body: Annotated[body_model, Body()],  # type: ignore[valid-type] # FastAPI reads it at run time
        principal: Annotated[Principal, allow(kind.writer)],
    ) -> Response:
        tenant = principal.writes(asked.tenant, services.settings.default_tenant)
        kind.check(services, body)

        async def make(seed: str | None) -> Response:
            item = await _create(kind, services, tenant, body, seed)
            to_json = kind.to_created_json or kind.to_json
            return entity(to_json(item), request.headers, 201, {"location": f"/v1/{kind.name}s/{item.id}"})

        return await once(request, services, tenant, make)

    router.add_api_route(
        "",
        create,
        methods=["POST"],
        name=f"create_{kind.name}",
        summary=f"Create a {kind.name}",
        description="Takes an `Idempotency-Key` header: the same request again gets the same answer.",
        status_code=201,
        response_model=kind.created or kind.out,
        responses=WRITE_PROBLEMS,
    )


async def _create(kind: Kind[T, B], services: Services, tenant: str, body: B, seed: str | None) -> T:
    given = getattr(body, "id", None)
    repository = kind.repository(services.store)
    item = kind.to_domain(tenant, given or new_id(kind.name, seed), body, None)
    try:
        return await repository.create(item)
    except AlreadyExists:
        if given is not None or seed is None:
            raise
        # the id derives from the Idempotency-Key: this is the thing that the first request made before it could answer
        return await repository.get(tenant, item.id)


def _add_get(router: APIRouter, kind: Kind[T, B]) -> None:
    async def get(
        request: Request,
        services: Shared,
        thing: ThingId,
        asked: Annotated[Asked, Query()],
        principal: Annotated[Principal, allow(kind.reader)],
    ) -> Response:
        item = await get_one(kind.repository(services.store), principal.reads(asked.tenant), thing)
        return entity(kind.to_json(item), request.headers)

    router.add_api_route(
        "/{id:path}",
        get,
        methods=["GET"],
        name=f"get_{kind.name}",
        summary=f"One {kind.name}",
        response_model=kind.out,
        responses={**READ_PROBLEMS, 304: {"description": "It is as If-None-Match says"}},
    )


def _add_patch(router: APIRouter, kind: Kind[T, B]) -> None:
    async def patch(
        request: Request,
        services: Shared,
        thing: ThingId,
        asked: Annotated[Asked, Query()],
        body: Annotated[dict[str, Any], Body(description="JSON merge patch (RFC 7396) of what POST takes; null removes")],
        principal: Annotated[Principal, allow(kind.writer)],
    ) -> Response:
        repository = kind.repository(services.store)

        async def change() -> T:
            current = await get_one(repository, principal.reads(asked.tenant), thing)
            require_match(kind.to_json(current), request.headers)
            merged = patched(kind.body, kind.patchable(current), body, thing)
            kind.check(services, merged)
            return await repository.replace(kind.to_domain(current.tenant, thing, merged, current), only_if=current)

        return entity(kind.to_json(await until_unchanged(change)), request.headers)

    router.add_api_route(
        "/{id:path}",
        patch,
        methods=["PATCH"],
        name=f"patch_{kind.name}",
        summary=f"Change a {kind.name}",
        response_model=kind.out,
        responses=WRITE_PROBLEMS,
    )


def patched(model: type[B], current: Mapping[str, Any], patch: dict[str, Any], id: str) -> B:  # noqa: A002 - the domain's word
    """The body after the patch. Raises RequestValidationError, or InvalidValue where it would get another id."""
    merged = merge_patch(current, patch)
    if merged.get("id", id) != id:
        raise InvalidValue("id", "cannot be changed")
    try:
        return model.model_validate(merged)
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]) from error


def _add_delete(router: APIRouter, kind: Kind[T, B]) -> None:
    async def delete(
        request: Request,
        services: Shared,
        thing: ThingId,
        asked: Annotated[Asked, Query()],
        principal: Annotated[Principal, allow(kind.writer)],
    ) -> Response:
        repository = kind.repository(services.store)

        async def delete_it() -> None:
            current = await get_one(repository, principal.reads(asked.tenant), thing)
            require_match(kind.to_json(current), request.headers)
            await repository.delete(current.tenant, thing, only_if=current)

        await until_unchanged(delete_it)
        return Response(status_code=204)

    router.add_api_route(
        "/{id:path}",
        delete,
        methods=["DELETE"],
        name=f"delete_{kind.name}",
        summary=f"Delete a {kind.name}",
        status_code=204,
        response_class=Response,
        responses=WRITE_PROBLEMS,
    )
