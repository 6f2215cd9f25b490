"""Fixes as the native format's payload (contract: one JSON object, or an array of them for a burst)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from fleet.clock import rfc3339
from fleet.fix import Fix


def topic_of(tenant: str, ident: str) -> str:
    """`fleet/<tenant>/<tracker>/fix`"""
    return f"fleet/{tenant}/{ident}/fix"


def encode(fixes: Sequence[Fix]) -> bytes:
    """The payload of one message. What a tracker did not say is left out."""
    reports = [_report(fix) for fix in fixes]
    return orjson.dumps(reports[0] if len(reports) == 1 else reports)


def _report(fix: Fix) -> dict[str, Any]:
    report = {
        "time": rfc3339(fix.time),
        "lat": fix.lat,
        "lon": fix.lon,
        "speed_mps": fix.speed_mps,
        "heading_deg": fix.heading_deg,
        "accuracy_m": fix.accuracy_m,
        "altitude_m": fix.altitude_m,
        "satellites": fix.satellites,
        "seq": fix.seq,
        "extras": fix.extras or None,
    }
    return {name: value for name, value in report.items() if value is not None}
