"""A vehicle's record comes back from its bytes as it was, and stops with nothing to tell of take no room."""

from __future__ import annotations

import msgspec
import pytest

from fleet.route import Delay, StopStatus
from fleet.samples import Samples
from geofence.stops.keeping import packed, unpacked
from geofence.stops.records import CourseRecord, Phase, StopRecord, VehicleRecord


def record(stops: list[StopRecord]) -> VehicleRecord:
    course = CourseRecord("r", stops, phase=Phase.UNDER_WAY, reached=1, samples=Samples(b"rows", b"rests"))
    return VehicleRecord([course], ["before"], time=5, lat=52.0, lon=13.0, speed_mps=3.0)


def test_a_record_comes_back_as_it_was() -> None:
    told = record(
        [
            StopRecord(StopStatus.COMPLETED, arrived=10, departed=20, closest_m=3.5),
            StopRecord(StopStatus.ARRIVED, Delay.DELAYED, arrived=30, told=29),
            StopRecord(told=77),
            StopRecord(withdrawn=2),
            StopRecord(suggested=40),
            StopRecord(delay=Delay.AT_RISK),
            StopRecord(StopStatus.APPROACHING, approached=50),
            StopRecord(),
        ]
    )
    assert unpacked(packed(told)) == told


def test_stops_still_to_come_take_only_what_was_forecast_of_them() -> None:
    bare, planned = len(packed(record([]))), len(packed(record([StopRecord(told=1_772_438_400_000_000)] * 100)))
    assert planned - bare < 9 * 100


def test_what_is_no_record_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        unpacked(b"\x93\x01\x02\x03")
    with pytest.raises(msgspec.DecodeError):
        unpacked(packed(record([StopRecord()])).replace(b"\x08" + b"\xff" * 8, b"\x07" + b"\xff" * 7))
