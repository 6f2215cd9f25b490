"""How wrong forecasts of each horizon have been. The newest errors themselves are kept: the quantiles, and the best instant to
tell, are read off them, so that an interval means what it says whatever the traffic."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from eta.horizon import BANDS, CENTRES_S, band_of, tolerance_s
from eta.settings import EtaSettings
from fleet.fix import Float64s
from fleet.progress import Positions

#: Deciles of the error that a model starts from, as shares of 15 s + 0.16 of the horizon: a vehicle loses more than it wins.
_START: Final = np.array([-1.5, -1.0, -0.7, -0.45, -0.2, 0.0, 0.2, 0.5, 0.9, 1.4, 2.2])
_START_S: Final = 15.0
_START_SHARE: Final = 0.16
#: The quantiles are read again after so many new errors.
_READ_EVERY: Final = 20
#: Offsets at which nearly as many errors lie within the tolerance (less by one in so many) are as good as the best.
_AS_GOOD: Final = 50


_SPANS_S: Final = np.diff(CENTRES_S)

#: What is read off the errors, a row each: their 10 %, 50 % and 90 % quantiles, and what to add to a forecast, to tell it; a column
#: a band.
Readings = Float64s


class ErrorBands:
    """A ring of errors a band, seconds (positive: the vehicle came later than forecast).

    `readings` is never changed: with new errors there are other readings, so that who holds these goes on from what was known.
    """

    def __init__(self, settings: EtaSettings) -> None:
        self._errors = np.zeros((BANDS, settings.errors_kept), np.float32)
        self._took = np.zeros((BANDS, settings.errors_kept), np.float32)
        self._next = np.full(BANDS, settings.errors_prior, np.int64)
        shares = np.interp(np.linspace(0, len(_START) - 1, settings.errors_prior), np.arange(len(_START)), _START)
        start_s = shares * (_START_S + _START_SHARE * CENTRES_S)[:, None]
        self._errors[:, : settings.errors_prior] = start_s
        self._took[:, : settings.errors_prior] = np.maximum(CENTRES_S[:, None] + start_s, 0.0)
        self.readings: Readings = np.zeros((4, BANDS))
        for band in range(BANDS):
            self._read(band)

    def learn(self, horizon_s: float, error_s: float) -> None:
        """A forecast of this horizon has come true."""
        band = band_of(horizon_s)
        slot = self._next[band] % self._errors.shape[1]
        self._errors[band, slot], self._took[band, slot] = error_s, max(0.0, horizon_s + error_s)
        self._next[band] += 1
        if self._next[band] % _READ_EVERY == 0:
            self._read(band)

    def _read(self, band: int) -> None:
        # What came since the last reading is left out: then reading again after a restart gives the same.
        count = int(self._next[band]) - int(self._next[band]) % _READ_EVERY
        kept = slice(min(count, self._errors.shape[1]))
        errors = self._errors[band, kept].astype(np.float64)
        told_s = best_offset_s(errors, self._took[band, kept].astype(np.float64))
        errors.sort()
        quantiles = [_quantile(errors, share) for share in (0.1, 0.5, 0.9)]
        self.readings = self.readings.copy()
        self.readings[:, band] = (*quantiles, min(told_s, quantiles[1]))

    def snapshot(self) -> bytes:
        kept = self._errors.shape[1], self._errors.tobytes(), self.readings.tobytes()
        return msgspec.msgpack.encode((self._next.tolist(), *kept))

    def restore(self, state: bytes) -> None:
        """Raises msgspec.DecodeError. Errors kept with another size of ring are dropped."""
        following, kept, errors, readings = msgspec.msgpack.decode(state, type=tuple[list[int], int, bytes, bytes])
        if kept != self._errors.shape[1] or len(following) != BANDS:
            return
        self._next = np.array(following, np.int64)
        self._errors = np.frombuffer(errors, np.float32).reshape(BANDS, kept).copy()
        self.readings = np.frombuffer(readings).reshape(4, BANDS)


def _quantile(ordered: Float64s, share: float) -> float:
    """Of values in order, interpolated between the two next to it (definition 7 of Hyndman and Fan 1996, `numpy.quantile`'s own,
    which takes far longer for a few hundred values)."""
    position = (len(ordered) - 1) * share
    left = int(position)
    part, low, high = position - left, ordered.item(left), ordered.item(min(left + 1, len(ordered) - 1))
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1.0 - part)


def between(readings: Readings, numbers: Positions, horizon_s: Float64s) -> Float64s:
    """The four rows of what was read, at each horizon: known at the centres of the bands, interpolated between them (at least the
    first centre's, at most the last's). `readings` has the shape (N, 4, bands); `numbers`: which of the N goes for each horizon."""
    right = np.minimum(np.maximum(CENTRES_S.searchsorted(horizon_s), 1), BANDS - 1)
    share = (horizon_s - CENTRES_S[right - 1]) / _SPANS_S[right - 1]
    share = np.minimum(np.maximum(share, 0.0), 1.0)
    rows = readings.transpose(1, 0, 2).reshape(4, -1)
    right += numbers * BANDS
    return np.asarray(rows[:, right - 1] * (1.0 - share) + rows[:, right] * share)


def best_offset_s(errors: Float64s, took_s: Float64s) -> float:
    """The offset to a forecast at which most errors lie within the benchmark's tolerance for the time that it took.

    Each error allows the offsets [error - late, error + early]; wanted is where most of these intervals overlap, and the mean of
    all places nearly as good, so that a few errors more do not make it jump.
    """
    early_s, late_s = tolerance_s(took_s)
    starts, ends = np.sort(errors - late_s), np.sort(errors + early_s)
    overlap = np.concatenate(
        [
            _up_to_each(starts) - ends.searchsorted(starts),
            starts.searchsorted(ends, side="right") - _before_each(ends),
        ]
    )
    good = overlap >= overlap.max() - max(1, errors.size // _AS_GOOD)
    return float(np.concatenate([starts, ends])[good].mean())


def _up_to_each(ordered: Float64s) -> Positions:
    """How many of the values are no larger than each. Where all are different, that is known without a search."""
    if bool((ordered[1:] > ordered[:-1]).all()):
        return np.arange(1, len(ordered) + 1)
    return ordered.searchsorted(ordered, side="right")


def _before_each(ordered: Float64s) -> Positions:
    """How many of the values are smaller than each."""
    if bool((ordered[1:] > ordered[:-1]).all()):
        return np.arange(len(ordered))
    return ordered.searchsorted(ordered)
