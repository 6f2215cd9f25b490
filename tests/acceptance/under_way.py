"""When each recorded trip was under way, by the recordings' own labels, and which arrivals were reported outside of that.

An arrival counts as outside where it lies before the first fix that is labelled with its trip, or after the last one, by more than
`MARGIN_S`: the usual gap between two fixes (30 s in both recordings), which is how exact the edge of a label is, and a minute in
which a driver who signs on or off is already on the way, or still at the stop. Such arrivals are of three kinds:

* `terminal`: at the first stop before the label begins, or at the last one after it has ended. The contract counts both: a route is
  under way a little before its start, once the vehicle heads for its first stop, and until its last stop is left.
* `beside`: another trip, with the same place around the same time, is labelled then. The plan put both on the vehicle.
* `false_`: all others.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

MARGIN_S = 30.0 + 60.0
#: A place reached for another trip within this time was reached by the same pass.
SAME_PASS_S = 90.0
NEW_YORK = ZoneInfo("America/New_York")

Spans = dict[str, tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Outside:
    """Stops with an arrival outside of their trip's label, by kind."""

    terminal: list[str]
    beside: list[str]
    false_: list[str]


def labelled_spans(name: str, data: Path) -> Spans:
    """First and last instant (seconds since 1970) labelled with each route (as `make_case.py` names it)."""
    rows = _nyc_b63(data) if name == "nyc-b63" else _wmata(data)
    spans: Spans = {}
    for route, at_s in rows:
        first, last = spans.get(route, (at_s, at_s))
        spans[route] = (min(first, at_s), max(last, at_s))
    return spans


def _nyc_b63(data: Path) -> Iterator[tuple[str, float]]:
    for trace in sorted((data / "traces").glob("*.csv.gz")):
        with gzip.open(trace, "rt") as lines:
            for row in csv.DictReader(lines):
                if row["actual_trip_id"] and row["actual_phase"] == "IN_PROGRESS":
                    day = datetime.fromtimestamp(int(row["actual_service_date"]) / 1000, NEW_YORK).date()
                    trip = row["actual_trip_id"].partition("_")[2]
                    at = datetime.fromisoformat(row["dt"]).replace(tzinfo=NEW_YORK)
                    yield f"{row['vid']}:{trip}:{day}", at.timestamp()


def _wmata(data: Path) -> Iterator[tuple[str, float]]:
    with gzip.open(data / "vehicle_positions_20260216.csv.gz", "rt") as lines:
        for row in csv.DictReader(lines):
            if row["vehicle.timestamp"] and row["vehicle.trip.trip_id"]:
                day = datetime.strptime(row["vehicle.trip.start_date"], "%Y%m%d").replace(tzinfo=UTC).date()
                yield f"{row['vehicle.vehicle.id']}:{row['vehicle.trip.trip_id']}:{day}", float(row["vehicle.timestamp"])


def reported_arrivals(events: Iterable[dict[str, Any]]) -> dict[str, float]:
    """The arrivals that stand in the end: stop to seconds since 1970."""
    reported: dict[str, float] = {}
    for event in events:
        if event["type"] in ("stop.arrived", "stop.arrived.revised"):
            reported[event["data"]["stop"]] = datetime.fromisoformat(event["occurred_at"]).timestamp()
        elif event["type"] == "stop.arrived.retracted":
            reported.pop(event["data"]["stop"], None)
    return reported


def outside_of_labels(plan: dict[str, Any], spans: Spans, reported: dict[str, float]) -> Outside:
    """`plan` as in `plan.json`."""
    at_place = defaultdict(list)
    for route in plan["routes"]:
        for stop in route["stops"]:
            if stop["id"] in reported:
                at_place[route["vehicle"], stop["place"]].append((reported[stop["id"]], route["id"]))
    found = Outside(terminal=[], beside=[], false_=[])
    for route in plan["routes"]:
        first, last = spans[route["id"]]
        for index, stop in enumerate(route["stops"]):
            at_s = reported.get(stop["id"])
            if at_s is None or first - MARGIN_S <= at_s <= last + MARGIN_S:
                continue
            others = {other for when, other in at_place[route["vehicle"], stop["place"]] if abs(when - at_s) <= SAME_PASS_S} - {
                route["id"]
            }
            if (index == 0 and at_s < first) or (index == len(route["stops"]) - 1 and at_s > last):
                found.terminal.append(stop["id"])
            elif any(spans[other][0] - MARGIN_S <= at_s <= spans[other][1] + MARGIN_S for other in others):
                found.beside.append(stop["id"])
            else:
                found.false_.append(stop["id"])
    return found
