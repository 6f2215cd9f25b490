"""What was found and kept, as the API shows it: positions, fixes, visits, events, dead letters."""

from __future__ import annotations

import base64
from typing import Any

from pydantic import Field

from api.models.base import Outgoing, document, instant_text
from fleet.clock import rfc3339
from fleet.message import DeadLetter
from fleet.screening import Reason
from fleet.visit import Visit
from store.protocol import LatestPosition, NumberedEvent


class PositionOut(Outgoing):
    tenant: str
    vehicle: str
    name: str
    time: str = Field(description="When the tracker measured, RFC 3339 UTC")
    lat: float = Field(description="Degrees, WGS 84")
    lon: float = Field(description="Degrees, WGS 84")
    speed_mps: float | None
    heading_deg: float | None = Field(description="Clockwise from north, [0, 360)")
    accuracy_m: float | None = Field(description="Radius of the 68 % circle")
    route: str | None = Field(description="Id of the route under way")


def position_json(position: LatestPosition) -> dict[str, Any]:
    return document(
        PositionOut,
        tenant=position.tenant,
        vehicle=position.vehicle,
        name=position.name,
        time=rfc3339(position.time),
        lat=position.lat,
        lon=position.lon,
        speed_mps=position.speed_mps,
        heading_deg=position.heading_deg,
        accuracy_m=position.accuracy_m,
        route=position.route,
    )


class FixOut(Outgoing):
    time: str = Field(description="When the tracker measured, RFC 3339 UTC")
    lat: float
    lon: float
    speed_mps: float | None
    heading_deg: float | None
    accuracy_m: float | None
    altitude_m: float | None
    satellites: int | None
    seq: int | None = None
    extras: dict[str, Any] | None = Field(None, description="What else the tracker said: ignition, odometer_m, battery_v ...")
    flags: list[str] = Field([], description="Why the fix is kept but suspicious")


class VisitOut(Outgoing):
    id: str
    tenant: str
    vehicle: str
    fence: str
    entered_at: str
    exited_at: str | None = Field(description="null while the vehicle is inside")
    confirmed_at: str | None = Field(description="Event time of the fix that made the entry certain")
    evidence: dict[str, Any]


def visit_json(visit: Visit) -> dict[str, Any]:
    return document(
        VisitOut,
        id=visit.id,
        tenant=visit.tenant,
        vehicle=visit.vehicle,
        fence=visit.fence,
        entered_at=rfc3339(visit.entered_at),
        exited_at=instant_text(visit.exited_at),
        confirmed_at=instant_text(visit.confirmed_at),
        evidence=visit.evidence,
    )


class EventOut(Outgoing):
    id: str = Field(description="Derives from the content: the same finding has the same id")
    type: str = Field(examples=["stop.arrived"])
    occurred_at: str = Field(description="When it happened on the road")
    recorded_at: str = Field(description="When it became known")
    tenant: str
    vehicle: str
    data: dict[str, Any]
    seq: int = Field(description="Grows with each event of the installation; where `since` and `after_seq` go on from")


def event_json(numbered: NumberedEvent) -> dict[str, Any]:
    return document(EventOut, **numbered.event.as_json(), seq=numbered.seq)


class DeadLetterOut(Outgoing):
    number: int
    received_at: str
    tenant: str | None
    tracker: str | None
    topic: str
    reason: Reason
    detail: str
    payload: str | None = Field(description="As text, where it is UTF-8")
    payload_b64: str | None = Field(description="Else as base64")
    payload_bytes: int = Field(description="Length of the whole payload; what is kept of it may be shorter")


def dead_letter_json(number: int, letter: DeadLetter) -> dict[str, Any]:
    text, encoded = _payload(letter.payload)
    return document(
        DeadLetterOut,
        number=number,
        received_at=rfc3339(letter.received_at),
        tenant=letter.tenant,
        tracker=letter.tracker,
        topic=letter.topic,
        reason=letter.reason,
        detail=letter.detail,
        payload=text,
        payload_b64=encoded,
        payload_bytes=letter.payload_bytes,
    )


def _payload(payload: bytes) -> tuple[str | None, str | None]:
    try:
        return payload.decode(), None
    except UnicodeDecodeError:
        return None, base64.b64encode(payload).decode()
