"""The newest prediction for each stop, in order of change, for readers that want ETAs.

Bounded: beyond `capacity` stops the one that was renewed longest ago is forgotten (it is still in the store; a prediction of
a route under way is renewed every minute, so what falls out belongs to routes long done).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from fleet.clock import parse_rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEta:
    #: Grows with each change on the whole board.
    number: int
    at: float
    tenant: str
    vehicle: str
    route: str
    text: bytes


class EtaBoard:
    def __init__(self, capacity: int = 200_000) -> None:
        self.number = 0
        self._capacity = capacity
        self._etas: OrderedDict[tuple[str, str, str], KnownEta] = OrderedDict()

    def __len__(self) -> int:
        return len(self._etas)

    def apply(self, tenant: str, etas: list[dict[str, Any]]) -> int:
        """Take in predictions that are newer than those here; the number of those. Raises ValueError for a bad instant."""
        taken = 0
        for eta in etas:
            key = (tenant, eta["route"], eta["stop"])
            at = parse_rfc3339(eta["at"]).timestamp()
            known = self._etas.get(key)
            if known is not None and known.at >= at:
                continue
            self.number += 1
            taken += 1
            self._etas[key] = KnownEta(
                number=self.number, at=at, tenant=tenant, vehicle=eta["vehicle"], route=eta["route"], text=orjson.dumps(eta)
            )
            self._etas.move_to_end(key)
        while len(self._etas) > self._capacity:
            self._etas.popitem(last=False)
        return taken

    def after(self, number: int) -> Iterator[KnownEta]:
        """What changed after `number`, newest first; costs only what it yields."""
        for eta in reversed(self._etas.values()):
            if eta.number <= number:
                return
            yield eta
