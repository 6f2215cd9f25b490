"""Routes with their stops, what became of them, and the import of whole plans."""

from __future__ import annotations

import builtins
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from fleet.clock import to_micros
from fleet.route import Delay, Eta, Route, RouteStatus, Stop, StopStatus
from store.errors import AlreadyExists, NotFound, StoreError
from store.postgres.arrays import Float8s, Instants, Int4s, Texts
from store.postgres.database import Connection, rows
from store.postgres.places import lock_places, placed
from store.postgres.queries import Queries
from store.postgres.repository import PostgresRepository, Row, change, page_params
from store.records import RouteProgress, StopProgress
from store.refusals import refuse_twice
from store.storable import dump_json

_SQL: Final = Queries("routes")
_TRACKERS: Final = Queries("trackers")
#: (tenant's key, route)
_Place = tuple[int, str]


class RouteRepository(PostgresRepository[Route]):
    kind = "route"
    filters = frozenset({"vehicle", "status", "stop"})
    sql = _SQL

    async def import_all(self, routes: Sequence[Route]) -> int:
        """Create or replace all of them in one transaction; a handful of statements, however many there are."""
        refuse_twice("route", ((route.tenant, route.id) for route in routes))
        refuse_twice("stop", ((route.tenant, stop.id) for route in routes for stop in route.stops))
        if not routes:
            return 0
        await self._tenants.ensure({route.tenant for route in routes})
        async with self._database.transaction() as connection:
            await lock_places(connection, self._route_columns(routes))
            resolved = await self._resolve(connection, routes)
            await self._refuse_foreign(connection, resolved)
            await connection.execute(_SQL["put"], self._route_columns(resolved))
            await self._put_stops(connection, resolved)
            tenants = {route.tenant for route in routes}
            await connection.execute(_TRACKERS["tell"], {"change": change("route", tenants.pop() if len(tenants) == 1 else None)})
        return len(routes)

    async def world(self, horizon_s: float) -> tuple[builtins.list[Route], dict[tuple[str, str], int]]:
        """Those that are not done, or became so within the horizon; and the keys of their vehicles, by (tenant, vehicle)."""
        params = {"horizon": f"{horizon_s} seconds"}
        async with self._database.connection() as connection:
            found = await self._load_all(connection, await rows(connection, _SQL["world"], params))
            keys = await rows(connection, _SQL["world_keys"], params)
        return found, {(tenant, vehicle): key for tenant, vehicle, key in keys}

    async def progress(
        self, tenant: str | None, *, routes: Sequence[str], vehicle: str | None, limit: int, after: str | None
    ) -> builtins.list[RouteProgress]:
        params = {
            "ids": list(routes) or None,
            "vehicle": vehicle,
            **await page_params(self._tenants, tenant, limit, after),
        }
        async with self._database.connection() as connection:
            found = await rows(connection, _SQL.narrowed("select", params), params)
            loaded = await self._load_all(connection, found)
            states = await _states(connection, found)
        return [_progress(route, row, states[row[4], row[1]]) for route, row in zip(loaded, found, strict=True)]

    async def etas(self, tenant: str, route: str) -> builtins.list[Eta]:
        params = {"tenant_id": await self._tenants.id(tenant), "route": route}
        found = await self._database.fetch(_SQL["etas"], params)
        return [_eta(tenant, row) for row in found]

    async def _write(self, connection: Connection, item: Route, how: str, otherwise: StoreError) -> Route:
        refuse_twice("stop", ((item.tenant, stop.id) for stop in item.stops))
        params = self._params(item)
        await lock_places(connection, self._route_columns([item]))
        if not await rows(connection, _SQL[how], params):
            raise otherwise
        if (await connection.execute(_SQL["has_vehicle"], params)).rowcount == 0:
            raise NotFound("vehicle", item.vehicle)
        await self._refuse_foreign(connection, [item])
        (put,) = await self._put_stops(connection, [item])
        await connection.execute(_TRACKERS["tell"], params)
        return replace(put, stops=tuple(sorted(put.stops, key=lambda stop: (stop.seq, stop.id))))

    async def _resolve(self, connection: Connection, routes: Sequence[Route]) -> builtins.list[Route]:
        """The routes with the vehicles that their trackers' idents mean."""
        pairs = sorted({(self._tenants.known_id(route.tenant), route.vehicle) for route in routes})
        params = _pair_columns(pairs)
        found = await rows(connection, _SQL["vehicles_for"], params)
        new_trackers = await rows(connection, _SQL["trackers_for"], params)
        if new_trackers:
            await connection.execute(_SQL["mount_new"], _pair_columns(new_trackers))
        if new_trackers or any(is_new for *_, is_new in found):
            await connection.execute(_TRACKERS["tell"], {"change": change("vehicle")})
        vehicles = {(tenant_id, ident): vehicle for tenant_id, ident, vehicle, _ in found}
        return [replace(route, vehicle=vehicles[self._tenants.known_id(route.tenant), route.vehicle]) for route in routes]

    async def _refuse_foreign(self, connection: Connection, routes: Sequence[Route]) -> None:
        params = {**self._route_columns(routes), **self._stop_columns(routes)}
        for (stop,) in await rows(connection, _SQL["foreign_stops"], params):
            raise AlreadyExists("stop", stop)

    async def _put_stops(self, connection: Connection, routes: Sequence[Route]) -> builtins.list[Route]:
        """As they were put: with the stops where their places are."""
        planned = [replace(route, stops=tuple(stop.as_planned() for stop in route.stops)) for route in routes]
        put = await placed(connection, planned, self._stop_columns(planned), self._tenants)
        params = {**self._route_columns(put), **self._stop_columns(put)}
        for step in ("forget_states", "drop_stops", "add_stops"):
            await connection.execute(_SQL[step], params)
        return put

    def _route_columns(self, routes: Sequence[Route]) -> dict[str, Any]:
        return {
            "tenants": Int4s(np.array([self._tenants.known_id(route.tenant) for route in routes], np.int32)),
            "routes": Texts([route.id for route in routes]),
            "vehicles": Texts([route.vehicle for route in routes]),
            "starts_at": Instants(np.array([to_micros(route.starts_at) for route in routes], np.int64)),
        }

    def _stop_columns(self, routes: Sequence[Route]) -> dict[str, Any]:
        placed = [(self._tenants.known_id(route.tenant), route.id, stop) for route in routes for stop in route.stops]
        stops = [stop for _, _, stop in placed]
        return {
            "stop_tenants": Int4s(np.array([tenant_id for tenant_id, _, _ in placed], np.int32)),
            "stop_routes": Texts([route for _, route, _ in placed]),
            "stops": Texts([stop.id for stop in stops]),
            "seqs": Int4s(np.array([stop.seq for stop in stops], np.int32)),
            "lats": Float8s(np.array([stop.lat for stop in stops], np.float64)),
            "lons": Float8s(np.array([stop.lon for stop in stops], np.float64)),
            "places": Texts([stop.place for stop in stops]),
            "names": Texts([stop.name for stop in stops]),
            "radii": Float8s(np.array([stop.arrival_radius_m for stop in stops], np.float64)),
            "dwells": [stop.min_dwell_s for stop in stops],
            "planned": [stop.planned_arrival for stop in stops],
            "windows_from": [stop.window_from for stop in stops],
            "windows_to": [stop.window_to for stop in stops],
            "services": [stop.service_s for stop in stops],
            "orders": Texts([dump_json(stop.orders).decode() for stop in stops]),
            "planned_lats": [stop.planned_lat for stop in stops],
            "planned_lons": [stop.planned_lon for stop in stops],
        }

    async def _load_all(self, connection: Connection, found: builtins.list[Row]) -> builtins.list[Route]:
        """The routes of `select`, each with its stops."""
        stops: Mapping[_Place, builtins.list[Stop]] = defaultdict(list)
        if found:
            for tenant_id, route, *fields in await rows(connection, _SQL["stops"], _place_columns(found)):
                stops[tenant_id, route].append(_stop(fields))
        return [replace(self._load(row), stops=tuple(stops[row[4], row[1]])) for row in found]

    def _columns(self, item: Route) -> dict[str, Any]:
        return {"vehicle": item.vehicle, "starts_at": item.starts_at}

    def _load(self, row: Row) -> Route:
        tenant, id_, vehicle, starts_at, _, _ = row
        return Route(id=id_, tenant=tenant, vehicle=vehicle, starts_at=starts_at, stops=())


