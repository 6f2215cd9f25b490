"""/v1/fences, and their import and export as GeoJSON."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError

from api.access.authenticate import Operator, Viewer
from api.answers import Asked, PageAsked, answer, place_of
from api.idempotency import new_id, once
from api.models.base import Id
from api.models.fence_groups import FenceGroupBody, FenceGroupOut, group_json, group_of
from api.models.fences import (
    FeatureCollectionOut,
    FenceBody,
    FenceOut,
    FencesImported,
    body_of_feature,
    feature_of,
    fence_json,
    fence_of,
)
from api.rest.crud import READ_PROBLEMS, WRITE_PROBLEMS, Kind, crud_router
from api.services import Services, Shared
from fleet.errors import InvalidValue
from fleet.event import content_id
from fleet.fence import Fence
from fleet.fence_group import FenceGroup
from store.protocol import AlreadyExists

_GEOJSON: Final = "application/geo+json"
_FENCES_AT_ONCE: Final = 1_000
_FEATURES_MOST: Final = 100_000


class FencesAsked(PageAsked):
    tag: str | None = Field(None, description="With this tag")
    group: Id | None = Field(None, description="In this group")


FENCES: Final = Kind[Fence, FenceBody](
    name="fence",
    body=FenceBody,
    out=FenceOut,
    asked=FencesAsked,
    repository=lambda store: store.fences,
    to_domain=fence_of,
    to_json=fence_json,
)

FENCE_GROUPS: Final = Kind[FenceGroup, FenceGroupBody](
    name="fence-group",
    body=FenceGroupBody,
    out=FenceGroupOut,
    asked=PageAsked,
    repository=lambda store: store.fence_groups,
    to_domain=group_of,
    to_json=group_json,
)

geojson_router: Final = APIRouter(tags=["fences"])


@geojson_router.get(
    "/v1/fences:export",
    summary="All fences as a GeoJSON FeatureCollection",
    response_model=FeatureCollectionOut,
    responses=READ_PROBLEMS,
)
async def export_fences(services: Shared, asked: Annotated[Asked, Query()], principal: Viewer) -> Response:
    tenant = principal.reads(asked.tenant)
    features: list[dict[str, Any]] = []
    after = None
    while found := await services.store.fences.list(tenant, limit=_FENCES_AT_ONCE, after=after):
        features += [feature_of(fence) for fence in found]
        after = place_of(tenant, found[-1].tenant, found[-1].id)
    return answer({"type": "FeatureCollection", "features": features}, 200, {"content-type": _GEOJSON})


@geojson_router.post(
    "/v1/fences:import",
    summary="Create or replace fences from a GeoJSON FeatureCollection",
    description="All features are checked before the first one is stored. A feature without an id gets one from its content, "
    "so that importing a file twice makes no second fence. Groups that are not there yet are made, without settings.",
    response_model=FencesImported,
    responses=WRITE_PROBLEMS,
)
async def import_fences(
    request: Request,
    services: Shared,
    asked: Annotated[Asked, Query()],
    body: Annotated[dict[str, Any], Body(description="GeoJSON FeatureCollection, or one Feature")],
    principal: Operator,
) -> Response:
    tenant = principal.writes(asked.tenant, services.settings.default_tenant)
    features = body.get("features") if body.get("type") == "FeatureCollection" else [body]
    if not isinstance(features, list) or len(features) > _FEATURES_MOST:
        raise InvalidValue("features", f"has to be a list of at most {_FEATURES_MOST} features")
    fences = [_fence(tenant, number, feature) for number, feature in enumerate(features)]

    async def make(_seed: str | None) -> Response:
        await _make_groups(services, tenant, fences)
        created = sum([await _put(services, fence) for fence in fences])
        return answer({"created": created, "replaced": len(fences) - created})

    return await once(request, services, tenant, make)


def _fence(tenant: str, number: int, feature: Any) -> Fence:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise InvalidValue(f"features.{number}", "is no Feature")
    try:
        body = FenceBody.model_validate(body_of_feature(feature))
        return fence_of(tenant, body.id or new_id("fence", content_id("feature", body.model_dump_json())), body, None)
    except ValidationError as error:
        errors = [{**one, "loc": ("body", "features", number, *one["loc"])} for one in error.errors(include_url=False)]
        raise RequestValidationError(errors) from error
    except InvalidValue as error:
        raise InvalidValue(f"features.{number}.{error.field}", error.problem) from error


async def _make_groups(services: Services, tenant: str, fences: list[Fence]) -> None:
    """Those that are not there yet."""
    for group in dict.fromkeys(group for fence in fences for group in fence.groups):
        with suppress(AlreadyExists):
            await services.store.fence_groups.create(FenceGroup(id=group, tenant=tenant, name=group))


async def _put(services: Services, fence: Fence) -> bool:
    """Whether it was new."""
    try:
        await services.store.fences.create(fence)
    except AlreadyExists:
        await services.store.fences.replace(fence)
        return False
    return True


def routers() -> list[APIRouter]:
    return [geojson_router, crud_router(FENCES), crud_router(FENCE_GROUPS)]
