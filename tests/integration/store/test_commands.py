"""Commands to trackers: queued once, handed out one lease at a time, and closed by the answer that means them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fleet.command import Answer, Answers, Command, CommandStatus, Downlink, Uplink
from fleet.fix import FixBatch
from fleet.outcome import Outcome
from store.protocol import AlreadyExists, Commit, NotFound, Store
from tests.integration.store.builders import TENANT, at


def command(
    id_: str, *, tracker: str = "van-1", answers: Answers = Answers.BY_KEY, word: str = "reboot", expires_s: float = 600
) -> Command:
    key = id_ if answers is Answers.BY_KEY else ""
    return Command(
        id=id_,
        tenant=TENANT,
        tracker=tracker,
        format="native",
        command=word,
        params={"force": True},
        downlink=Downlink(topic=f"fleet/{TENANT}/{tracker}/command", payload=b'{"x":"\xc3\xa4"}', answers=answers, answer_key=key),
        created_at=at(0),
        expires_at=at(expires_s),
    )


def answer(key: str = "", data: Any = "ok", *, tracker: str = "van-1", at_s: float = 10, has_failed: bool = False) -> Answer:
    return Answer(tenant=TENANT, tracker=tracker, key=key, data=data, has_failed=has_failed, received_at=at(at_s))


async def hear(store: Store, *answers: Answer, uplinks: tuple[Uplink, ...] = ()) -> None:
    """The worker commits what trackers said."""
    await store.commit(Commit(fixes=FixBatch.empty(), outcome=Outcome(), answers=answers, uplinks=uplinks))


async def statuses(store: Store, tracker: str = "van-1") -> dict[str, str]:
    return {one.id: str(one.status) for _, one in await store.commands(TENANT, tracker, limit=99)}


@pytest.fixture
async def _tenant(store: Store) -> None:
    await store.register([(TENANT, "van-1"), (TENANT, "van-2")], quarantine=False)


pytestmark = pytest.mark.usefixtures("_tenant")


async def test_a_command_is_kept_as_it_was_given_and_read_by_its_tracker(store: Store) -> None:
    for one in (command("a"), command("b"), command("c", tracker="van-2")):
        await store.add_command(one)
    assert await store.command(TENANT, "van-1", "a") == command("a")
    for place in ((TENANT, "van-2", "a"), (TENANT, "van-1", "z"), ("other", "van-1", "a")):
        with pytest.raises(NotFound, match="no command"):
            await store.command(*place)
    with pytest.raises(AlreadyExists, match="command 'a' exists already"):
        await store.add_command(command("a", tracker="van-2"))
    pages = await store.commands(TENANT, "van-1", limit=1)
    assert [one.id for _, one in pages] == ["b"]
    assert [one.id for _, one in await store.commands(TENANT, "van-1", limit=9, after=pages[0][0])] == ["a"]
    assert await store.commands(TENANT, "van-1", status="sent", limit=9) == []


async def test_a_command_is_handed_out_to_one_and_again_when_the_lease_is_over(store: Store) -> None:
    await store.add_command(command("a"))
    await store.add_command(command("b"))
    assert [one.id for one in await store.claim_commands(at(1), limit=1, lease_s=30)] == ["a"]
    assert [one.id for one in await store.claim_commands(at(2), limit=9, lease_s=30)] == ["b"]
    assert await store.claim_commands(at(3), limit=9, lease_s=30) == []
    await store.command_sent(TENANT, "a", at(4))
    assert [one.id for one in await store.claim_commands(at(40), limit=9, lease_s=30)] == ["b"]
    assert await statuses(store) == {"a": "sent", "b": "queued"}
    assert (await store.command(TENANT, "van-1", "a")).sent_at == at(4)


async def test_an_answer_closes_the_command_that_it_names_and_only_once(store: Store) -> None:
    for id_ in ("a", "b"):
        await store.add_command(command(id_))
        await store.command_sent(TENANT, id_, at(5))
    await hear(store, answer("b", {"state": "done"}), answer("z"), answer("b", tracker="van-2"))
    await hear(store, answer("b", "said again", at_s=20))
    expected = replace(command("b"), status=CommandStatus.ANSWERED, sent_at=at(5), answered_at=at(10), answer={"state": "done"})
    assert await store.command(TENANT, "van-1", "b") == expected
    assert await statuses(store) == {"a": "sent", "b": "answered"}


async def test_a_failure_is_no_answer_and_an_answer_may_come_before_the_broker_has_acknowledged(store: Store) -> None:
    await store.add_command(command("a"))
    await store.add_command(command("b"))
    await hear(store, answer("a", has_failed=True), answer("b", None))
    await store.command_sent(TENANT, "b", at(11))
    await store.command_failed(TENANT, "b", error="too late to fail")
    closed = [await store.command(TENANT, "van-1", id_) for id_ in ("a", "b")]
    assert [(one.status, one.error) for one in closed] == [
        (CommandStatus.FAILED, "the tracker or its network says that it failed"),
        (CommandStatus.ANSWERED, ""),
    ]


async def test_answers_that_name_nothing_close_the_one_command_that_is_open(store: Store) -> None:
    for id_, word in (("a", "getver"), ("b", "getinfo")):
        await store.add_command(command(id_, answers=Answers.IN_ORDER, word=word))
    await store.add_command(command("c", tracker="van-2", answers=Answers.IN_ORDER))
    assert [one.id for one in await store.claim_commands(at(1), limit=9, lease_s=30)] == ["a", "c"]
    await hear(store, answer(data="too early"))
    await store.command_sent(TENANT, "a", at(2))
    assert await store.claim_commands(at(3), limit=9, lease_s=30) == []
    await hear(store, answer(data="Ver:03"))
    assert [one.id for one in await store.claim_commands(at(11), limit=9, lease_s=30)] == ["b"]
    await store.command_sent(TENANT, "b", at(12))
    await hear(store, answer(data="Ver:03", at_s=13))  # delivered again after a crash: not an answer to getinfo
    assert await statuses(store) == {"a": "answered", "b": "sent"}
    await hear(store, answer(data="INI:2026", at_s=14))
    assert (await store.command(TENANT, "van-1", "b")).answer == "INI:2026"


async def test_a_command_that_nobody_answers_expires_and_gives_way_to_the_next(store: Store) -> None:
    await store.add_command(command("a", answers=Answers.IN_ORDER, expires_s=60))
    await store.add_command(command("b", answers=Answers.IN_ORDER))
    await store.add_command(command("n", answers=Answers.NEVER, expires_s=60))
    await store.add_command(command("q", expires_s=60))
    for id_ in ("a", "n"):
        await store.command_sent(TENANT, id_, at(5))
    assert await store.expire_commands(at(59)) == 0
    assert await store.expire_commands(at(61)) == 2
    assert await statuses(store) == {"a": "expired", "b": "queued", "n": "sent", "q": "expired"}
    errors = [(await store.command(TENANT, "van-1", id_)).error for id_ in ("a", "q")]
    assert errors == ["the tracker did not answer in time", "the broker was not reached in time"]
    assert [one.id for one in await store.claim_commands(at(62), limit=9, lease_s=30)] == ["b"]
    await hear(store, answer("q", "late, but here", at_s=90))
    assert (await statuses(store))["q"] == "answered"


async def test_what_the_broker_does_not_take_has_failed(store: Store) -> None:
    await store.add_command(command("a"))
    await store.command_failed(TENANT, "a", error="not\0authorised")
    kept = await store.command(TENANT, "van-1", "a")
    assert (kept.status, kept.error) == (CommandStatus.FAILED, "not\ufffdauthorised")
    assert await store.claim_commands(at(1), limit=9, lease_s=30) == []


async def test_how_a_tracker_was_heard_last_is_known(store: Store) -> None:
    assert await store.uplink(TENANT, "van-1") is None
    first = Uplink(tenant=TENANT, tracker="van-1", format="ttn", topic="v3/app@ttn/devices/van-1/up")
    second = replace(first, format="teltonika", topic="van-1/data")
    await hear(store, uplinks=(first,))
    assert await store.uplink(TENANT, "van-1") == first
    await hear(store, uplinks=(first, second))
    assert await store.uplink(TENANT, "van-1") == second
    assert await store.uplink("other", "van-1") is None


async def test_old_commands_go_with_the_upkeep(store: Store) -> None:
    await store.add_command(command("a"))
    assert "commands" not in (await store.maintain(at(80 * 86_400))).dropped
    assert (await store.maintain(at(91 * 86_400))).dropped["commands"] == 1
    assert await store.commands(TENANT, "van-1", limit=9) == []
