"""Which vehicle a tracker's fixes belong to: (tenant, ident) to the store's key of the vehicle.

Holds what the store knows in columns, some 70 bytes a tracker (`fleet.mountings`). Trackers that nobody registered are named by
`unknown`, registered by the caller through the store, a batch at a time, and learnt. A tracker without a vehicle (quarantined, or
taken off its vehicle) is known with the key 0: its messages are dead letters.

1. Who was heard lately is found in a dictionary: one look a tracker, as long as no more are under way than it holds.
2. Who is not is looked for in the columns, all of a batch at once.
3. Who was learnt since the columns were made is in a dictionary of its own, until there are so many that they become columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import numpy as np

from fleet.fix import NO_VEHICLE, Int32s, Int64s
from fleet.mountings import Mountings
from fleet.screening import Reason
from fleet.vehicle import Mounting
from ingest.protocol import Decoded, Refusal
from ingest.tracker_index import NO_ROW, TrackerIndex

#: Tenant and ident, or tenant and vehicle.
Name: TypeAlias = tuple[str, str]
#: The name of a vehicle that is not known.
NOBODY: Final = ("", "")

#: More trackers than one worker is meant for; beyond, strangers are refused, so that invented idents cannot fill the memory.
DEFAULT_MOST_TRACKERS: Final = 2_000_000

#: Trackers remembered as heard lately. Beyond it the memory is emptied and fills again.
_REMEMBERED: Final = 1 << 17
#: Trackers learnt one by one before the columns are made anew.
_MOST_LEARNT: Final = 1 << 16
#: What `_found` says of a tracker that is not known; of others, the key.
_STRANGER: Final = -1

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
        self._table = _Table(Mountings())
        self._count = 0
        self._recent: dict[Name, int] = {}
        self._learnt: dict[Name, Mounting] = {}
        #: Those that the table does not have.
        self._vehicles: dict[int, Name] = {}
        #: The trackers that were looked up last, and what was found: they are asked for twice a batch.
        self._last: tuple[Sequence[Name], list[int]] | None = None

    def __len__(self) -> int:
        """Trackers known."""
        return self._count

    def learn(self, mountings: Iterable[Mounting]) -> None:
        """Take in what the store says of these trackers."""
        learnt = {(one.tenant, one.tracker): one for one in mountings}
        self._count += self._found(list(learnt)).count(_STRANGER)
        self._learnt |= learnt
        self._recent |= {name: one.key for name, one in learnt.items()}
        self._last = None
        keys = np.array([one.key for one in learnt.values()], np.int64)
        for one, known in zip(learnt.values(), self.vehicles(keys), strict=True):
            if known == NOBODY and one.key != NO_VEHICLE:
                self._vehicles[one.key] = (one.tenant, one.vehicle)
        if len(self._learnt) > _MOST_LEARNT:
            self._make_columns()

    def replace(self, mountings: Iterable[Mounting]) -> None:
        """Forget all, learn these, which name each tracker once (columns become the registry's own). A tracker that is missing by
        accident (registered meanwhile) is merely looked up again."""
        self._table = _Table(Mountings.of(mountings))
        self._count = len(self._table.mountings)
        self._recent, self._learnt, self._vehicles, self._last = {}, {}, {}, None

    def key_of(self, tenant: str, ident: str) -> int:
        """The key of the vehicle that a tracker is mounted on; 0 where it is on none, or not known."""
        return max(self._found([(tenant, ident)])[0], NO_VEHICLE)

    def vehicle(self, key: int) -> tuple[str, str]:
        """(tenant, id) of a vehicle. Raises KeyError for a key that is not known."""
        return self._table.vehicle(key) or self._vehicles[key]

    def vehicles(self, keys: Int64s) -> list[tuple[str, str]]:
        """(tenant, id) of vehicles; NOBODY for those that are not known."""
        found = self._table.vehicles(keys)
        if not self._vehicles:
            return found
        learnt = self._vehicles
        return [learnt.get(key, NOBODY) if one is NOBODY else one for key, one in zip(keys.tolist(), found, strict=True)]

    def unknown(self, trackers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those that nobody registered and that may be registered, each once."""
        keys = self._found(trackers)
        if _STRANGER not in keys:
            return []
        room = max(0, self._most_trackers - self._count)
        strangers = dict.fromkeys(one for one, key in zip(trackers, keys, strict=True) if key == _STRANGER)
        return [one for one in strangers if not ident_problem(*one)][:room]

    def resolve(self, decoded: Decoded) -> list[Refusal]:
        """Fill in `fixes.vehicle`; fixes of trackers without a vehicle are taken out and refused, one refusal a message."""
        found = np.array(self._found(decoded.trackers), np.int64)
        vehicle = found[decoded.tracker] if len(decoded.tracker) else np.zeros(0, np.int64)
        decoded.fixes.vehicle = vehicle
        homeless = vehicle <= NO_VEHICLE
        if not homeless.any():
            return []
        tracker_of = dict(zip(decoded.fixes.message[homeless].tolist(), decoded.tracker[homeless].tolist(), strict=True))
        refused = [
            self._refusal(message, decoded.trackers[tracker], is_stranger=found[tracker] == _STRANGER)
            for message, tracker in tracker_of.items()
        ]
        decoded.fixes = decoded.fixes.take(~homeless)
        decoded.tracker = decoded.tracker[~homeless]
        return refused

    def _found(self, trackers: Sequence[Name]) -> list[int]:
        """The keys of trackers; _STRANGER for those that are not known."""
        if self._last is not None and self._last[0] is trackers:
            return self._last[1]
        try:
            keys = list(map(self._recent.__getitem__, trackers))
        except KeyError:
            keys = self._looked_up(trackers)
        self._last = (trackers, keys)
        return keys

    def _looked_up(self, trackers: Sequence[Name]) -> list[int]:
        recent, learnt = self._recent, self._learnt
        found = {one: learnt[one].key for one in trackers if one in learnt} if learnt else {}
        missing = [one for one in dict.fromkeys(trackers) if one not in recent and one not in found]
        found |= zip(missing, self._table.keys_of(missing).tolist(), strict=True)
        keys = [found[one] if one in found else recent[one] for one in trackers]
        if len(recent) + len(found) > _REMEMBERED:
            recent.clear()
        recent |= {one: key for one, key in found.items() if key != _STRANGER}
        return keys

    def _make_columns(self) -> None:
        """Take what was learnt into the table. A vehicle that has lost its tracker keeps its name."""
        learnt, self._learnt = self._learnt, {}
        mountings, rows = self._table.mountings, self._table.rows_of(list(learnt))
        is_new = rows == NO_ROW
        before = mountings.key[rows[~is_new]]
        self._vehicles |= zip(before.tolist(), self._table.vehicles(before), strict=True)
        mountings.put(np.where(is_new, len(mountings) + np.cumsum(is_new) - 1, rows), list(learnt.values()))
        self._table = _Table(mountings)
        known = self._table.vehicles(np.fromiter(self._vehicles, np.int64, len(self._vehicles)))
        self._vehicles = {
            key: name for (key, name), found in zip(self._vehicles.items(), known, strict=True) if NOBODY == found != name
        }

    def _refusal(self, message: int, tracker: Name, *, is_stranger: bool) -> Refusal:
        tenant, ident = tracker
        problem = ident_problem(tenant, ident)
        if problem:
            return Refusal(message=message, reason=Reason.INVALID_TOPIC, detail=problem)
        if is_stranger:
            detail = f"no room for another tracker beside {self._count}"
        else:
            detail = f"tracker {ident!r} of {tenant!r} has no vehicle"
        return Refusal(message=message, reason=Reason.UNKNOWN_TRACKER, detail=detail)


class _Table:
    """Mountings as they were at one instant, found by tracker and by vehicle."""

    def __init__(self, mountings: Mountings) -> None:
        self.mountings = mountings
        self._index = TrackerIndex(mountings)
        keys, rows = np.unique(mountings.key, return_index=True)
        first = int(np.searchsorted(keys, NO_VEHICLE, side="right"))
        self._keys: Int64s = keys[first:]
        self._rows: Int32s = rows[first:].astype(np.int32)

    def rows_of(self, trackers: Sequence[Name]) -> Int32s:
        """The rows of trackers; NO_ROW where one is not here."""
        return self._index.find(trackers)

    def keys_of(self, trackers: Sequence[Name]) -> Int64s:
        """The keys of trackers; _STRANGER where one is not here."""
        if not len(self.mountings):
            return np.full(len(trackers), _STRANGER)
        rows = self.rows_of(trackers)
        return np.where(rows == NO_ROW, _STRANGER, self.mountings.key[rows])

    def vehicle(self, key: int) -> Name | None:
        """(tenant, id) of one vehicle."""
        at = int(self._keys.searchsorted(key))
        if at == len(self._keys) or self._keys[at] != key:
            return None
        row, mountings = int(self._rows[at]), self.mountings
        return mountings.tenants[mountings.tenant[row]], mountings.vehicle[row]

    def vehicles(self, keys: Int64s) -> list[Name]:
        """(tenant, id) of vehicles; NOBODY for those that are not here."""
        if not len(self._keys):
            return [NOBODY] * len(keys)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        rows, mountings = self._rows[at], self.mountings
        tenants = map(mountings.tenants.__getitem__, mountings.tenant[rows].tolist())
        found = list(zip(tenants, mountings.vehicle.texts(rows), strict=True))
        for position in np.flatnonzero(self._keys[at] != keys).tolist():
            found[position] = NOBODY
        return found
