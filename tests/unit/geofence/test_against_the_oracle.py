"""The engine of fences finds what the plain oracle finds: random fences, noisy drives, batches cut anyhow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fleet.clock import parse_rfc3339
from fleet.event import Event
from fleet.fence import Fence
from fleet.fix import Fix
from geofence.fences import FenceEngine
from tests.oracle.drives import BEGIN, batch_of, worlds
from tests.oracle.effort import effort
from tests.oracle.visits import Found, findings
from tests.unit.geofence.engines import engine_for

#: The engine cuts edges in a flat plane and to whole milliseconds, the oracle by halving.
INSTANTS_AGREE_WITHIN = timedelta(milliseconds=40)
#: The oracle tries a way at some hundred places: a fence touched more shortly than this may be missed by it.
SHORTEST_PASS = timedelta(milliseconds=400)


def events_of(engine: FenceEngine, fixes: Sequence[Fix], cuts: Sequence[int]) -> list[Event]:
    batch = batch_of(fixes)
    events = []
    for start, end in zip([0, *cuts], [*cuts, len(fixes)], strict=True):
        events += engine.step(batch.take(np.arange(start, end)), BEGIN).events
    return events


def as_found(events: Sequence[Event]) -> dict[str, list[Found]]:
    """Events in the oracle's words, by fence."""
    result: dict[str, list[Found]] = {}
    for event in events:
        data = event.data
        found = Found(
            kind=event.type,
            at=event.occurred_at,
            entered_at=parse_rfc3339(data["entered_at"]) if "entered_at" in data else event.occurred_at,
            exited_at=parse_rfc3339(data["exited_at"]) if "exited_at" in data else None,
            reason=data.get("reason"),
            end_uncertain=data.get("end_uncertain"),
        )
        result.setdefault(data["fence"], []).append(found)
    return result


def agree(ours: Sequence[Found], theirs: Sequence[Found]) -> None:
    """The same findings, at the same instants."""
    kept = [[found for found in side if not is_too_short(found)] for side in (ours, theirs)]
    assert [(found.kind, found.reason, found.end_uncertain) for found in kept[0]] == [
        (found.kind, found.reason, found.end_uncertain) for found in kept[1]
    ], f"engine: {ours}\noracle: {theirs}"
    for one, other in zip(*kept, strict=True):
        for name in ("at", "entered_at", "exited_at"):
            mine, yours = getattr(one, name), getattr(other, name)
            assert mine is yours or abs(mine - yours) <= INSTANTS_AGREE_WITHIN, f"{name}: {one} {other}"


def is_too_short(found: Found) -> bool:
    return found.exited_at is not None and found.entered_at is not None and found.exited_at - found.entered_at < SHORTEST_PASS


@effort(150)
@given(world=worlds(), data=st.data())
def test_finds_what_the_oracle_finds(world: tuple[list[Fence], list[Fix]], data: st.DataObject) -> None:
    fence_list, fixes = world
    cuts = sorted(data.draw(st.lists(st.integers(0, len(fixes)), max_size=20)))
    found = as_found(events_of(engine_for(fence_list, folds_all=data.draw(st.booleans())), fixes, cuts))
    for name, expected in findings(fixes, fence_list).items():
        agree(found.get(name, []), expected)


@effort(60)
@given(world=worlds())
def test_finds_the_same_one_fix_at_a_time_and_all_at_once(world: tuple[list[Fence], list[Fix]]) -> None:
    fence_list, fixes = world
    one_by_one = events_of(engine_for(fence_list), fixes, range(1, len(fixes)))
    at_once = events_of(engine_for(fence_list), fixes, [])
    key = lambda event: (event.type, event.occurred_at, event.id)  # noqa: E731
    assert sorted(one_by_one, key=key) == sorted(at_once, key=key)


@effort(40)
@given(world=worlds(), data=st.data())
def test_goes_on_from_a_snapshot_as_if_nothing_had_happened(world: tuple[list[Fence], list[Fix]], data: st.DataObject) -> None:
    fence_list, fixes = world
    cut = data.draw(st.integers(0, len(fixes)))
    batch = batch_of(fixes)
    rows = np.arange(len(fixes))
    first = engine_for(fence_list)
    events = first.step(batch.take(rows[:cut]), BEGIN).events
    second = engine_for(fence_list)
    second.restore(first.snapshot([1]))
    events += second.step(batch.take(rows[cut:]), BEGIN).events
    assert events == events_of(engine_for(fence_list), fixes, [cut])
    assert second.snapshot([1]) == snapshot_after(fence_list, fixes, cut)


def snapshot_after(fence_list: Sequence[Fence], fixes: Sequence[Fix], cut: int) -> dict[int, bytes]:
    engine = engine_for(fence_list)
    events_of(engine, fixes, [cut])
    return engine.snapshot([1])
