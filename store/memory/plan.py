"""Routes with their stops, and what became of them, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from fleet.outcome import Outcome, RouteState
from fleet.place_decision import OPEN, PlaceDecision
from fleet.route import Eta, Route, RouteStatus, Stop, StopState
from store.errors import AlreadyExists
from store.memory.fleet import Changed, FleetTables
from store.memory.places import PlaceBook
from store.memory.repository import MemoryRepository, page_places, reject_unstorable
from store.records import RouteProgress, StopProgress
from store.refusals import refuse_twice

Place = tuple[str, str]


class RouteRepository(MemoryRepository[Route]):
    """Also owns the states of routes and stops: they go when the route goes. Stops are kept where their places are."""

    def __init__(self, fleet: FleetTables, places: PlaceBook, clock: Callable[[], datetime], changed: Changed) -> None:
        filters = {
            "vehicle": lambda route, text: route.vehicle == text,
            "status": lambda route, text: self.status(route) == text,
            "stop": lambda route, text: any(stop.id == text for stop in route.stops),
        }
        super().__init__("route", clock=clock, filters=filters, changed=changed)
        self._fleet = fleet
        self._places = places
        places.move = self._move
        self._states: dict[Place, RouteState] = {}
        self._route_of_stop: dict[Place, str] = {}
        self._stop_states: dict[Place, StopState] = {}
        self._etas: dict[Place, Eta] = {}
        self.eta_history: dict[tuple[str, str, str, datetime], Eta] = {}

    async def create(self, item: Route) -> Route:
        await self._fleet.vehicles.get(item.tenant, item.vehicle)
        return await super().create(item)

    async def replace(self, item: Route, *, only_if: Route | None = None) -> Route:
        self._kept(item.tenant, item.id)
        self._require(only_if)
        await self._fleet.vehicles.get(item.tenant, item.vehicle)
        return await super().replace(item, only_if=only_if)

    def import_all(self, routes: Sequence[Route]) -> int:
        reject_unstorable(*routes)
        refuse_twice("route", ((route.tenant, route.id) for route in routes))
        refuse_twice("stop", ((route.tenant, stop.id) for route in routes for stop in route.stops))
        replaced = {(route.tenant, route.id) for route in routes}
        for route in routes:
            self._refuse_foreign_stops(route, replaced)
        for route in routes:
            self._forget_stops(route)
        for route in routes:
            self._put(replace(route, vehicle=self._fleet.vehicle_for(route.tenant, route.vehicle)))
        return len(routes)

    def status(self, route: Route) -> RouteStatus:
        state = self._states.get((route.tenant, route.id))
        return state.status if state else RouteStatus.PLANNED

    def under_way(self, tenant: str, vehicle: str) -> str | None:
        """The route that a vehicle is on; the later one of several."""
        routes = [
            route
            for place, state in self._states.items()
            if state.status is RouteStatus.UNDER_WAY and place[0] == tenant and (route := self.items[place]).vehicle == vehicle
        ]
        return max(routes, key=lambda route: (route.starts_at, route.id)).id if routes else None

    def take_in(self, outcome: Outcome) -> None:
        """States and predictions of the stops and routes that there are."""
        for state in outcome.routes:
            if (state.tenant, state.route) in self.items:
                self._states[state.tenant, state.route] = state
        for stop in outcome.stops:
            if self._route_of_stop.get((stop.tenant, stop.stop)) == stop.route:
                self._stop_states[stop.tenant, stop.stop] = stop
        for eta in outcome.etas:
            place = (eta.tenant, eta.stop)
            if self._route_of_stop.get(place) != eta.route:
                continue
            self.eta_history.setdefault((eta.tenant, eta.route, eta.stop, eta.at), eta)
            if place not in self._etas or self._etas[place].at <= eta.at:
                self._etas[place] = eta

    def progress(
        self, tenant: str | None, routes: Sequence[str], vehicle: str | None, limit: int, after: str | None
    ) -> list[RouteProgress]:
        places = page_places(self.items, tenant, after)
        found = (self.items[place] for place in places if not routes or place[1] in routes)
        wanted = (route for route in found if vehicle is None or route.vehicle == vehicle)
        return [self._progress(route) for route, _ in zip(wanted, range(limit), strict=False)]

    def drop_etas_before(self, end: datetime) -> int:
        over = [place for place in self.eta_history if place[3] < end]
        for place in over:
            del self.eta_history[place]
        return len(over)

    def etas(self, tenant: str, route: str) -> list[Eta]:
        kept = self.items.get((tenant, route))
        if kept is None:
            return []
        return [self._etas[tenant, stop.id] for stop in kept.stops if (tenant, stop.id) in self._etas]

    def _progress(self, route: Route) -> RouteProgress:
        stops = {stop.id: self._stop_progress(route.tenant, stop.id) for stop in route.stops}
        return RouteProgress(route=route, status=self.status(route), stops=stops)

    def _stop_progress(self, tenant: str, stop: str) -> StopProgress:
        state, eta = self._stop_states.get((tenant, stop)), self._etas.get((tenant, stop))
        if state is None:
            return StopProgress(stop=stop, eta=eta)
        return StopProgress(
            stop=stop,
            status=state.status,
            delay=state.delay,
            arrived_at=state.arrived_at,
            departed_at=state.departed_at,
            eta=eta,
        )

    def _put(self, item: Route) -> Route:
        refuse_twice("stop", ((item.tenant, stop.id) for stop in item.stops))
        self._refuse_foreign_stops(item, {(item.tenant, item.id)})
        item = replace(item, stops=tuple(self._placed(item, stop.as_planned()) for stop in item.stops))
        self._forget_stops(item)
        for stop in item.stops:
            self._route_of_stop[item.tenant, stop.id] = item.id
        return super()._put(replace(item, stops=tuple(sorted(item.stops, key=lambda stop: (stop.seq, stop.id)))))

    def _placed(self, route: Route, stop: Stop) -> Stop:
        """The stop, given at the plan's own pin, where its place is; one that was reached stays where it was then."""
        before = self.items.get((route.tenant, route.id))
        kept = next((one for one in before.stops if one.id == stop.id), None) if before else None
        if kept is not None and not self._is_open(route.tenant, stop.id):
            planned = kept.as_planned()
            if (planned.lat, planned.lon, planned.place) == (stop.lat, stop.lon, stop.place) and stop.place is not None:
                return stop.moved_to(kept.lat, kept.lon)
        return self._places.placed(route.tenant, stop)

    def _is_open(self, tenant: str, stop: str) -> bool:
        state = self._stop_states.get((tenant, stop))
        return state is None or state.status in OPEN

    def _move(self, decision: PlaceDecision) -> int:
        """Put stops that are still to come at a place, on routes that are not over, where it was decided to be."""
        moved = 0
        for route in [one for one in self.items.values() if one.tenant == decision.tenant]:
            chosen = {
                stop.id
                for stop in route.stops
                if stop.place == decision.id
                and (decision.step.has_position or stop.is_moved)
                and self._is_open(route.tenant, stop.id)
            }
            if chosen and self.status(route) is not RouteStatus.DONE:
                self._put(route)
                moved += len(chosen)
        return moved

    def _remove(self, tenant: str, id_: str) -> None:
        self._forget_stops(replace(self.items[tenant, id_], stops=()))
        self._states.pop((tenant, id_), None)
        super()._remove(tenant, id_)

    def _refuse_foreign_stops(self, route: Route, replaced: set[Place]) -> None:
        for stop in route.stops:
            owner = self._route_of_stop.get((route.tenant, stop.id))
            if owner is not None and (route.tenant, owner) not in replaced:
                raise AlreadyExists("stop", stop.id)

    def _forget_stops(self, route: Route) -> None:
        """Take the route's stops away; the states of those that it keeps stay."""
        kept = self.items.get((route.tenant, route.id))
        staying = {stop.id for stop in route.stops}
        for stop in kept.stops if kept else ():
            place = (route.tenant, stop.id)
            if self._route_of_stop.get(place) != route.id:
                continue
            del self._route_of_stop[place]
            if stop.id not in staying:
                self._stop_states.pop(place, None)
                self._etas.pop(place, None)
