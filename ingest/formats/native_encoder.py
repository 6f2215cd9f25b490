"""Fixes to payloads of the native format, for simulated trackers, replays of recordings and tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from fleet.clock import rfc3339
from fleet.fix import Fix
from ingest.formats.native import NativeFix

_encode: Final = msgspec.json.Encoder().encode


def topic_of(tenant: str, tracker: str) -> str:
    """The topic that a tracker publishes its fixes on."""
    return f"fleet/{tenant}/{tracker}/fix"


def encode_fix(fix: Fix) -> bytes:
    """One fix as a payload."""
    return _encode(_record(fix))


def encode_fixes(fixes: Sequence[Fix]) -> bytes:
    """Several fixes as one payload: what a tracker sends after it was out of reach (store and forward)."""
    return _encode([_record(fix) for fix in fixes])


def _record(fix: Fix) -> NativeFix:
    return NativeFix(
        time=rfc3339(fix.time),
        lat=fix.lat,
        lon=fix.lon,
        speed_mps=fix.speed_mps,
        heading_deg=fix.heading_deg,
        accuracy_m=fix.accuracy_m,
        altitude_m=fix.altitude_m,
        satellites=fix.satellites,
        seq=fix.seq,
        extras=dict(fix.extras) or None,
    )
