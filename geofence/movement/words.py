"""News of moving and standing, put into words."""

from __future__ import annotations

from typing import Any

from geofence.findings import instant_text, seconds
from geofence.movement.course import CM_PER_M, Course
from geofence.movement.gait import Changes
from geofence.movement.said import GAIT, Said, Word
from geofence.movement.settings import MovementSettings
from geofence.movement.traces import MOVING


def tell_changes(change: Changes, course: Course, settings: MovementSettings, said: Said) -> None:
    """Say what has changed."""
    data = _starts(change, course, settings) if change.is_start else _stops(change, settings)
    kind = "vehicle.moving" if change.is_start else "vehicle.stopped"
    rows, times = course.rows[change.position].tolist(), course.time[change.position].tolist()
    for row, time, number, began, said_of_it in zip(rows, times, change.number.tolist(), change.began.tolist(), data, strict=True):
        said_of_it["proved_at"] = instant_text(time)
        said.add(Word(row, GAIT, number, kind, began, said_of_it))


def _starts(change: Changes, course: Course, settings: MovementSettings) -> list[dict[str, Any]]:
    speeds_mps = course.speed_mps[change.position].tolist()
    return [
        {"moved_m": round(away_m, 1), "limit_m": settings.stand_radius_m, "speed_mps": round(speed_mps, 2)}
        for away_m, speed_mps in zip(change.away_m.tolist(), speeds_mps, strict=True)
    ]


def _stops(change: Changes, settings: MovementSettings) -> list[dict[str, Any]]:
    trips = zip(change.before.tolist(), change.before_since.tolist(), change.began.tolist(), change.way_cm.tolist(), strict=True)
    return [
        {
            "lat": round(lat, 7),
            "lon": round(lon, 7),
            "limit_s": settings.stand_s,
            "trip": _trip(started, ended, way_cm) if before == MOVING else None,
        }
        for lat, lon, (before, started, ended, way_cm) in zip(change.lat.tolist(), change.lon.tolist(), trips, strict=True)
    ]


def _trip(started: int, ended: int, way_cm: int) -> dict[str, Any]:
    return {
        "started_at": instant_text(started),
        "distance_m": round(way_cm / CM_PER_M),
        "duration_s": seconds(ended - started),
    }
