"""What the tracker makes of a van's day, and when its messages come in.

* A fix every 5-15 s, by tracker; a hundredth of them is lost.
* Noise of 8-25 m (root mean square of the horizontal error, as accuracy of GPS is commonly stated), by tracker. It is a
  Gauss-Markov process with a correlation time of 20-90 s, since GPS noise wanders (Brown and Hwang, "Introduction to Random
  Signals and Applied Kalman Filtering"); it does not average out while a van stands. The accuracy that is claimed follows the
  truth loosely: from half of it to twice as much.
* Multipath: four times an hour the position is off by another 60-150 m for one to six fixes; half of these fixes claim to be as
  good as ever.
* Speed is measured by Doppler: off by 0.4 m/s, at a standstill now and then by 1-3 m/s.
* The first fixes of a day come from a cold start: off by hundreds of metres, and only mostly confessed.
* Without reception of GPS: twice in three days, 20-90 s without fixes.
* The next morning the tracker speaks once more, from where the van was left.
* Without coverage, every other hour or so, for 1-6 minutes: fixes are kept, and come in one burst afterwards. A fifth of the
  trackers send the newest fix first and what they kept after it. Some messages come twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from bench.arrivals_drive import Day
from bench.arrivals_streets import Bools, Floats, to_degrees
from fleet.clock import MICROS_PER_S, rfc3339_micros
from ingest.formats.native_encoder import topic_of
from mqttwire.capture import Recorded

_INTERVAL_S: Final = (5.0, 15.0)
_NOISE_M: Final = (8.0, 25.0)
_CORRELATION_S: Final = (20.0, 90.0)
_LOST: Final = 0.01
_JUMPS_PER_H: Final = 4.0
_JUMP_M: Final = (60.0, 150.0)
_JUMP_FIXES: Final = (1, 7)
_COLD_START_FIXES: Final = (3, 9)
_NO_GPS_PER_H: Final = 0.08
_NO_GPS_S: Final = (20.0, 90.0)
_NO_COVERAGE_PER_H: Final = 0.5
_NO_COVERAGE_S: Final = (60.0, 360.0)
_NEXT_MORNING_S: Final = 10 * 3600.0
_NEWEST_FIRST: Final = 0.2
_TWICE: Final = 0.005
#: Fixes a message, when kept ones are sent.
_BURST: Final = 40
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixes:
    """What one tracker measured, in order of time, (N,) each: seconds of the day, metres from the town's centre, m/s ..., and
    when each was sent."""

    seconds: Floats
    east_m: Floats
    north_m: Floats
    speed_mps: Floats
    heading_deg: Floats
    accuracy_m: Floats
    sent_s: Floats
    #: Whether what was kept is sent after the newest fix.
    newest_first: bool


def measure(day: Day, rng: np.random.Generator) -> Fixes:
    """The fixes of a day."""
    interval_s = float(rng.uniform(*_INTERVAL_S))
    seconds = np.arange(rng.uniform(0, interval_s), day.end_s, interval_s)
    seconds = seconds + rng.uniform(0, 0.4, len(seconds))
    kept = (rng.random(len(seconds)) >= _LOST) & ~_during(seconds, _episodes(day, _NO_GPS_PER_H, _NO_GPS_S, rng))
    seconds = np.round(np.append(seconds[kept], day.end_s + _NEXT_MORNING_S), 3)
    east_m, north_m, speed_mps, heading_deg = day.at(seconds)
    noise = _Noise(seconds, rng)
    return Fixes(
        seconds=seconds,
        east_m=east_m + noise.east_m,
        north_m=north_m + noise.north_m,
        speed_mps=_doppler(speed_mps, rng),
        heading_deg=(heading_deg + rng.normal(0, 4, len(seconds))) % 360.0,
        accuracy_m=noise.claimed_m,
        sent_s=_sent(seconds, _episodes(day, _NO_COVERAGE_PER_H, _NO_COVERAGE_S, rng)),
        newest_first=bool(rng.random() < _NEWEST_FIRST),
    )


class _Noise:
    """Errors of the fixes at `seconds`, and the accuracy that they claim, metres."""

    def __init__(self, seconds: Floats, rng: np.random.Generator) -> None:
        noise_m = float(rng.uniform(*_NOISE_M))
        correlation_s = float(rng.uniform(*_CORRELATION_S))
        size = len(seconds)
        self.east_m, self.north_m = (_wander(seconds, noise_m / 2**0.5, correlation_s, rng) for _ in range(2))
        boast = float(rng.uniform(0.6, 1.4))
        self.claimed_m = np.maximum(3.0, noise_m * boast * rng.lognormal(0.0, 0.25, size))
        self._jump(seconds, rng)
        self._start_cold(min(size, int(rng.integers(*_COLD_START_FIXES))), rng)
        self.claimed_m = np.round(self.claimed_m, 1)

    def _jump(self, seconds: Floats, rng: np.random.Generator) -> None:
        count = rng.poisson(_JUMPS_PER_H * (seconds[-2] - seconds[0]) / 3600)
        for first in rng.integers(len(seconds), size=count).tolist():
            rows = slice(first, first + int(rng.integers(*_JUMP_FIXES)))
            away_m, towards = rng.uniform(*_JUMP_M), rng.uniform(0, 2 * np.pi)
            self.east_m[rows] += away_m * np.sin(towards)
            self.north_m[rows] += away_m * np.cos(towards)
            if rng.random() < 0.5:
                self.claimed_m[rows] += rng.uniform(20, 100)

    def _start_cold(self, fixes: int, rng: np.random.Generator) -> None:
        fading = np.exp(-np.arange(fixes) / 2.5)
        off_m, towards = rng.uniform(60, 400), rng.uniform(0, 2 * np.pi)
        self.east_m[:fixes] += off_m * fading * np.sin(towards)
        self.north_m[:fixes] += off_m * fading * np.cos(towards)
        self.claimed_m[:fixes] += off_m * fading * rng.uniform(0.3, 1.2)


def _wander(seconds: Floats, sigma_m: float, correlation_s: float, rng: np.random.Generator) -> Floats:
    """A first-order Gauss-Markov process at these instants."""
    keep = np.exp(-np.diff(seconds, prepend=seconds[0]) / correlation_s)
    shocks = rng.normal(0, sigma_m, len(seconds)) * np.sqrt(1 - keep * keep)
    error = float(rng.normal(0, sigma_m))
    errors = np.empty(len(seconds))
    for row, (share, shock) in enumerate(zip(keep.tolist(), shocks.tolist(), strict=True)):
        error = share * error + shock
        errors[row] = error
    return errors


def _doppler(speed_mps: Floats, rng: np.random.Generator) -> Floats:
    size = len(speed_mps)
    measured = np.abs(speed_mps + rng.normal(0, 0.4, size))
    astray = (speed_mps < 0.1) & (rng.random(size) < 0.03)
    return np.asarray(np.round(np.where(astray, rng.uniform(1, 3, size), measured), 2), np.float64)


def _episodes(day: Day, per_h: float, lasts_s: tuple[float, float], rng: np.random.Generator) -> Floats:
    """(begin, end) of episodes, (E, 2), in order."""
    begins = np.sort(rng.uniform(0, day.end_s, rng.poisson(per_h * day.end_s / 3600)))
    return np.stack([begins, begins + rng.uniform(*lasts_s, len(begins))], axis=1)


def _during(seconds: Floats, episodes: Floats) -> Bools:
    inside = np.zeros(len(seconds), np.bool_)
    for begin_s, end_s in episodes.tolist():
        inside |= (seconds >= begin_s) & (seconds < end_s)
    return inside


def _sent(seconds: Floats, outages: Floats) -> Floats:
    """When each fix is sent: at once, or when coverage is back."""
    sent_s = seconds.copy()
    for begin_s, end_s in outages.tolist():
        rows = (seconds >= begin_s) & (seconds < end_s)
        back = np.searchsorted(seconds, end_s)
        sent_s[rows] = seconds[min(back, len(seconds) - 1)]
    return sent_s


def messages(fixes: Fixes, tracker: str, began: int, rng: np.random.Generator) -> list[Recorded]:
    """What the broker receives, in order of receipt. `began`: microseconds since 1970 UTC at second 0."""
    lat, lon = to_degrees(fixes.east_m, fixes.north_m)
    records = [
        {"time": rfc3339_micros(began + round(second * MICROS_PER_S)), "lat": round(y, 6), "lon": round(x, 6)}
        | {"speed_mps": speed, "heading_deg": round(heading, 1) % 360.0, "accuracy_m": accuracy, "seq": number}
        for number, (second, y, x, speed, heading, accuracy) in enumerate(
            zip(*(c.tolist() for c in (fixes.seconds, lat, lon, fixes.speed_mps, fixes.heading_deg, fixes.accuracy_m)), strict=True)
        )
    ]
    topic, found = topic_of("default", tracker), []
    for sent_s, rows in _bursts(fixes):
        received = began + round((sent_s + float(rng.uniform(0.2, 1.5))) * MICROS_PER_S)
        payload = _encode([records[row] for row in rows] if len(rows) > 1 else records[rows[0]])
        found.append(Recorded(received, topic, payload))
        if rng.random() < _TWICE:
            found.append(Recorded(received + round(float(rng.uniform(0.1, 30)) * MICROS_PER_S), topic, payload))
    return sorted(found, key=lambda message: message.received)


def _bursts(fixes: Fixes) -> list[tuple[float, list[int]]]:
    """(when, rows) of the messages."""
    bursts: list[tuple[float, list[int]]] = []
    edges = np.flatnonzero(np.diff(fixes.sent_s, prepend=-1.0)).tolist()
    for start, end in zip(edges, [*edges[1:], len(fixes.sent_s)], strict=True):
        rows, sent_s = list(range(start, end)), float(fixes.sent_s[start])
        if fixes.newest_first and len(rows) > 1:
            bursts.append((sent_s, [rows.pop()]))
            sent_s += 5.0
        bursts += [(sent_s + 0.5 * number, rows[at : at + _BURST]) for number, at in enumerate(range(0, len(rows), _BURST))]
    return bursts
