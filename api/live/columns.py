"""The frames that workers publish on the live bus, checked and as columns.

A frame is trusted no further than its form: what does not fit is refused with `BadFrame`, counted, and left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson

from fleet.errors import OutriderError

Int64s: TypeAlias = npt.NDArray[np.int64]
Float64s: TypeAlias = npt.NDArray[np.float64]
Float32s: TypeAlias = npt.NDArray[np.float32]
Mask: TypeAlias = npt.NDArray[np.bool_]

#: The end of 9999, the last year that RFC 3339 can write.
_LATEST_MS: Final = 253_402_300_799_999


class BadFrame(OutriderError):
    """A live frame that is not of the documented form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionColumns:
    """N positions of one tenant; NaN where the tracker said nothing."""

    vehicle: Sequence[str]
    #: int64, milliseconds since 1970 UTC.
    time: Int64s
    lat: Float64s
    lon: Float64s
    speed_mps: Float32s
    heading_deg: Float32s
    accuracy_m: Float32s

    def __len__(self) -> int:
        return len(self.vehicle)


def parse_positions(payload: bytes) -> PositionColumns:
    """Columns of a `.../positions` frame. Raises BadFrame."""
    frame = _object(payload)
    vehicles = frame.get("vehicle")
    if not isinstance(vehicles, list) or not all(isinstance(vehicle, str) and vehicle for vehicle in vehicles):
        raise BadFrame("vehicle is no list of idents")
    try:
        columns = _columns(frame, vehicles)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadFrame(f"a column is missing or holds what is no number: {error!r}") from error
    numbers = (columns.time, columns.lat, columns.lon, columns.speed_mps, columns.heading_deg, columns.accuracy_m)
    if any(column.shape != (len(vehicles),) for column in numbers):
        raise BadFrame("the columns differ in length")
    if not (np.isfinite(columns.lat).all() and np.isfinite(columns.lon).all()):
        raise BadFrame("a place is no number")
    if ((columns.time < 0) | (columns.time > _LATEST_MS)).any():
        raise BadFrame("an instant is before 1970 or after 9999")
    return columns


def _columns(frame: dict[str, Any], vehicles: list[str]) -> PositionColumns:
    with np.errstate(over="ignore"):  # what no float32 holds becomes infinite, and null in JSON
        return PositionColumns(
            vehicle=vehicles,
            time=np.array(frame["time"], np.int64),
            lat=np.array(frame["lat"], np.float64),
            lon=np.array(frame["lon"], np.float64),
            speed_mps=_optional(frame, "speed_mps", len(vehicles)),
            heading_deg=_optional(frame, "heading_deg", len(vehicles)),
            accuracy_m=_optional(frame, "accuracy_m", len(vehicles)),
        )


def parse_etas(payload: bytes) -> list[dict[str, Any]]:
    """The predictions of an `.../etas` frame. Raises BadFrame."""
    etas = _object(payload).get("etas")
    if not isinstance(etas, list):
        raise BadFrame("etas is no list")
    for eta in etas:
        if not isinstance(eta, dict) or not all(isinstance(eta.get(key), str) for key in ("at", "vehicle", "route", "stop")):
            raise BadFrame("an eta lacks at, vehicle, route or stop")
    return etas


def _object(payload: bytes) -> dict[str, Any]:
    try:
        frame = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise BadFrame(f"no JSON: {error}") from error
    if not isinstance(frame, dict):
        raise BadFrame("no JSON object")
    return frame


def _optional(frame: dict[str, Any], name: str, size: int) -> Float32s:
    column = frame.get(name)
    if column is None:
        return np.full(size, np.nan, np.float32)
    return np.array(column, np.float32)  # None becomes NaN
