"""Hands the simulated fleet's plan to the API, as any customer's planning system would: vehicles, fences, routes, orders."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import httpx
import numpy as np

from firmware_sim.road_graph import RoadGraph
from firmware_sim.rounds import Round
from fleet.errors import OutriderError
from fleet.geodesy import METRES_PER_DEGREE, metres_per_degree_lon

#: Requests under way at a time.
_AT_ONCE: Final = 8


class PlanRefused(OutriderError):
    """The API did not take the plan; the text says what it answered."""


class Planner(Protocol):
    """Where a plan goes."""

    async def add_vehicles(self, idents: Sequence[str]) -> None: ...

    async def add_fences(self, fences: Iterable[Mapping[str, Any]]) -> None: ...

    async def add_rounds(self, rounds: Sequence[Round]) -> None: ...


class NoPlanner:
    """Trackers that report without anybody having planned anything."""

    async def add_vehicles(self, idents: Sequence[str]) -> None:
        """Nothing to tell."""

    async def add_fences(self, fences: Iterable[Mapping[str, Any]]) -> None:
        """Nothing to tell."""

    async def add_rounds(self, rounds: Sequence[Round]) -> None:
        """Nothing to tell."""


class PlanFile:
    """Into a plan file: all rounds so far, written again whenever some are added."""

    def __init__(self, write: Callable[[dict[str, Any]], object]) -> None:
        self._write = write
        self._routes: list[dict[str, Any]] = []

    async def add_vehicles(self, idents: Sequence[str]) -> None:
        """A plan file does not list vehicles."""

    async def add_fences(self, fences: Iterable[Mapping[str, Any]]) -> None:
        """A plan file does not list fences."""

    async def add_rounds(self, rounds: Sequence[Round]) -> None:
        self._routes += [dict(one.route) for one in rounds]
        self._write({"routes": self._routes})


class ApiPlanner:
    """Over REST. What exists already (a second run against the same server) is left as it is."""

    def __init__(self, client: httpx.AsyncClient, tenant: str) -> None:
        self._client = client
        self._tenant = tenant

    async def add_vehicles(self, idents: Sequence[str]) -> None:
        names = ((ident, ident.replace("-", " ").capitalize()) for ident in idents)
        await self._post_all(
            "/v1/vehicles", [{"id": ident, "name": name, "tracker": ident, "tags": ["simulated"]} for ident, name in names]
        )

    async def add_fences(self, fences: Iterable[Mapping[str, Any]]) -> None:
        await self._post_all("/v1/fences", fences)

    async def add_rounds(self, rounds: Sequence[Round]) -> None:
        await self._post("/v1/routes:import", {"routes": [dict(one.route) for one in rounds]})
        await self._post_all("/v1/orders", [order for one in rounds for order in one.orders])

    async def _post_all(self, path: str, bodies: Iterable[Mapping[str, Any]]) -> None:
        """Some at a time: a plan of hundreds of orders should not wait for each answer in turn, nor flood the server."""
        turns = asyncio.Semaphore(_AT_ONCE)

        async def post(body: Mapping[str, Any]) -> None:
            async with turns:
                await self._post(path, body)

        async with asyncio.TaskGroup() as group:
            for body in bodies:
                group.create_task(post(body))

    async def _post(self, path: str, body: Mapping[str, Any]) -> None:
        try:
            answer = await self._client.post(path, json=dict(body), params={"tenant": self._tenant})
        except httpx.HTTPError as problem:
            raise PlanRefused(f"{path}: {str(problem) or type(problem).__name__}") from problem
        if answer.status_code != httpx.codes.CONFLICT and answer.is_error:
            raise PlanRefused(f"{path} answered {answer.status_code}: {answer.text[:300]}")


def town_fences(graph: RoadGraph) -> list[dict[str, Any]]:
    """A few fences fitted to the graph: a depot, the centre, and a zone a quarter as large as the whole."""
    lat, lon = float(np.median(graph.lat)), float(np.median(graph.lon))
    height_m = float(np.ptp(graph.lat)) * METRES_PER_DEGREE
    width_m = float(np.ptp(graph.lon)) * metres_per_degree_lon(lat)
    depot = int(np.argmin((graph.lat - graph.lat.min()) ** 2 + (graph.lon - graph.lon.min()) ** 2))
    zone_lat, zone_lon = lat + height_m * 0.2 / METRES_PER_DEGREE, lon + width_m * 0.2 / metres_per_degree_lon(lat)
    return [
        _circle("depot", "Depot", float(graph.lat[depot]), float(graph.lon[depot]), 180.0),
        _circle("centre", "Town centre", lat, lon, min(height_m, width_m) * 0.12),
        _oval("low-emission", "Low-emission zone", zone_lat, zone_lon, width_m * 0.22, height_m * 0.2),
    ]


def _circle(identifier: str, name: str, lat: float, lon: float, radius_m: float) -> dict[str, Any]:
    geometry = {"type": "Point", "coordinates": [lon, lat]}
    return {"id": identifier, "name": name, "geometry": geometry, "radius_m": round(radius_m, 1), "tags": ["simulated"]}


def _oval(identifier: str, name: str, lat: float, lon: float, half_width_m: float, half_height_m: float) -> dict[str, Any]:
    corners = 16
    ring = []
    for corner in range(corners):
        turn = 2 * math.pi * corner / corners
        east, north = half_width_m * math.cos(turn), half_height_m * math.sin(turn)
        ring.append([round(lon + east / metres_per_degree_lon(lat), 7), round(lat + north / METRES_PER_DEGREE, 7)])
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    return {"id": identifier, "name": name, "geometry": geometry, "dwell_s": 300.0, "tags": ["simulated"]}
