"""Which vehicle a tracker's fixes belong to: (tenant, ident) to the store's key of the vehicle.

Holds what the store knows, lean enough for a million trackers (two dict entries and one text each). Trackers that nobody
registered are named by `unknown`, registered by the caller through the store, a batch at a time, and learnt. A tracker without
a vehicle (quarantined, or taken off its vehicle) is known with the key 0: its messages are dead letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from fleet.fix import NO_VEHICLE, Int64s
from fleet.screening import Reason
from fleet.vehicle import Mounting
from ingest.protocol import Decoded, Refusal

#: More trackers than one worker is meant for; beyond, strangers are refused, so that invented idents cannot fill the memory.
DEFAULT_MOST_TRACKERS: Final = 2_000_000

#: A tenant is a level of the live topics and part of addresses: letters, digits and a few marks, of any script.
_TENANT: Final = re.compile(r"[\w.@~-][\w.@~ -]{0,63}")
_LONGEST_IDENT: Final = 128
#: Wildcards would let a tracker's name select others' topics; U+FFFD stands where bytes were not UTF-8.
_NOT_IN_IDENT: Final = frozenset("+#\N{REPLACEMENT CHARACTER}")


def ident_problem(tenant: str, ident: str) -> str:
    """What is wrong with a tracker's name; empty where nothing is."""
    if not _TENANT.fullmatch(tenant):
        return "the tenant is empty, too long or has characters that no tenant has"
    if not ident:
        return "the tracker's ident is empty"
    if len(ident) > _LONGEST_IDENT:
        return f"the tracker's ident has {len(ident)} characters, more than {_LONGEST_IDENT}"
    if not ident.isprintable() or not _NOT_IN_IDENT.isdisjoint(ident):
        return "the tracker's ident has characters that no ident has"
    return ""


class Registry:
    """Mountings by tracker and vehicles by key."""

    def __init__(self, *, most_trackers: int = DEFAULT_MOST_TRACKERS) -> None:
        self._most_trackers = most_trackers
        self._keys: dict[str, dict[str, int]] = {}
        self._vehicles: dict[int, tuple[str, str]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Trackers known."""
        return self._count

    def learn(self, mountings: Iterable[Mounting]) -> None:
        """Take in what the store says of these trackers."""
        for mounting in mountings:
            of_tenant = self._keys.setdefault(mounting.tenant, {})
            self._count += mounting.tracker not in of_tenant
            of_tenant[mounting.tracker] = mounting.key
            if mounting.key != NO_VEHICLE and mounting.key not in self._vehicles:
                # Most vehicles are named for their tracker: one text serves both.
                name = mounting.tracker if mounting.vehicle == mounting.tracker else mounting.vehicle
                self._vehicles[mounting.key] = (mounting.tenant, name)

    def replace(self, mountings: Iterable[Mounting]) -> None:
        """Forget all, learn these. A tracker that is missing by accident (registered meanwhile) is merely looked up again."""
        self._keys, self._vehicles, self._count = {}, {}, 0
        self.learn(mountings)

    def key_of(self, tenant: str, ident: str) -> int:
        """The key of the vehicle that a tracker is mounted on; 0 where it is on none, or not known."""
        return self._keys.get(tenant, {}).get(ident, NO_VEHICLE)

    def vehicle(self, key: int) -> tuple[str, str]:
        """(tenant, id) of a vehicle. Raises KeyError for a key that is not known."""
        return self._vehicles[key]

    def unknown(self, trackers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those that nobody registered and that may be registered, each once."""
        keys = self._keys
        strangers = [one for one in trackers if one[1] not in keys.get(one[0], ())]
        if not strangers:
            return []
        room = max(0, self._most_trackers - self._count)
        return [one for one in dict.fromkeys(strangers) if not ident_problem(*one)][:room]

    def resolve(self, decoded: Decoded) -> list[Refusal]:
        """Fill in `fixes.vehicle`; fixes of trackers without a vehicle are taken out and refused, one refusal a message."""
        keys = self._keys_of(decoded.trackers)
        vehicle = keys[decoded.tracker] if len(decoded.tracker) else np.zeros(0, np.int64)
        decoded.fixes.vehicle = vehicle
        if vehicle.all():
            return []
        homeless = vehicle == NO_VEHICLE
        tracker_of = dict(zip(decoded.fixes.message[homeless].tolist(), decoded.tracker[homeless].tolist(), strict=True))
        refused = [self._refusal(message, decoded.trackers[tracker]) for message, tracker in tracker_of.items()]
        decoded.fixes = decoded.fixes.take(~homeless)
        decoded.tracker = decoded.tracker[~homeless]
        return refused

    def _keys_of(self, trackers: Sequence[tuple[str, str]]) -> Int64s:
        known = self._keys
        nobody: dict[str, int] = {}
        return np.array([known.get(tenant, nobody).get(ident, NO_VEHICLE) for tenant, ident in trackers], np.int64)

    def _refusal(self, message: int, tracker: tuple[str, str]) -> Refusal:
        tenant, ident = tracker
        problem = ident_problem(tenant, ident)
        if problem:
            return Refusal(message=message, reason=Reason.INVALID_TOPIC, detail=problem)
        if ident not in self._keys.get(tenant, ()):
            detail = f"no room for another tracker beside {self._count}"
        else:
            detail = f"tracker {ident!r} of {tenant!r} has no vehicle"
        return Refusal(message=message, reason=Reason.UNKNOWN_TRACKER, detail=detail)
