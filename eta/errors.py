"""How wrong forecasts of each horizon have been. The newest errors themselves are kept: the quantiles, and the best instant to
tell, are read off them, so that an interval means what it says whatever the traffic."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from eta.horizon import BANDS, CENTRES_S, EARLY_S, LATE_S, band_of
from eta.settings import EtaSettings
from fleet.fix import Float64s

#: Deciles of the error that a model starts from, as shares of 15 s + 0.16 of the horizon: a vehicle loses more than it wins.
_START: Final = np.array([-1.5, -1.0, -0.7, -0.45, -0.2, 0.0, 0.2, 0.5, 0.9, 1.4, 2.2])
_START_S: Final = 15.0
_START_SHARE: Final = 0.16
#: The quantiles are read again after so many new errors.
_READ_EVERY: Final = 20
#: Offsets at which nearly as many errors lie within the tolerance (less by one in so many) are as good as the best.
_AS_GOOD: Final = 50


class ErrorBands:
    """A ring of errors a band, seconds (positive: the vehicle came later than forecast).

    `low_s`, `middle_s`, `high_s`: their 10 %, 50 % and 90 % quantiles a band; `told_s`: what to add to a forecast, to tell it.
    """

    def __init__(self, settings: EtaSettings) -> None:
        self._errors = np.zeros((BANDS, settings.errors_kept), np.float32)
        self._next = np.full(BANDS, settings.errors_prior, np.int64)
        shares = np.interp(np.linspace(0, len(_START) - 1, settings.errors_prior), np.arange(len(_START)), _START)
        self._errors[:, : settings.errors_prior] = shares * (_START_S + _START_SHARE * CENTRES_S)[:, None]
        self.low_s, self.middle_s, self.high_s, self.told_s = (np.zeros(BANDS) for _ in range(4))
        self._read_all()

    def learn(self, horizon_s: float, error_s: float) -> None:
        """A forecast of this horizon has come true."""
        band = band_of(horizon_s)
        self._errors[band, self._next[band] % self._errors.shape[1]] = error_s
        self._next[band] += 1
        if self._next[band] % _READ_EVERY == 0:
            self._read(band)

    def _read_all(self) -> None:
        for band in range(BANDS):
            self._read(band)

    def _read(self, band: int) -> None:
        # What came since the last reading is left out: then reading again after a restart gives the same.
        count = int(self._next[band]) - int(self._next[band]) % _READ_EVERY
        errors = np.sort(self._errors[band, : min(count, self._errors.shape[1])].astype(np.float64))
        self.low_s[band], self.middle_s[band], self.high_s[band] = np.quantile(errors, (0.1, 0.5, 0.9))
        told_s = best_offset_s(errors, float(EARLY_S[band]), float(LATE_S[band]))
        self.told_s[band] = min(told_s, self.middle_s[band])

    def snapshot(self) -> bytes:
        readings = np.stack([self.low_s, self.middle_s, self.high_s, self.told_s]).tobytes()
        return msgspec.msgpack.encode((self._next.tolist(), self._errors.shape[1], self._errors.tobytes(), readings))

    def restore(self, state: bytes) -> None:
        """Raises msgspec.DecodeError. Errors kept with another size of ring are dropped."""
        following, kept, errors, readings = msgspec.msgpack.decode(state, type=tuple[list[int], int, bytes, bytes])
        if kept != self._errors.shape[1] or len(following) != BANDS:
            return
        self._next = np.array(following, np.int64)
        self._errors = np.frombuffer(errors, np.float32).reshape(BANDS, kept).copy()
        self.low_s, self.middle_s, self.high_s, self.told_s = np.frombuffer(readings).reshape(4, BANDS).copy()


def best_offset_s(errors: Float64s, early_s: float, late_s: float) -> float:
    """The offset at which most of the sorted errors lie within [offset - early_s, offset + late_s].

    The mean of all offsets that are as good, so that a few errors more do not make it jump.
    """
    first = np.arange(errors.size)
    beyond = np.searchsorted(errors, errors + early_s + late_s, side="right")
    inside = beyond - first
    good = inside >= inside.max() - max(1, errors.size // _AS_GOOD)
    spare_s = early_s + late_s - (errors[beyond - 1] - errors)
    return float((errors + early_s - spare_s / 2)[good].mean())
