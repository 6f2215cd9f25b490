"""HSL High-Frequency Positioning, v2 and v1: Helsinki's public vehicle feed (`docs/formats/hfp.md`).

The vehicle is named by the topic, operator and number: `/hfp/v2/journey/ongoing/vp/bus/0018/01029/...` is `0018/01029` (the
payload's `oper` is who runs the line, which may be somebody else). v1 topics have no level for the event, deadruns end
after the number, headsigns hold anything but a slash. The feed knows no tenants: all belongs to the default one.

HFP's `dl` is positive when the vehicle is early; `delay_s` in the extras is the other way round, as everywhere here.
Specification: HSL, "High-frequency positioning" (digitransit.fi, developers' documentation).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np

from fleet.fix import FixBatch
from fleet.message import MessageBatch
from fleet.screening import Flag, Reason
from ingest.formats.extras import encode_extras
from ingest.formats.instants import NO_TIME, micros_of_seconds, micros_of_texts
from ingest.formats.refusing import Unreadable, an_object, kind_of, number, parse_json
from ingest.formats.rows import float32s, float64s, received_of
from ingest.protocol import Decoded, Refusal

_SOURCES: Final = {"GPS": "gps", "ODO": "odometer", "MAN": "manual", "N/A": "unknown", "DR": "dead_reckoning"}
#: Not measured by GPS at that moment but reckoned on from the last place.
_RECKONED: Final = frozenset({"ODO", "DR"})


class Report(msgspec.Struct, gc=False):
    """The body of an HFP message, as far as it is kept; HFP's own short names."""

    tst: str | None = None
    tsi: int | None = None
    lat: float | None = None
    long: float | None = None
    spd: float | None = None
    hdg: float | None = None
    acc: float | None = None
    dl: float | None = None
    odo: float | None = None
    drst: int | None = None
    loc: str | None = None
    stop: int | str | None = None
    route: str | None = None
    dir: str | None = None
    desi: str | None = None
    occu: float | None = None


_decode: Final = msgspec.json.Decoder(dict[str, Report]).decode
_NUMBERS: Final = ("lat", "long", "spd", "hdg", "acc", "dl", "odo", "occu")


@dataclass(slots=True)
class _Kept:
    """The messages that hold a report: which, of which event, what."""

    messages: list[int]
    events: list[str]
    reports: list[Report]


class Hfp:
    """HFP v2 and v1; see the module."""

    name = "hfp"
    topics: tuple[str, ...] = ("/hfp/v2/#", "/hfp/v1/#")

    def decode(self, batch: MessageBatch, default_tenant: str) -> Decoded:
        kept = _Kept([], [], [])
        refused: list[Refusal] = []
        trackers: dict[tuple[str, str], int] = {}
        tracker: list[int] = []
        for index, (topic, payload) in enumerate(zip(batch.topics, batch.payloads, strict=True)):
            whose: tuple[str, str] | None = None
            try:
                whose = (default_tenant, ident_of(topic))
                event, report = _report_of(payload)
            except Unreadable as unreadable:
                refused.append(Refusal(message=index, reason=unreadable.reason, detail=unreadable.detail, tracker=whose))
                continue
            kept.messages.append(index)
            kept.events.append(event)
            kept.reports.append(report)
            tracker.append(trackers.setdefault(whose, len(trackers)))
        return Decoded(
            fixes=_columns(kept, batch.received), tracker=np.array(tracker, np.int32), trackers=list(trackers), refused=refused
        )


def ident_of(topic: str) -> str:
    """`0018/01029` of a v2 or v1 topic. Raises Unreadable (INVALID_TOPIC)."""
    levels = topic.split("/", 9)
    at = 7 if topic.startswith("/hfp/v2/") else 6
    if len(levels) < at + 2 or not (levels[at].isdecimal() and levels[at + 1].isdecimal()):
        raise Unreadable(Reason.INVALID_TOPIC, "no operator and vehicle number in the topic")
    return f"{levels[at]}/{levels[at + 1]}"


