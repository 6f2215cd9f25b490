"""What a tracker makes of where its van truly is: noise, tunnels, gaps in coverage, a clock of its own.

GPS noise is a first-order Gauss-Markov process (errors of neighbouring fixes resemble each other; see Brown and Hwang,
"Introduction to Random Signals and Applied Kalman Filtering", on GPS error models): white noise would average out where real
noise does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from firmware_sim.van import Truth
from fleet.fix import Fix
from fleet.geodesy import METRES_PER_DEGREE, metres_per_degree_lon


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerModel:
    """How good the hardware is. Shares are probabilities; `*_per_h` are mean numbers of episodes an hour."""

    noise_m: float = 6.0
    noise_correlation_s: float = 40.0
    #: Urban multipath: this many sudden jumps an hour, of 60-150 m, for some seconds.
    jumps_per_h: float = 0.0
    #: No position inside tunnels.
    has_tunnels: bool = True
    #: Without coverage, fixes are stored and sent in one burst when it returns.
    outages_per_h: float = 0.0
    outage_s: float = 90.0
    #: Each tracker's clock is off by a constant drawn from +-this, and drifts by up to +-`clock_drift_ppm`.
    clock_offset_s: float = 0.0
    clock_drift_ppm: float = 0.0
    #: The largest burst in one message.
    burst_fixes: int = 50


@dataclass(slots=True, kw_only=True)
class Tracker:
    """One device. `report` is called once a reporting interval and answers with the messages that go out now."""

    model: TrackerModel
    rng: np.random.Generator
    seq: int = 0
    _east_m: float = 0.0
    _north_m: float = 0.0
    _jump: tuple[float, float] = (0.0, 0.0)
    _jump_until: datetime | None = None
    _outage_until: datetime | None = None
    _kept: list[Fix] = field(default_factory=list)
    _clock_offset_s: float = field(init=False)
    _clock_drift: float = field(init=False)
    _started: datetime | None = None

    def __post_init__(self) -> None:
        model = self.model
        self._clock_offset_s = float(self.rng.uniform(-1, 1)) * model.clock_offset_s
        self._clock_drift = float(self.rng.uniform(-1, 1)) * model.clock_drift_ppm * 1e-6
        self._east_m, self._north_m = (float(v) for v in self.rng.normal(0, model.noise_m, 2))

    def report(self, truth: Truth, now: datetime, interval_s: float, odometer_m: float) -> list[list[Fix]]:
        """Messages to send at `now`, oldest first; each is one fix, or a burst of several."""
        self._started = self._started or now
        if not (self.model.has_tunnels and truth.is_in_tunnel):
            self._kept.append(self._measure(truth, now, interval_s, odometer_m))
        if self._is_out(now, interval_s):
            return []
        kept, self._kept = self._kept, []
        size = self.model.burst_fixes
        return [kept[start : start + size] for start in range(0, len(kept), size)]

    def _is_out(self, now: datetime, interval_s: float) -> bool:
        if self._outage_until is not None and now < self._outage_until:
            return True
        self._outage_until = None
        if self.rng.random() < self.model.outages_per_h * interval_s / 3600:
            self._outage_until = now + timedelta(seconds=float(self.rng.exponential(self.model.outage_s)))
            return True
        return False

    def _measure(self, truth: Truth, now: datetime, interval_s: float, odometer_m: float) -> Fix:
        self._let_noise_wander(interval_s)
        jump_east, jump_north = self._multipath(now, interval_s)
        east, north = self._east_m + jump_east, self._north_m + jump_north
        self.seq += 1
        accuracy = max(2.0, self.model.noise_m * float(self.rng.uniform(0.7, 1.4)))
        is_moving = truth.speed_mps > 0.3
        speed = max(0.0, truth.speed_mps + float(self.rng.normal(0, 0.25))) if is_moving else 0.0
        return Fix(
            time=self._device_time(now),
            lat=round(truth.lat + north / METRES_PER_DEGREE, 7),
            lon=round(truth.lon + east / metres_per_degree_lon(truth.lat), 7),
            speed_mps=round(speed, 2),
            heading_deg=round((truth.heading_deg + float(self.rng.normal(0, 3))) % 360, 1) % 360 if is_moving else None,
            accuracy_m=round(accuracy, 1),
            satellites=int(self.rng.integers(7, 14)),
            seq=self.seq,
            extras={"ignition": is_moving or not truth.is_serving, "odometer_m": round(odometer_m)},
        )

    def _let_noise_wander(self, interval_s: float) -> None:
        model = self.model
        keep = math.exp(-interval_s / model.noise_correlation_s)
        spread = model.noise_m * math.sqrt(1 - keep * keep)
        self._east_m = keep * self._east_m + float(self.rng.normal(0, spread))
        self._north_m = keep * self._north_m + float(self.rng.normal(0, spread))

    def _multipath(self, now: datetime, interval_s: float) -> tuple[float, float]:
        if self._jump_until is not None and now < self._jump_until:
            return self._jump
        self._jump_until = None
        if self.rng.random() >= self.model.jumps_per_h * interval_s / 3600:
            return 0.0, 0.0
        reach, towards = float(self.rng.uniform(60, 150)), float(self.rng.uniform(0, 2 * math.pi))
        self._jump = (reach * math.sin(towards), reach * math.cos(towards))
        self._jump_until = now + timedelta(seconds=float(self.rng.uniform(2, 12)))
        return self._jump

    def _device_time(self, now: datetime) -> datetime:
        assert self._started is not None
        drifted = (now - self._started).total_seconds() * self._clock_drift
        shifted = now + timedelta(seconds=self._clock_offset_s + drifted)
        return shifted.replace(microsecond=shifted.microsecond // 1000 * 1000)
