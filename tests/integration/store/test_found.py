"""Events, visits, states of stops and dead letters: written once, read in order, whatever is repeated."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.errors import InvalidValue
from fleet.fix import FixBatch
from fleet.outcome import Outcome, RouteState
from fleet.route import Delay, RouteStatus, StopState, StopStatus
from store.protocol import Commit, Rejected, StopProgress, Store
from tests.integration.store.builders import TENANT, Builder, at, dead_letter, eta, event, route, visit


async def test_events_are_numbered_in_the_order_in_which_they_were_found(store: Store, build: Builder) -> None:
    found = [event(5, stop="b", late_s=12.5), event(3), event(4, type_="fence.entered")]
    committed = await build.commit(events=found)
    assert list(committed.new_events) == found
    assert committed.seq == 3
    read = await store.events(None, limit=10)
    assert [(numbered.seq, numbered.event) for numbered in read] == list(enumerate(found, start=1))
    assert await store.last_seq() == 3


async def test_an_event_that_is_found_again_is_not_new(store: Store, build: Builder) -> None:
    await build.commit(events=[event(1), event(2)])
    again = replace(event(2), recorded_at=at(99))
    committed = await build.commit(events=[again, event(3), event(1), event(3)])
    assert [found.id for found in committed.new_events] == [event(3).id]
    kept = [numbered.event for numbered in await store.events(None, limit=10)]
    assert kept == [event(1), event(2), event(3)]
    assert committed.seq == (await store.events(None, limit=1, newest_first=True))[0].seq


async def test_events_are_read_by_what_they_are_and_when(store: Store, build: Builder) -> None:
    await build.commit(
        events=[
            event(1, type_="stop.arrived", vehicle="van-1"),
            event(2, type_="stop.arrived.revised", vehicle="van-2"),
            event(3, type_="fence.entered", vehicle="van-1"),
            event(4, type_="stop.departed", tenant="other"),
        ]
    )

    async def seen(tenant: str | None = None, **filters: object) -> list[int]:
        return [numbered.seq for numbered in await store.events(tenant, limit=10, **filters)]  # type: ignore[arg-type]

    assert await seen() == [1, 2, 3, 4]
    assert await seen(TENANT) == [1, 2, 3]
    assert await seen("nobody") == []
    assert await seen(types=["stop.arrived"]) == [1]
    assert await seen(types=["stop.*"]) == [1, 2, 4]
    assert await seen(types=["fence.entered", "stop.d*"]) == [3, 4]
    assert await seen(types=["*"]) == [1, 2, 3, 4]
    assert await seen(types=["stop.%", "s_op*"]) == []
    assert await seen(vehicle="van-1") == [1, 3, 4]
    assert await seen(start=at(2), end=at(3)) == [2, 3]
    assert await seen(after_seq=2) == [3, 4]
    assert await seen(newest_first=True) == [4, 3, 2, 1]
    assert await seen(newest_first=True, after_seq=3) == [2, 1]
    assert [numbered.seq for numbered in await store.events(None, limit=2)] == [1, 2]


async def test_an_event_that_no_database_can_hold_is_refused_and_nothing_of_its_commit_stays(store: Store, build: Builder) -> None:
    (key,) = await build.keys("t1")
    with pytest.raises(Rejected):
        await build.commit(events=[event(1), event(2, note="a\0b")])
    with pytest.raises(Rejected):
        await build.commit(events=[replace(event(1), vehicle="v\udc00")])
    assert await store.events(None, limit=10) == []
    assert (await build.commit(events=[event(1)], checkpoint={key: b""})).seq > 0


async def test_the_newest_of_a_visit_counts_and_a_retracted_one_is_in_no_list(store: Store, build: Builder) -> None:
    open_visit, closed = visit(1, confirmed_at=at(20)), visit(1, exited_at=at(90), evidence={"fixes": 7, "worst_m": 12.5})
    await build.commit(visits=[open_visit, visit(2)])
    await build.commit(visits=[visit(3, retracted=True), open_visit, closed])
    assert await store.visits(TENANT, limit=10) == [visit(2), closed]
    await build.commit(visits=[replace(closed, retracted=True)])
    assert await store.visits(TENANT, limit=10) == [visit(2)]


async def test_visits_are_read_by_vehicle_fence_and_overlap(store: Store, build: Builder) -> None:
    await build.commit(
        visits=[
            visit(10, exited_at=at(20)),
            visit(30, vehicle="van-2", exited_at=at(40)),
            visit(50, fence="shop"),
            visit(60, tenant="other"),
        ]
    )

    async def seen(tenant: str | None = TENANT, **filters: object) -> list[str]:
        return [found.id for found in await store.visits(tenant, limit=10, **filters)]  # type: ignore[arg-type]

    assert await seen() == ["visit-50", "visit-30", "visit-10"]
    assert await seen(None) == ["visit-60", "visit-50", "visit-30", "visit-10"]
    assert await seen(vehicle="van-2") == ["visit-30"]
    assert await seen(fence="shop") == ["visit-50"]
    assert await seen(start=at(20), end=at(30)) == ["visit-30", "visit-10"]
    assert await seen(start=at(21), end=at(29)) == []
    assert await seen(start=at(1000)) == ["visit-50"]


@pytest.mark.parametrize("tenant", [TENANT, None])
async def test_pages_of_visits_hold_each_once(store: Store, build: Builder, tenant: str | None) -> None:
    same_entry = [replace(visit(7), id=f"twin-{n}", tenant=owner) for n in range(3) for owner in (TENANT, "other")]
    await build.commit(visits=[visit(n) for n in range(12)] + same_entry)
    seen: list[tuple[str, str]] = []
    after: str | None = None
    while page := await store.visits(tenant, limit=4, after=after):
        seen += [(found.tenant, found.id) for found in page]
        after = page[-1].id if tenant else f"{page[-1].tenant}/{page[-1].id}"
    assert len(seen) == len(set(seen)) == (15 if tenant else 18)
    assert seen == [(found.tenant, found.id) for found in await store.visits(tenant, limit=100)]
    with pytest.raises(InvalidValue, match="cursor"):
        await store.visits(None, limit=4, after="no-slash")


async def test_a_stop_shows_its_newest_state_and_prediction(store: Store, build: Builder) -> None:
    await build.keys("van-1")
    await store.routes.create(route("r1", "a", "b"))
    arrived = StopState(
        tenant=TENANT, vehicle="van-1", route="r1", stop="a", status=StopStatus.ARRIVED, changed_at=at(50), arrived_at=at(45)
    )
    late = replace(arrived, stop="b", status=StopStatus.APPROACHING, arrived_at=None, delay=Delay.AT_RISK)
    await build.commit(stops=[replace(arrived, status=StopStatus.APPROACHING, arrived_at=None), arrived], etas=[eta("b", 10, 300)])
    await build.commit(stops=[late], etas=[eta("b", 70, 330), eta("b", 40, 310)])
    started = RouteState(tenant=TENANT, vehicle="van-1", route="r1", status=RouteStatus.UNDER_WAY, changed_at=at(0))
    await build.commit(etas=[eta("b", 60, 999)], routes=[started])
    (progress,) = await store.routes_progress(TENANT, limit=5)
    assert progress.status is RouteStatus.UNDER_WAY
    assert progress.route == route("r1", "a", "b")
    assert progress.stops == {
        "a": StopProgress(stop="a", status=StopStatus.ARRIVED, arrived_at=at(45)),
        "b": StopProgress(stop="b", status=StopStatus.APPROACHING, delay=Delay.AT_RISK, eta=eta("b", 70, 330)),
    }
    assert await store.etas(TENANT, "r1") == [eta("b", 70, 330)]
    assert await store.etas(TENANT, "r2") == []


async def test_findings_about_stops_that_no_route_has_are_dropped(store: Store, build: Builder) -> None:
    await build.keys("van-1")
    await store.routes.create(route("r1", "a"))
    gone = StopState(tenant=TENANT, vehicle="van-1", route="r1", stop="gone", status=StopStatus.ARRIVED, changed_at=at(0))
    elsewhere = RouteState(tenant=TENANT, vehicle="van-1", route="r9", status=RouteStatus.DONE, changed_at=at(0))
    await build.commit(stops=[gone, replace(gone, stop="a", route="r9")], etas=[eta("gone", 0, 9)], routes=[elsewhere])
    (progress,) = await store.routes_progress(None, limit=5)
    assert progress.stops == {"a": StopProgress(stop="a")}
    assert await store.etas(TENANT, "r1") == []


async def test_a_dead_letter_that_comes_again_is_the_same_one(store: Store, build: Builder) -> None:
    first = dead_letter(b"{", received_s=0)
    await build.commit(dead_letters=[first, dead_letter(b"[", received_s=1)])
    await build.commit(dead_letters=[first])
    assert [(letter.payload, letter.times) for _, letter in await store.dead_letters(TENANT, limit=9)] == [(b"[", 1), (b"{", 1)]
    await build.commit(dead_letters=[dead_letter(b"{", received_s=60), dead_letter(b"{", detail="something else")])
    found = await store.dead_letters(TENANT, limit=9)
    assert [(letter.detail, letter.times) for _, letter in found] == [("something else", 1), ("cut off", 1), ("cut off", 2)]
    assert found[-1][1] == replace(first, times=2)


async def test_dead_letters_are_read_newest_first_and_dropped_by_number(store: Store, build: Builder) -> None:
    letters = [dead_letter(b"%d" % n, received_s=n, tenant=TENANT if n % 2 else None) for n in range(5)]
    await build.commit(dead_letters=letters)
    numbers = [number for number, _ in await store.dead_letters(None, limit=9)]
    assert numbers == sorted(numbers, reverse=True)
    assert [letter.payload for _, letter in await store.dead_letters(None, limit=2, after=numbers[1])] == [b"2", b"1"]
    assert [letter.payload for _, letter in await store.dead_letters(TENANT, limit=9)] == [b"3", b"1"]
    assert await store.dead_letters(None, reason="teleport", limit=9) == []
    assert await store.drop_dead_letters(TENANT, numbers) == 2
    assert await store.drop_dead_letters(None, numbers[:1]) == 1
    assert [letter.payload for _, letter in await store.dead_letters(None, reason="invalid_json", limit=9)] == [b"2", b"0"]


async def test_dead_letters_to_be_tried_again_are_those_that_were_kept_whole(store: Store, build: Builder) -> None:
    whole = [dead_letter(b"%d" % n, received_s=n, tenant=TENANT if n % 2 else "other") for n in range(4)]
    await build.commit(dead_letters=[*whole, replace(dead_letter(b"cut", received_s=9), payload_bytes=70_000)])
    numbers = sorted(number for number, _ in await store.dead_letters(None, limit=9))
    assert await store.letters_to_retry(limit=9) == []
    assert await store.retry_dead_letters(TENANT, numbers) == [numbers[1], numbers[3]]
    assert await store.retry_dead_letters(None, [*numbers, 10**9]) == numbers[:4]
    assert await store.retry_dead_letters(None, numbers) == numbers[:4]
    assert await store.letters_to_retry(limit=3) == list(zip(numbers, whole[:3], strict=False))
    assert await store.letters_to_retry(limit=9, after=numbers[2]) == [(numbers[3], whole[3])]


async def test_what_was_tried_again_goes_and_comes_back_as_a_new_letter_where_it_is_refused_once_more(
    store: Store, build: Builder
) -> None:
    letters = [dead_letter(b"mended", received_s=0), dead_letter(b"still bad", received_s=1)]
    await build.commit(dead_letters=letters)
    numbers = sorted(number for number, _ in await store.dead_letters(None, limit=9))
    assert await store.retry_dead_letters(None, numbers) == numbers
    again = Commit(fixes=FixBatch.empty(), outcome=Outcome(), retried=numbers, dead_letters=letters[1:])
    await store.commit(again)
    ((number, letter),) = await store.dead_letters(None, limit=9)
    assert (number > numbers[1], letter) == (True, letters[1])
    assert await store.letters_to_retry(limit=9) == []


async def test_a_dead_letter_is_never_refused_itself(store: Store, build: Builder) -> None:
    bad = dead_letter(b"\0\xff", topic="a\0b", detail="c\ud800d", tracker="\0", tenant="x\0")
    await build.commit(dead_letters=[bad])
    ((_, kept),) = await store.dead_letters(None, limit=9)
    assert (kept.payload, kept.topic, kept.detail, kept.tracker) == (b"\0\xff", "a\ufffdb", "c?d", "\ufffd")
