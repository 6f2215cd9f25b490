"""Fixes go in once, come back as they were, and hold up nothing when they cannot be stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import orjson
import pytest

from fleet.message import MessageBatch
from fleet.screening import Flag, Reason
from store.protocol import NotFound, Store
from tests.integration.store.builders import TENANT, Builder, all_rows, as_rows, at, fixes


async def test_every_column_comes_back_as_it_went_in(store: Store, build: Builder) -> None:
    first, second = await build.keys("t1", "t2")
    batch = fixes(
        [(first, at(0)), (first, at(1)), (second, at(0)), (second, at(1.000001))],
        lon=[-179.999999, 24.123456789, 180, 0],
        speed_mps=[0, 13.3, np.nan, np.nan],
        heading_deg=[359.9, np.nan, 0, np.nan],
        accuracy_m=[np.nan, 4.5, 1e6, np.nan],
        altitude_m=[-12.25, np.nan, np.nan, np.nan],
        satellites=[0, -1, 32, -1],
        flags=[0, int(Flag.TELEPORT), 65535, 0],
        extras=[None, b'{"ignition": true, "deep": {"list": [1, 2.5, "\xc3\xa4"]}}', b"{}", None],
    )
    committed = await build.commit(batch)
    assert (committed.stored, committed.duplicates, committed.collided) == (4, 0, False)
    assert committed.new_rows.all()
    assert await all_rows(store) == as_rows(batch)


async def test_the_first_of_equal_fixes_in_a_batch_wins(store: Store, build: Builder) -> None:
    (key,) = await build.keys("t1")
    committed = await build.commit(fixes([(key, at(5)), (key, at(0)), (key, at(5))], lat=[1, 2, 3]))
    assert (committed.stored, committed.duplicates) == (2, 1)
    assert committed.new_rows.tolist() == [True, True, False]
    assert [row[2] for row in await all_rows(store)] == [2, 1]


async def test_the_first_of_equal_fixes_in_two_batches_wins(store: Store, build: Builder) -> None:
    first, second = await build.keys("t1", "t2")
    await build.commit(fixes([(first, at(0)), (first, at(1))], lat=[1, 2]))
    committed = await build.commit(fixes([(second, at(0)), (first, at(1)), (first, at(2))], lat=[3, 4, 5]))
    assert (committed.stored, committed.duplicates, committed.collided) == (2, 1, True)
    assert committed.new_rows.tolist() == [True, False, True]
    assert sorted(row[2] for row in await all_rows(store)) == [1, 2, 3, 5]


async def test_nulls_and_extras_survive_the_slow_path_too(store: Store, build: Builder) -> None:
    (key,) = await build.keys("t1")
    batch = fixes(
        [(key, at(0)), (key, at(1)), (key, at(2))],
        speed_mps=[1, np.nan, 3],
        satellites=[-1, 7, -1],
        extras=[None, b'{"a": 1}', None],
    )
    await build.commit(batch.take(np.array([0])))
    committed = await build.commit(batch)
    assert (committed.stored, committed.collided) == (2, True)
    assert await all_rows(store) == as_rows(batch)


async def test_a_commit_that_is_repeated_changes_nothing(store: Store, build: Builder) -> None:
    keys = await build.keys("t1", "t2", "t3")
    batch = fixes([(key, at(second)) for key in keys for second in range(50)])
    before = await build.commit(batch)
    rows = await all_rows(store)
    again = await build.commit(batch)
    assert (again.stored, again.duplicates, again.new_rows.any()) == (0, 150, np.False_)
    assert again.batch > before.batch
    assert await all_rows(store) == rows


async def test_fixes_of_2010_2018_2024_2026_and_2099_are_stored_together(store: Store, build: Builder) -> None:
    (key,) = await build.keys("t1")
    times = [datetime(year, 3, 1, 23, 59, 59, tzinfo=UTC) for year in (1985, 2010, 2018, 2024, 2026, 2099)]
    committed = await build.commit(fixes([(key, time) for time in times]))
    assert committed.stored == 6
    assert [row[1] for row in await all_rows(store)] == times


async def test_what_cannot_be_stored_becomes_a_dead_letter_and_holds_up_nothing(store: Store, build: Builder) -> None:
    (key,) = await build.keys("t1")
    batch = fixes([(key, at(second)) for second in range(9)])
    batch.lat[1] = np.nan
    batch.lon[2] = 181
    batch.time[3] = 2**62
    batch.vehicle[4] = 0
    batch.vehicle[5] = 10**15
    batch.extras[6] = b'{"a": "\\u0000"}'
    batch.extras[7] = b'{"a": '
    batch.message[:] = range(9)
    messages = MessageBatch(topics=[f"t/{n}" for n in range(9)], payloads=[b"p%d" % n for n in range(9)], received=[0] * 9)
    committed = await build.commit(batch, messages=messages)
    assert committed.stored == 2
    assert committed.duplicates == 0
    assert {letter.payload for letter in committed.refused} == {b"p1", b"p2", b"p3", b"p4", b"p5", b"p6", b"p7"}
    kept = await store.dead_letters(None, limit=20)
    assert {letter.topic for _, letter in kept} == {f"t/{n}" for n in range(1, 8)}
    assert {letter.reason for _, letter in kept} == {Reason.REFUSED_BY_DATABASE}
    assert {letter.topic: letter.detail for _, letter in kept}["t/5"] == "the vehicle is not known"


async def test_a_bad_row_does_not_stand_for_a_good_one(store: Store, build: Builder) -> None:
    (key,) = await build.keys("t1")
    committed = await build.commit(fixes([(key, at(0)), (key, at(0))], lat=[np.nan, 61]))
    assert (committed.stored, committed.duplicates, len(committed.refused)) == (1, 0, 1)
    assert [row[2] for row in await all_rows(store)] == [61]


async def test_an_empty_commit_is_one_too(build: Builder) -> None:
    committed = await build.commit()
    assert (committed.stored, committed.duplicates, committed.seq) == (0, 0, 0)
    assert (await build.commit()).batch > committed.batch


async def test_fixes_of_later_batches_come_by_batch_in_order_of_commit(store: Store, build: Builder) -> None:
    first, second = await build.keys("t1", "t2")
    marks = [(await build.commit(fixes([(second, at(-n)), (first, at(n))], flags=[n, n]))).batch for n in range(1, 6)]
    later = [batch.flags.tolist() async for batch in store.fixes_after(marks[1])]
    assert later == [[3, 3], [4, 4], [5, 5]]
    assert [batch async for batch in store.fixes_after(marks[-1])] == []


async def test_fixes_after_a_batch_that_a_checkpoint_includes_are_found_too(store: Store, build: Builder) -> None:
    (key,) = await build.keys("t1")
    marks = [(await build.commit(fixes([(key, at(n))]), checkpoint={key: b"x"} if n == 2 else None)).batch for n in range(4)]
    assert [len(batch) async for batch in store.fixes_after(marks[0])] == [1, 1, 1]
    assert [len(batch) async for batch in store.fixes_after(marks[2])] == [1]


async def test_the_trail_of_one_vehicle_is_bounded_in_time_on_both_sides(store: Store, build: Builder) -> None:
    first, second = await build.keys("t1", "t2")
    await build.commit(fixes([(first, at(n)) for n in (3, 1)] + [(second, at(2))]))
    await build.commit(fixes([(first, at(n)) for n in (4, 2, 0)]))
    trail = await store.fixes_of(first, at(1), at(3))
    assert [row[1] for row in as_rows(trail)] == [at(1), at(2), at(3)]
    assert trail.time.tolist() == sorted(trail.time.tolist())
    assert len(await store.fixes_of(99, at(0), at(9))) == 0


async def test_the_api_sees_fixes_in_the_native_formats_names(store: Store, build: Builder) -> None:
    (key,) = await build.keys("t1")
    batch = fixes(
        [(key, at(0)), (key, at(1)), (key, at(2))],
        lat=[60.5, 60.6, 60.7],
        speed_mps=[13.3, np.nan, 0],
        satellites=[7, -1, 0],
        flags=[int(Flag.TELEPORT | Flag.INACCURATE), 0, 0],
        extras=[b'{"ignition": true}', None, None],
    )
    await build.commit(batch)
    found = await store.fixes(TENANT, "t1", at(0), at(9), limit=2)
    assert orjson.loads(orjson.dumps(found)) == [
        {
            "time": "2026-02-16T12:00:00.000Z",
            "lat": 60.5,
            "lon": 24,
            "speed_mps": 13.3,
            "heading_deg": None,
            "accuracy_m": None,
            "altitude_m": None,
            "satellites": 7,
            "extras": {"ignition": True},
            "flags": ["teleport", "inaccurate"],
        },
        {
            "time": "2026-02-16T12:00:01.000Z",
            "lat": 60.6,
            "lon": 24,
            "speed_mps": None,
            "heading_deg": None,
            "accuracy_m": None,
            "altitude_m": None,
            "satellites": None,
            "extras": {},
            "flags": [],
        },
    ]
    with pytest.raises(NotFound, match="no vehicle 't9'"):
        await store.fixes(TENANT, "t9", at(0), at(9), limit=2)
    with pytest.raises(NotFound, match="no vehicle 't1'"):
        await store.fixes("somebody else", "t1", at(0), at(9), limit=2)


async def test_a_batch_is_not_changed_by_storing_it(build: Builder) -> None:
    (key,) = await build.keys("t1")
    batch = fixes([(key, at(5)), (key, at(0))])
    before = replace(batch, extras=list(batch.extras), time=batch.time.copy(), lat=batch.lat.copy())
    await build.commit(batch)
    assert batch.time.tolist() == before.time.tolist()
    assert batch.lat.tolist() == before.lat.tolist()


async def test_a_large_batch_with_every_pattern_of_nulls_comes_back(store: Store, build: Builder) -> None:
    keys = await build.keys(*(f"t{n}" for n in range(50)))
    random = np.random.default_rng(7)
    batch = fixes([(key, at(second)) for key in keys for second in range(100)])
    for name in ("speed_mps", "heading_deg", "accuracy_m", "altitude_m"):
        getattr(batch, name)[:] = np.where(random.random(5000) < 0.5, np.nan, random.random(5000) * 100)
    batch.satellites[:] = np.where(random.random(5000) < 0.5, -1, 9)
    batch.extras = [b'{"n": %d}' % n if said else None for n, said in enumerate(random.random(5000) < 0.5)]
    shuffled = batch.take(random.permutation(5000))
    assert (await build.commit(shuffled)).stored == 5000
    assert await all_rows(store) == as_rows(batch)
