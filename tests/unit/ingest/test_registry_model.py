"""The registry against a plain dictionary: whatever is learnt, replaced and asked for, in whatever order."""

from unittest import mock

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fleet.vehicle import Mounting, TrackerStatus
from ingest import registry as module
from ingest import tracker_index
from ingest.registry import NOBODY, Registry

TENANTS = st.sampled_from(["acme", "zeta"])
#: Idents of one word, of several, and of those that stand aside.
IDENTS = st.sampled_from(["1", "2", "x" * 8, "x" * 9, "352093081452251", "Länsi 7", "北京", "i" * 60, "i" * 61, "3", "4", "5"])
TRACKERS = st.tuples(TENANTS, IDENTS)
#: Each key is one vehicle of one tenant.
KEYS = st.integers(0, 9)


def mounting(tracker: tuple[str, str], key: int) -> Mounting:
    tenant, ident = tracker
    key = key and 2 * key + (tenant == "zeta")
    status = TrackerStatus.ACTIVE if key else TrackerStatus.QUARANTINED
    return Mounting(tenant=tenant, tracker=ident, status=status, key=key, vehicle=f"van-{key}" if key else "")


class RegistryMachine(RuleBasedStateMachine):
    """With so little memory that every way through the registry is gone; and hashes of few bits, which collide."""

    hash_bits = 32

    def __init__(self) -> None:
        super().__init__()
        self.patches = [
            mock.patch.object(module, "_REMEMBERED", 5),
            mock.patch.object(module, "_MOST_LEARNT", 3),
            mock.patch.object(tracker_index, "_HASH_BITS", self.hash_bits),
        ]
        for patch in self.patches:
            patch.start()
        self.registry = Registry(most_trackers=10)
        self.keys: dict[tuple[str, str], int] = {}
        self.names: dict[int, tuple[str, str]] = {}

    def teardown(self) -> None:
        for patch in self.patches:
            patch.stop()

    @rule(known=st.dictionaries(TRACKERS, KEYS, max_size=8))
    def replace(self, known: dict[tuple[str, str], int]) -> None:
        mountings = [mounting(tracker, key) for tracker, key in known.items()]
        self.registry.replace(mountings)
        self.keys, self.names = {}, {}
        self._note(mountings)

    @rule(learnt=st.lists(st.tuples(TRACKERS, KEYS), max_size=5))
    def learn(self, learnt: list[tuple[tuple[str, str], int]]) -> None:
        mountings = [mounting(tracker, key) for tracker, key in learnt]
        self.registry.learn(iter(mountings))
        # Of two that are said of one tracker at once, only the last one is true.
        self._note([*{(each.tenant, each.tracker): each for each in mountings}.values()])

    def _note(self, mountings: list[Mounting]) -> None:
        for each in mountings:
            self.keys[each.tenant, each.tracker] = each.key
            if each.key:
                self.names[each.key] = (each.tenant, each.vehicle)

    @rule(trackers=st.lists(TRACKERS, max_size=12))
    def ask(self, trackers: list[tuple[str, str]]) -> None:
        strangers = [one for one in dict.fromkeys(trackers) if one not in self.keys]
        assert self.registry.unknown(trackers) == strangers[: max(0, 10 - len(self.keys))]
        assert [self.registry.key_of(*one) for one in trackers] == [self.keys.get(one, 0) for one in trackers]

    @invariant()
    def knows_all_trackers_and_vehicles(self) -> None:
        assert len(self.registry) == len(self.keys)
        keys = np.arange(25)
        assert self.registry.vehicles(keys) == [self.names.get(key, NOBODY) for key in keys.tolist()]
        for key, name in self.names.items():
            assert self.registry.vehicle(key) == name


class CollidingMachine(RegistryMachine):
    hash_bits = 1


RegistryMachine.TestCase.settings = CollidingMachine.TestCase.settings = settings(stateful_step_count=20)
TestRegistry = RegistryMachine.TestCase
TestRegistryWithCollisions = CollidingMachine.TestCase