def _report_of(payload: bytes) -> tuple[str, Report]:
    """Event and body, with a place. Raises Unreadable."""
    try:
        ((event, report),) = _decode(payload).items()
    except (ValueError, RecursionError):
        event, report = _report_plainly(payload)
    if report.lat is None or report.long is None:
        raise Unreadable(Reason.NO_POSITION, f"{event} without lat and long")
    if report.tst is None and report.tsi is None:
        raise Unreadable(Reason.MISSING_FIELD, "tst is missing")
    return event, report


def _report_plainly(payload: bytes) -> tuple[str, Report]:
    """The plain path: what is wrong with the message, or the report without the members that are not as they should be."""
    root = an_object(parse_json(payload))
    if len(root) != 1:
        raise Unreadable(Reason.WRONG_TYPE, f"the payload has {len(root)} members, not the one named for the event")
    ((event, body),) = root.items()
    body = an_object(body, event)
    values: dict[str, Any] = {name: number(body, name) for name in _NUMBERS}
    values["tst"] = _tst_of(body)
    values["tsi"] = int(seconds) if (seconds := number(body, "tsi")) is not None else None
    values |= {name: text for name in ("loc", "route", "dir", "desi") if isinstance(text := body.get(name), str)}
    if isinstance(stop := body.get("stop"), int | str):
        values["stop"] = stop
    if isinstance(door := body.get("drst"), int):
        values["drst"] = int(door)
    return event, Report(**values)


def _tst_of(body: Mapping[str, Any]) -> str | None:
    tst = body.get("tst")
    if tst is not None and not isinstance(tst, str):
        raise Unreadable(Reason.WRONG_TYPE, f"tst is {kind_of(tst)}, not RFC 3339")
    return tst


def _columns(kept: _Kept, received: Sequence[int]) -> FixBatch:
    reports = kept.reports
    message = np.array(kept.messages, np.int32)
    size = len(reports)
    reckoned = [Flag.DEAD_RECKONED if report.loc in _RECKONED else 0 for report in reports]
    return FixBatch(
        vehicle=np.zeros(size, np.int64),
        time=_times(reports),
        lat=float64s([report.lat for report in reports]),
        lon=float64s([report.long for report in reports]),
        speed_mps=float32s([report.spd for report in reports]),
        heading_deg=float32s([report.hdg for report in reports]),
        accuracy_m=np.full(size, np.nan, np.float32),
        altitude_m=np.full(size, np.nan, np.float32),
        satellites=np.full(size, -1, np.int16),
        flags=np.array(reckoned, np.uint16),
        received=received_of(received, message),
        message=message,
        extras=[_extras(event, report) for event, report in zip(kept.events, reports, strict=True)],
    )


def _times(reports: Sequence[Report]) -> Any:
    """`tst` has milliseconds in v2; `tsi`, whole seconds, stands in where it is missing or unreadable."""
    micros = micros_of_texts([report.tst or "" for report in reports])
    for row in np.flatnonzero(micros == NO_TIME).tolist():
        tsi = reports[row].tsi
        if reports[row].tst is None and tsi is not None:
            micros[row] = micros_of_seconds(tsi)
    return micros


def _extras(event: str, report: Report) -> bytes | None:
    """In the vocabulary of `ingest.formats.extras`."""
    said: dict[str, Any] = {
        "event": event.lower(),
        "line": report.desi,
        "route": report.route,
        "direction": report.dir,
        "stop": None if report.stop is None else str(report.stop),
        "delay_s": None if report.dl is None else -report.dl,
        "odometer_m": report.odo,
        "door_open": None if report.drst is None else report.drst == 1,
        "occupancy": None if report.occu is None else report.occu / 100,
        "acceleration_mps2": report.acc,
        "source": None if report.loc is None else _SOURCES.get(report.loc, "unknown"),
    }
    return encode_extras({key: value for key, value in said.items() if value is not None})
