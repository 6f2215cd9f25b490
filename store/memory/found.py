"""Events and visits in memory, and the outbox that new events fill."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fleet.clock import to_micros
from fleet.event import Event
from fleet.subscription import Alert, Subscription, SubscriptionStatus
from fleet.visit import Visit
from store.errors import NotFound
from store.matching import alert_id, means_alert, means_type
from store.memory.repository import MemoryRepository
from store.paging import split_cursor
from store.records import AlertBacklog, NumberedEvent


@dataclass(slots=True)
class _Waiting:
    """An alert on its way. `due_at` None: delivered or given up."""

    place: tuple[str, str]
    event: Event
    created_at: datetime
    due_at: datetime | None
    touched_at: datetime
    place_in_time: int
    claims: int = 0
    error: str = ""


class EventLog:
    def __init__(self) -> None:
        self._events: list[NumberedEvent] = []
        self._ids: set[str] = set()
        self.last_seq = 0

    def add(self, events: Sequence[Event]) -> list[Event]:
        """Number the new ones; those are returned."""
        new: list[Event] = []
        for event in events:
            if event.id not in self._ids:
                self._ids.add(event.id)
                self.last_seq += 1
                self._events.append(NumberedEvent(seq=self.last_seq, event=event))
                new.append(event)
        return new

    def find(
        self,
        tenant: str | None,
        *,
        after_seq: int,
        types: Sequence[str],
        vehicle: str | None,
        start: datetime | None,
        end: datetime | None,
        limit: int,
        newest_first: bool,
    ) -> list[NumberedEvent]:
        def is_wanted(numbered: NumberedEvent) -> bool:
            event = numbered.event
            return (
                (tenant is None or event.tenant == tenant)
                and (not after_seq or (numbered.seq < after_seq if newest_first else numbered.seq > after_seq))
                and (not types or means_type(types, event.type))
                and (vehicle is None or event.vehicle == vehicle)
                and (start is None or event.occurred_at >= start)
                and (end is None or event.occurred_at <= end)
            )

        wanted = filter(is_wanted, reversed(self._events) if newest_first else self._events)
        return [numbered for numbered, _ in zip(wanted, range(limit), strict=False)]

    def drop_before(self, end: datetime) -> int:
        kept = [numbered for numbered in self._events if numbered.event.recorded_at >= end]
        dropped = len(self._events) - len(kept)
        self._events, self._ids = kept, {numbered.event.id for numbered in kept}
        return dropped


class VisitLog:
    def __init__(self) -> None:
        self.visits: dict[tuple[str, str], Visit] = {}

    def put(self, visits: Sequence[Visit]) -> None:
        for visit in visits:
            self.visits[visit.tenant, visit.id] = visit

    def find(
        self,
        tenant: str | None,
        *,
        vehicle: str | None,
        fence: str | None,
        start: datetime | None,
        end: datetime | None,
        limit: int,
        after: str | None,
    ) -> list[Visit]:
        def is_wanted(visit: Visit) -> bool:
            return (
                not visit.retracted
                and (tenant is None or visit.tenant == tenant)
                and (vehicle is None or visit.vehicle == vehicle)
                and (fence is None or visit.fence == fence)
                and (start is None or visit.exited_at is None or visit.exited_at >= start)
                and (end is None or visit.entered_at <= end)
            )

        wanted = sorted(filter(is_wanted, self.visits.values()), key=_newest_entry_first)
        behind = split_cursor(tenant, after)
        if behind is not None:
            last = self.visits.get(behind)
            wanted = [visit for visit in wanted if last and _newest_entry_first(visit) > _newest_entry_first(last)]
        return wanted[:limit]

    def drop_before(self, end: datetime) -> int:
        over = [place for place, visit in self.visits.items() if visit.exited_at is not None and visit.exited_at < end]
        for place in over:
            del self.visits[place]
        return len(over)


class SubscriptionRepository(MemoryRepository[Subscription]):
    def __init__(self, clock: Callable[[], datetime], forget_alerts: Callable[[tuple[str, str]], None]) -> None:
        filters = {"status": lambda subscription, text: subscription.status == text}
        super().__init__("subscription", clock=clock, filters=filters)
        self._forget_alerts = forget_alerts

    def _remove(self, tenant: str, id_: str) -> None:
        super()._remove(tenant, id_)
        self._forget_alerts((tenant, id_))


class Outbox:
    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.subscriptions = SubscriptionRepository(clock, self._forget)
        self._clock = clock
        self._alerts: dict[str, _Waiting] = {}

    def fill(self, events: Sequence[Event]) -> None:
        """An alert for each active subscription that means the event."""
        for event in events:
            for place, subscription in self.subscriptions.items.items():
                if (
                    subscription.tenant == event.tenant
                    and subscription.status is SubscriptionStatus.ACTIVE
                    and means_alert(subscription.types, event.type)
                ):
                    now = self._clock()
                    waiting = _Waiting(
                        place=place, event=event, created_at=now, due_at=now, touched_at=now, place_in_time=len(self._alerts)
                    )
                    self._alerts.setdefault(alert_id(event.tenant, subscription.id, event.id), waiting)

    def claim(self, now: datetime, limit: int, lease_s: float, busy: Sequence[tuple[str, str]] = ()) -> list[Alert]:
        due = [
            (waiting.due_at, waiting.place_in_time, id_)
            for id_, waiting in self._alerts.items()
            if waiting.due_at and waiting.due_at <= now and waiting.place not in busy
        ]
        return [self._lease(id_, now, lease_s) for _, _, id_ in sorted(due)[:limit]]

    def backlog(self) -> AlertBacklog:
        waiting = [alert.created_at for alert in self._alerts.values() if alert.due_at is not None]
        return AlertBacklog(waiting=len(waiting), oldest=min(waiting, default=None))

    def delivered(self, alert: str, now: datetime) -> None:
        if alert in self._alerts:
            self._alerts[alert].due_at, self._alerts[alert].touched_at = None, now

    def failed(self, alert: str, now: datetime, error: str, retry_at: datetime | None) -> None:
        if (waiting := self._alerts.get(alert)) is not None and waiting.due_at is not None:
            waiting.due_at, waiting.touched_at, waiting.error = retry_at, now, error

    def disable(self, tenant: str, subscription: str, why: str) -> None:
        place = (tenant, subscription)
        if place not in self.subscriptions.items:
            raise NotFound("subscription", subscription)
        disabled = replace(self.subscriptions.items[place], status=SubscriptionStatus.DISABLED, status_detail=why)
        self.subscriptions.items[place] = disabled
        for waiting in self._alerts.values():
            if waiting.place == place and waiting.due_at is not None:
                waiting.due_at, waiting.error = None, why

    def drop_before(self, end: datetime) -> int:
        over = [id_ for id_, waiting in self._alerts.items() if waiting.due_at is None and waiting.touched_at < end]
        for id_ in over:
            del self._alerts[id_]
        return len(over)

    def _forget(self, place: tuple[str, str]) -> None:
        """The subscription was deleted, and its alerts with it."""
        self._alerts = {id_: waiting for id_, waiting in self._alerts.items() if waiting.place != place}

    def _lease(self, id_: str, now: datetime, lease_s: float) -> Alert:
        waiting = self._alerts[id_]
        waiting.due_at = now + timedelta(seconds=lease_s)
        waiting.claims += 1
        return Alert(
            id=id_,
            tenant=waiting.event.tenant,
            subscription=self.subscriptions.items[waiting.place],
            event=waiting.event.as_json(),
            attempts=waiting.claims - 1,
            created_at=waiting.created_at,
        )


def _newest_entry_first(visit: Visit) -> tuple[int, str, str]:
    return (-to_micros(visit.entered_at), visit.tenant, visit.id)
