"""The plan file: JSON in the words of the contracts, read and checked, as routes. Pure: bytes in, routes out.

What is wrong is said with its place in the file (`routes[2].stops[0].lat: ...`), the first problem only.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec

from fleet.errors import OutriderError
from fleet.route import DEFAULT_ARRIVAL_RADIUS_M, Route, Stop

Latitude = Annotated[float, msgspec.Meta(ge=-90.0, le=90.0)]
Longitude = Annotated[float, msgspec.Meta(ge=-180.0, le=180.0)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
#: A circle that no tracker could hit, or that holds a whole country, is a mistake.
Radius = Annotated[float, msgspec.Meta(ge=1.0, le=100_000.0)]
Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=7 * 86_400.0)]

_MOST_NAMED: Final = 80


class InvalidPlan(OutriderError):
    """The plan file cannot be used; `where` is the place in it, `problem` what is wrong there."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"the plan is not valid: {where}: {problem}" if where else f"the plan is not valid: {problem}")
        self.where = where
        self.problem = problem


class _Stop(msgspec.Struct, kw_only=True):
    id: Text
    seq: int
    lat: Latitude
    lon: Longitude
    place: str | None = None
    name: str | None = None
    arrival_radius_m: Radius = DEFAULT_ARRIVAL_RADIUS_M
    min_dwell_s: Seconds | None = None
    planned_arrival: Instant | None = None
    window: tuple[Instant, Instant] | None = None
    service_s: Seconds | None = None
    orders: list[Text] = []


class _Route(msgspec.Struct, kw_only=True):
    id: Text
    vehicle: Text
    starts_at: Instant
    stops: Annotated[list[_Stop], msgspec.Meta(min_length=1)]


class _Plan(msgspec.Struct, kw_only=True):
    routes: list[_Route]


_DECODER: Final = msgspec.json.Decoder(_Plan)


def parse_plan(data: bytes, *, tenant: str) -> list[Route]:
    """The routes of a plan file, in its order; stops in order of `seq`. Raises InvalidPlan."""
    try:
        plan = _DECODER.decode(data)
    except msgspec.ValidationError as problem:
        text, _, where = str(problem).partition(" - at ")
        raise InvalidPlan(where.strip("`").removeprefix("$."), text) from problem
    except msgspec.DecodeError as problem:
        raise InvalidPlan("", f"no JSON: {problem}") from problem
    _check(plan)
    return [_route(route, tenant) for route in plan.routes]


def _check(plan: _Plan) -> None:
    """What the types alone do not say."""
    _unique(plan.routes, lambda route: route.id, "routes", "id")
    stops = [
        (f"routes[{at}].stops[{index}]", stop) for at, route in enumerate(plan.routes) for index, stop in enumerate(route.stops)
    ]
    seen: dict[str, str] = {}
    for where, stop in stops:
        if stop.id in seen:
            raise InvalidPlan(f"{where}.id", f"{_quoted(stop.id)} is the id of {seen[stop.id]} already")
        seen[stop.id] = where
        if stop.window is not None and stop.window[0] > stop.window[1]:
            raise InvalidPlan(f"{where}.window", "ends before it begins")
    for at, route in enumerate(plan.routes):
        _unique(route.stops, lambda stop: stop.seq, f"routes[{at}].stops", "seq")


def _unique(items: Sequence[Any], key: Callable[[Any], Hashable], where: str, name: str) -> None:
    first: dict[Hashable, int] = {}
    for index, value in enumerate(map(key, items)):
        if value in first:
            raise InvalidPlan(f"{where}[{index}].{name}", f"{_quoted(value)} is the {name} of {where}[{first[value]}] already")
        first[value] = index


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_NAMED else text[: _MOST_NAMED - 3] + "..."


def _route(route: _Route, tenant: str) -> Route:
    stops: Iterable[_Stop] = sorted(route.stops, key=lambda stop: stop.seq)
    return Route(
        id=route.id,
        tenant=tenant,
        vehicle=route.vehicle,
        starts_at=route.starts_at.astimezone(UTC),
        stops=tuple(map(_stop, stops)),
    )


def _stop(stop: _Stop) -> Stop:
    window_from, window_to = stop.window if stop.window is not None else (None, None)
    return Stop(
        id=stop.id,
        seq=stop.seq,
        lat=stop.lat,
        lon=stop.lon,
        place=stop.place,
        name=stop.name,
        arrival_radius_m=stop.arrival_radius_m,
        min_dwell_s=stop.min_dwell_s,
        planned_arrival=_utc(stop.planned_arrival),
        window_from=_utc(window_from),
        window_to=_utc(window_to),
        service_s=stop.service_s,
        orders=tuple(stop.orders),
    )


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)