async def _states(connection: Connection, found: Sequence[Row]) -> Mapping[_Place, dict[str, Row]]:
    """What became of the stops of these routes."""
    states: Mapping[_Place, dict[str, Row]] = defaultdict(dict)
    if found:
        for tenant_id, route, stop, *fields in await rows(connection, _SQL["progress"], _place_columns(found)):
            states[tenant_id, route][stop] = tuple(fields)
    return states


def _pair_columns(pairs: Iterable[Row]) -> dict[str, Any]:
    tenant_ids, idents = zip(*pairs, strict=True)
    return {"tenants": Int4s(np.array(tenant_ids, np.int32)), "idents": Texts(list(idents))}


def _place_columns(found: Sequence[Row]) -> dict[str, Any]:
    return {"tenants": Int4s(np.array([row[4] for row in found], np.int32)), "routes": Texts([row[1] for row in found])}


def _stop(fields: Sequence[Any]) -> Stop:
    id_, seq, lat, lon, place, name, radius_m, min_dwell_s, planned, window_from, window_to, service_s, orders, *pin = fields
    return Stop(
        id=id_,
        seq=seq,
        lat=lat,
        lon=lon,
        place=place,
        name=name,
        arrival_radius_m=radius_m,
        min_dwell_s=min_dwell_s,
        planned_arrival=planned,
        window_from=window_from,
        window_to=window_to,
        service_s=service_s,
        orders=tuple(orders),
        planned_lat=pin[0],
        planned_lon=pin[1],
    )


def _progress(route: Route, row: Row, states: Mapping[str, Row]) -> RouteProgress:
    stops = {stop.id: _stop_progress(route, stop.id, states.get(stop.id)) for stop in route.stops}
    return RouteProgress(route=route, status=RouteStatus(row[5]), stops=stops)


def _stop_progress(route: Route, stop: str, state: Row | None) -> StopProgress:
    if state is None:
        return StopProgress(stop=stop)
    status, delay, arrived_at, departed_at, eta_at, eta_vehicle, *quantiles = state
    eta = None if eta_at is None else _eta(route.tenant, (eta_at, eta_vehicle, route.id, stop, *quantiles))
    return StopProgress(
        stop=stop,
        status=StopStatus(status),
        delay=Delay(delay),
        arrived_at=arrived_at,
        departed_at=departed_at,
        eta=eta,
    )


def _eta(tenant: str, row: Sequence[Any]) -> Eta:
    at, vehicle, route, stop, p10, p50, p90, shown = row
    return Eta(tenant=tenant, at=at, vehicle=vehicle, route=route, stop=stop, p10=p10, p50=p50, p90=p90, shown=shown)
