"""A token bucket for each address, for what must not be tried too often. Pure: the time is handed in."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

#: Addresses remembered at a time; beyond it the one that was quiet longest is forgotten.
_ADDRESSES_MOST: Final = 10_000


class Throttle:
    def __init__(self, burst: int, refill_s: float) -> None:
        self._burst = burst
        self._refill_s = refill_s
        #: address -> (tokens left, at which time)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, address: str, now_s: float) -> float:
        """How long until another attempt is allowed; 0: now."""
        return max(0.0, (1.0 - self._tokens(address, now_s)) * self._refill_s)

    def spend(self, address: str, now_s: float) -> None:
        """An attempt failed."""
        self._buckets[address] = (max(0.0, self._tokens(address, now_s) - 1.0), now_s)
        self._buckets.move_to_end(address)
        if len(self._buckets) > _ADDRESSES_MOST:
            self._buckets.popitem(last=False)

    def _tokens(self, address: str, now_s: float) -> float:
        tokens, at_s = self._buckets.get(address, (float(self._burst), now_s))
        return min(float(self._burst), tokens + (now_s - at_s) / self._refill_s)
