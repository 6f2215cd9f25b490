"""Columns as records: what the API shows of fixes. NaN and -1, which columns say for "not said", become None here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from fleet.clock import rfc3339_micros
from fleet.fix import NO_SATELLITES, FixBatch, Float32s
from fleet.screening import Flag


def said(value: float) -> float | None:
    """A float32 column's value as the shortest decimal that means it; None for NaN."""
    return None if math.isnan(value) else float(str(np.float32(value)))


def fixes_as_json(fixes: FixBatch) -> list[Mapping[str, Any]]:
    """Fixes in the native format's names, ready for JSON."""
    columns = zip(
        fixes.time.tolist(),
        fixes.lat.tolist(),
        fixes.lon.tolist(),
        _shown(fixes.speed_mps),
        _shown(fixes.heading_deg),
        _shown(fixes.accuracy_m),
        _shown(fixes.altitude_m),
        fixes.satellites.tolist(),
        fixes.flags.tolist(),
        fixes.extras,
        strict=True,
    )
    return [
        {
            "time": rfc3339_micros(time),
            "lat": lat,
            "lon": lon,
            "speed_mps": speed,
            "heading_deg": heading,
            "accuracy_m": accuracy,
            "altitude_m": altitude,
            "satellites": None if satellites == NO_SATELLITES else satellites,
            "extras": {} if extras is None else orjson.loads(extras),
            "flags": [flag.name.lower() for flag in Flag(flags) if flag.name],
        }
        for time, lat, lon, speed, heading, accuracy, altitude, satellites, flags, extras in columns
    ]


def _shown(column: Float32s) -> list[float | None]:
    return [said(value) for value in column.tolist()]
