"""Whose fixes: known trackers, strangers, and names that no tracker has."""

import tracemalloc

import pytest

from fleet.screening import Reason
from fleet.vehicle import Mounting, TrackerStatus
from ingest.formats.native import Native
from ingest.protocol import Decoded
from ingest.registry import Registry, ident_problem
from tests.unit.ingest.messages import batch_of

FIX = b'{"time":1771257483120,"lat":60.1,"lon":24.9}'


def mounting(tracker: str, key: int, tenant: str = "a", vehicle: str | None = None) -> Mounting:
    status = TrackerStatus.ACTIVE if key else TrackerStatus.QUARANTINED
    return Mounting(tenant=tenant, tracker=tracker, status=status, key=key, vehicle=vehicle or tracker)


def decoded(*trackers: str, payload: bytes = FIX) -> Decoded:
    return Native().decode(batch_of([payload] * len(trackers), [f"fleet/{tracker}/fix" for tracker in trackers]), "default")


def test_known_trackers_get_their_vehicle() -> None:
    registry = Registry()
    registry.learn([mounting("x", 7), mounting("y", 8, vehicle="van-8"), mounting("x", 9, tenant="b")])
    batch = decoded("a/x", "b/x", "a/y", "a/x")
    assert registry.unknown(batch.trackers) == []
    assert registry.resolve(batch) == []
    assert batch.fixes.vehicle.tolist() == [7, 9, 8, 7]
    assert (registry.vehicle(8), registry.vehicle(9)) == (("a", "van-8"), ("b", "x"))


def test_strangers_are_named_once_and_refused_until_learnt() -> None:
    registry = Registry()
    registry.learn([mounting("x", 7)])
    batch = decoded("a/new", "a/x", "a/new")
    assert registry.unknown(batch.trackers) == [("a", "new")]
    refused = registry.resolve(batch)
    assert [(one.message, one.reason) for one in refused] == [(0, Reason.UNKNOWN_TRACKER), (2, Reason.UNKNOWN_TRACKER)]
    assert batch.fixes.vehicle.tolist() == [7]
    assert batch.fixes.message.tolist() == [1]


def test_a_quarantined_tracker_is_known_and_refused() -> None:
    registry = Registry()
    registry.learn([mounting("x", 0)])
    batch = decoded("a/x")
    assert registry.unknown(batch.trackers) == []
    (refusal,) = registry.resolve(batch)
    assert (refusal.reason, refusal.detail) == (Reason.UNKNOWN_TRACKER, "tracker 'x' of 'a' has no vehicle")


def test_one_refusal_a_message_however_many_fixes() -> None:
    registry = Registry()
    assert len(registry.resolve(decoded("a/x", payload=b"[" + FIX + b"," + FIX + b"]"))) == 1


def test_replacing_forgets() -> None:
    registry = Registry()
    registry.learn([mounting("x", 7), mounting("y", 8)])
    registry.replace([mounting("y", 18)])
    assert len(registry) == 1
    assert registry.unknown([("a", "x"), ("a", "y")]) == [("a", "x")]
    batch = decoded("a/y")
    registry.resolve(batch)
    assert batch.fixes.vehicle.tolist() == [18]


def test_learning_again_does_not_count_twice() -> None:
    registry = Registry()
    registry.learn([mounting("x", 0)])
    registry.learn([mounting("x", 7)])
    assert len(registry) == 1


@pytest.mark.parametrize(
    ("tenant", "ident"),
    [("", "x"), ("a", ""), ("a", "x\x1fy"), ("a", "x\n"), ("a\0", "x"), ("a", "\N{REPLACEMENT CHARACTER}"), ("a", "x+"), ("a", "#"),
     ("a", "x" * 129), ("t" * 65, "x"), ("a b\n", "x"), ("+", "x")],
)  # fmt: skip
def test_names_that_no_tracker_has(tenant: str, ident: str) -> None:
    registry = Registry()
    assert ident_problem(tenant, ident)
    assert registry.unknown([(tenant, ident)]) == []


@pytest.mark.parametrize(
    ("tenant", "ident"), [("default", "0018/01029"), ("akmé-2", "352093081452251"), ("a", "Länsi 7"), ("a", "x" * 128)]
)
def test_names_that_are_fine(tenant: str, ident: str) -> None:
    assert ident_problem(tenant, ident) == ""


def test_a_bad_name_is_the_topics_fault() -> None:
    (refusal,) = Registry().resolve(decoded("a/x\x07"))
    assert refusal.reason is Reason.INVALID_TOPIC


def test_invented_idents_cannot_fill_the_memory() -> None:
    registry = Registry(most_trackers=3)
    registry.learn([mounting("x", 1), mounting("y", 2)])
    strangers = [("a", f"new-{number}") for number in range(10)]
    assert registry.unknown(strangers) == strangers[:1]
    registry.learn([mounting("new-0", 3)])
    assert registry.unknown(strangers) == []
    (refusal,) = registry.resolve(decoded("a/new-5"))
    assert (refusal.reason, refusal.detail) == (Reason.UNKNOWN_TRACKER, "no room for another tracker beside 3")


def test_a_tracker_costs_few_bytes() -> None:
    """A million must fit beside everything else in a gigabyte."""
    count = 50_000
    tracemalloc.start()
    try:
        registry = Registry()
        registry.learn(mounting(f"35209308145{number:05}", number + 1) for number in range(count))
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(registry) == count
    assert size / count < 500
