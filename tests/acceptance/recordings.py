"""Recordings made ready for replays: captures, fences around what is in them, and what a replay left standing."""

from __future__ import annotations

import csv
import gzip
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice, pairwise
from pathlib import Path
from typing import Any

import orjson

from fleet.clock import parse_rfc3339, rfc3339
from fleet.event import Event
from fleet.geodesy import distance_m
from geofence.stops.engine import PREDICTED
from ingest.pipeline_diff import saying, standing
from ingest.replay import ReplayOptions, replay

Shared = Callable[..., Path]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a vehicle of a recording was, when."""

    vehicle: str
    time: datetime
    lat: float
    lon: float


@dataclass(frozen=True, kw_only=True)
class Left:
    """What a replay left standing: what the events say (forecasts apart), the visits, and how often each type was written."""

    sayings: frozenset[tuple[str, str, datetime, bytes]]
    visits: frozenset[tuple[str, str, str, str | None]]
    written: Counter[str]

    def count(self, kind: str) -> int:
        return sum(one[1] == kind for one in self.sayings)


def replayed(capture: Path, out: Path, *, fences: Path, plan: Path | None = None, shuffle: int | None = None) -> Left:
    replay(ReplayOptions(capture=capture, out=out, fences=fences, plan=plan, shuffle=shuffle))
    events = [_event(line) for line in (out / "events.ndjson").read_bytes().splitlines()]
    visits = [orjson.loads(line) for line in (out / "visits.ndjson").read_bytes().splitlines()]
    return Left(
        sayings=frozenset((event.vehicle, *saying(event)) for event in standing(events) if event.type not in PREDICTED),
        visits=frozenset(
            (visit["vehicle"], visit["fence"], visit["entered_at"], visit.get("exited_at"))
            for visit in visits
            if not visit.get("retracted")
        ),
        written=Counter(event.type for event in events),
    )


def _event(line: bytes) -> Event:
    said = orjson.loads(line)
    instants = {name: parse_rfc3339(said[name]) for name in ("occurred_at", "recorded_at")}
    return Event(**{**said, **instants})


# captures


def bus_case(shared: Shared, folder: Path, name: str, messages: int) -> tuple[Path, Path]:
    """The first messages of a bus recording, and its plan."""
    tools, data, case = shared("tools"), shared("data", name), folder / "case"
    command = [sys.executable, str(tools / "make_case.py"), name, "--data", str(data), "--out", str(case)]
    subprocess.run(command, check=True, capture_output=True)
    capture = folder / "capture.ndjson"
    with (case / "capture.ndjson").open() as whole:
        capture.write_text("".join(islice(whole, messages)))
    return capture, case / "plan.json"


def porto(shared: Shared, until: timedelta) -> list[Place]:
    """Places of the taxis in order of time, from the beginning of the recording."""
    with gzip.open(shared("data", "porto-taxi", "porto_points.csv.gz"), "rt") as lines:
        places = [
            Place(
                vehicle=row["taxi_id"],
                time=datetime.fromtimestamp(int(row["timestamp_unix"]), UTC),
                lat=float(row["lat"]),
                lon=float(row["lon"]),
            )
            for row in csv.DictReader(lines)
        ]
    places.sort(key=lambda place: (place.time, place.vehicle))
    return [place for place in places if place.time < places[0].time + until]


def hfp(shared: Shared) -> list[Place]:
    """Places of the vehicles of the long recordings, one a vehicle and second, in order of time."""
    found: dict[tuple[str, datetime], Place] = {}
    for recording in sorted(shared("data", "hfp", "v2").glob("*.txt")):
        for line in recording.read_text().splitlines():
            head, _, body = line.partition(" {")
            (said,) = orjson.loads("{" + body).values()
            if said.get("lat") is not None and said.get("long") is not None:
                topic = head.split(" ", 1)[1].split("/")
                vehicle, time = "-".join(topic[7:9]), parse_rfc3339(said["tst"])
                found.setdefault((vehicle, time), Place(vehicle=vehicle, time=time, lat=said["lat"], lon=said["long"]))
    return sorted(found.values(), key=lambda place: (place.time, place.vehicle))


def write_capture(path: Path, places: Iterable[Place]) -> Path:
    """Native messages, received a second after they were measured."""
    with path.open("wb") as out:
        for place in places:
            payload = orjson.dumps({"time": rfc3339(place.time), "lat": place.lat, "lon": place.lon}).decode()
            received_at = rfc3339(place.time + timedelta(seconds=1))
            message = {"received_at": received_at, "topic": f"fleet/default/{place.vehicle}/fix", "payload": payload}
            out.write(orjson.dumps(message) + b"\n")
    return path


# fences


def circle(name: str, lat: float, lon: float, radius_m: float, **members: Any) -> dict[str, Any]:
    geometry = {"type": "Point", "coordinates": [lon, lat]}
    return {"type": "Feature", "id": name, "geometry": geometry, "properties": {"radius_m": radius_m, **members}}


def write_fences(path: Path, features: Sequence[dict[str, Any]]) -> Path:
    path.write_bytes(orjson.dumps({"type": "FeatureCollection", "features": features}))
    return path


def around_stops(plan: Path, radius_m: float) -> list[dict[str, Any]]:
    """A fence around each place of a plan."""
    stops = {stop["place"]: stop for route in orjson.loads(plan.read_bytes())["routes"] for stop in route["stops"]}
    return [circle(f"stop-{name}", stop["lat"], stop["lon"], radius_m, dwell_s=60) for name, stop in sorted(stops.items())]


def grid(places: Sequence[Place], radius_m: float, across: int) -> list[dict[str, Any]]:
    """Fences beside one another over the middle of where the places are."""
    lats, lons = (sorted(getattr(place, name) for place in places) for name in ("lat", "lon"))
    south, north, west, east = (values[len(values) * share // 10] for values in (lats, lons) for share in (1, 9))
    return [
        circle(f"grid-{row}-{column}", south + row * (north - south) / across, west + column * (east - west) / across, radius_m)
        for row in range(across + 1)
        for column in range(across + 1)
    ]


# jumps


def drives(places: Iterable[Place]) -> Iterator[list[Place]]:
    """The places of each vehicle, in order of time."""
    ordered = sorted(places, key=lambda place: (place.vehicle, place.time))
    for _, drive in groupby(ordered, key=lambda place: place.vehicle):
        yield list(drive)


def speed_mps(start: Place, end: Place) -> float:
    lasted_s = (end.time - start.time).total_seconds()
    way_m = distance_m(start.lat, start.lon, end.lat, end.lon)
    return way_m / lasted_s if lasted_s > 0 else float("inf")


def thrown(places: Iterable[Place], limit_mps: float) -> list[list[Place]]:
    """Places that were jumped to and, within a minute, jumped away from, back to where the vehicle can have come to meanwhile:
    nobody was there. One list of places a jump."""
    found: list[list[Place]] = []
    for drive in drives(places):
        jumps = [at for at in range(1, len(drive)) if speed_mps(drive[at - 1], drive[at]) > limit_mps]
        is_away = False
        for out, back in pairwise(jumps):
            is_short = drive[back].time - drive[out].time <= timedelta(minutes=1)
            is_away = not is_away and is_short and speed_mps(drive[out - 1], drive[back]) <= limit_mps
            if is_away:
                found.append(drive[out:back])
    return found
