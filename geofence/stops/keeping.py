"""A vehicle's record as bytes. Most stops of a route are still to come, or have nothing to tell: those are left out."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from fleet.route import Delay, StopStatus
from geofence.stops.records import NEVER, CourseRecord, StopRecord, VehicleRecord


class _Course(msgspec.Struct, array_like=True):
    """`course` without its stops: how many there are, those that are told of, by index, and of all the medians told last."""

    course: CourseRecord
    size: int
    stops: dict[int, StopRecord]
    told: bytes


class _Vehicle(msgspec.Struct, array_like=True):
    """`vehicle` without its courses, and these."""

    vehicle: VehicleRecord
    courses: list[_Course]


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Vehicle)


def packed(record: VehicleRecord) -> bytes:
    courses = [_packed_course(course) for course in record.courses]
    return _ENCODER.encode(_Vehicle(msgspec.structs.replace(record, courses=[]), courses))


def unpacked(state: bytes) -> VehicleRecord:
    """Raises msgspec.DecodeError for bytes that are no record of this version."""
    kept = _DECODER.decode(state)
    kept.vehicle.courses = [_unpacked_course(course) for course in kept.courses]
    return kept.vehicle


def _packed_course(course: CourseRecord) -> _Course:
    stops = {index: stop for index, stop in enumerate(course.stops) if _has_something_to_tell(stop)}
    told = np.array([stop.told for stop in course.stops], np.int64)
    return _Course(msgspec.structs.replace(course, stops=[]), len(course.stops), stops, told.tobytes())


def _has_something_to_tell(stop: StopRecord) -> bool:
    is_fresh = stop.status is StopStatus.PLANNED and stop.delay is Delay.ON_TIME and stop.approached == NEVER
    return not is_fresh or stop != StopRecord(told=stop.told)


def _unpacked_course(kept: _Course) -> CourseRecord:
    if len(kept.told) != 8 * kept.size:
        raise msgspec.DecodeError(f"{len(kept.told)} bytes are no medians of {kept.size} stops")
    told = np.frombuffer(kept.told, np.int64).tolist()
    stops = [kept.stops.get(index) or StopRecord() for index in range(kept.size)]
    for stop, median in zip(stops, told, strict=True):
        stop.told = median
    kept.course.stops = stops
    return kept.course
