"""What the engine of fences keeps of its vehicles, by slot: each one's last fix and its stays. In and out of snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from geofence.last_fixes import LAST, LastFixes
from geofence.plan import FencePlan
from geofence.roster import Roster
from geofence.slots import NO_SLOT, as_keys
from geofence.stays import CONFIRMED, PRESUMED_SILENT, REPORTING, Stay, StayTable, packed, unpacked


class FenceStates:
    """`orphans` are visits whose fences were gone when their state was restored, with the ids of those fences; `touched` are the
    slots of vehicles whose state has changed otherwise than by a step."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self.last = LastFixes()
        self.stays = StayTable()
        self.orphans: list[tuple[str, Stay]] = []
        self.touched: set[int] = set()

    def reserve(self) -> None:
        """Make room for all vehicles of the roster."""
        if len(self.roster) > len(self.last):
            self.last.reserve(len(self.roster))
            self.stays.reserve(len(self.last))

    def slot_of(self, key: int) -> int:
        """The slot of a vehicle of which something is kept, or NO_SLOT."""
        slot = self.roster.slots.find_one(key)
        return slot if slot < len(self.last) else NO_SLOT

    def snapshot(self, keys: Iterable[int], plan: FencePlan) -> dict[int, bytes]:
        wanted = as_keys(keys)
        slots = self.roster.assign(wanted)
        self.reserve()
        states = dict(zip(wanted.tolist(), self.last.packed(slots), strict=True))
        for at in self.stays.counts[slots].nonzero()[0].tolist():
            states[int(wanted[at])] += self._packed(int(slots[at]), plan)
        return states

    def restore(self, states: Mapping[int, bytes], plan: FencePlan) -> None:
        slots = self.roster.assign(as_keys(states))
        self.reserve()
        self.last.unpack(slots, states.values())
        if self.orphans:  # of an earlier attempt to restore these
            restored = set(slots.tolist())
            self.orphans = [(name, stay) for name, stay in self.orphans if stay.slot not in restored]
        size = LAST.itemsize
        for slot, state in zip(slots.tolist(), states.values(), strict=True):
            if len(state) > size or self.stays.counts[slot]:
                self.stays.put(slot, self._unpacked(slot, state[size:], plan))

    def put(self, slot: int, stays: list[Stay]) -> None:
        """Keep stays that changed otherwise than by a step."""
        self.stays.put(slot, stays)
        self.touched.add(slot)

    def forget(self, slot: int) -> None:
        self.last.forget(slot)
        self.stays.put(slot, [])

    def forget_presumptions(self, slot: int) -> None:
        """What the passing of time alone has said of a vehicle is unsaid: its state is that of its fixes."""
        stays = self.stays.of(slot)
        for stay in stays:
            if stay.silent == PRESUMED_SILENT:
                stay.silent = REPORTING
        self.stays.put(slot, stays)
        self.orphans = [(name, stay) for name, stay in self.orphans if stay.slot != slot]

    def is_settled(self, slot: int) -> bool:
        """Whether nothing that later fixes bring about can be dated before the vehicle's last fix."""
        last = int(self.last.time[slot])
        return all(stay.phase == CONFIRMED and stay.last == last < stay.dwell_due for stay in self.stays.of(slot))

    def _packed(self, slot: int, plan: FencePlan) -> bytes:
        """In order of the fences' ids: their numbers are those of one process."""
        named = sorted(((plan.fences[stay.fence].fence.id, stay) for stay in self.stays.of(slot)), key=lambda pair: pair[0])
        return packed([stay for _, stay in named], [name for name, _ in named])

    def _unpacked(self, slot: int, data: bytes, plan: FencePlan) -> list[Stay]:
        """The stays, numbered by this plan. Visits of fences that have been deleted since end with the next step or tick."""
        found = []
        for stay, name in unpacked(data):
            number = plan.numbers.get((self.roster.whose(slot)[0], name))
            stay.slot = slot
            if number is not None and number in plan.fences:
                stay.fence = number
                found.append(stay)
            elif stay.phase == CONFIRMED and stay.silent != PRESUMED_SILENT:
                self.orphans.append((name, stay))
        return found
