"""What one step of the pipeline found. The store writes it in one transaction with the fixes that proved it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from fleet.etas import Etas
from fleet.event import Event
from fleet.route import RouteStatus, StopState
from fleet.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteState:
    tenant: str
    vehicle: str
    route: str
    status: RouteStatus
    changed_at: datetime


@dataclass(slots=True, kw_only=True)
class Outcome:
    """Lists in order of finding. Later visits and states of the same id replace earlier ones."""

    events: list[Event] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    stops: list[StopState] = field(default_factory=list)
    routes: list[RouteState] = field(default_factory=list)
    etas: Etas = field(default_factory=Etas)

    def extend(self, other: Outcome) -> None:
        """Append what another part of the same step found."""
        self.events += other.events
        self.visits += other.visits
        self.stops += other.stops
        self.routes += other.routes
        self.etas += other.etas

    @property
    def is_empty(self) -> bool:
        return not (self.events or self.visits or self.stops or self.routes or self.etas)
