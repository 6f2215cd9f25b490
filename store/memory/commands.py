"""Commands to trackers in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fleet.command import Answer, Answers, Command, CommandStatus, Uplink
from store.errors import AlreadyExists, NotFound
from store.memory.repository import reject_unstorable
from store.refusals import check_tenant

_OPEN = frozenset({CommandStatus.QUEUED, CommandStatus.SENT})
_ANSWERABLE = _OPEN | {CommandStatus.EXPIRED}
#: So long after an answer the same words answer no other command: they may have been delivered again.
_ECHO = timedelta(minutes=2)


@dataclass(slots=True)
class _Kept:
    number: int
    command: Command
    leased_until: datetime | None = None


class CommandBook:
    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._uplinks: dict[tuple[str, str], Uplink] = {}
        self._last_number = 0

    def add(self, command: Command) -> None:
        reject_unstorable(command.id, command.tracker, command.command, command.params)
        check_tenant(command.tenant)
        if (command.tenant, command.id) in self._kept:
            raise AlreadyExists("command", command.id)
        self._last_number += 1
        self._kept[command.tenant, command.id] = _Kept(self._last_number, command)

    def get(self, tenant: str, tracker: str, id_: str) -> Command:
        kept = self._kept.get((tenant, id_))
        if kept is None or kept.command.tracker != tracker:
            raise NotFound("command", id_)
        return kept.command

    def page(self, tenant: str, tracker: str, status: str | None, limit: int, after: int) -> list[tuple[int, Command]]:
        found = [
            (kept.number, kept.command)
            for kept in reversed(self._of(tenant, tracker))
            if (status is None or kept.command.status == status) and (not after or kept.number < after)
        ]
        return found[:limit]

    def claim(self, now: datetime, limit: int, lease_s: float) -> list[Command]:
        due = [kept for kept in self._kept.values() if self._is_due(kept, now)][:limit]
        for kept in due:
            kept.leased_until = now + timedelta(seconds=lease_s)
        return [kept.command for kept in due]

    def sent(self, tenant: str, id_: str, now: datetime) -> None:
        if (kept := self._kept.get((tenant, id_))) is not None:
            status = CommandStatus.SENT if kept.command.status is CommandStatus.QUEUED else kept.command.status
            self._change(kept, status=status, sent_at=kept.command.sent_at or now)

    def failed(self, tenant: str, id_: str, error: str) -> None:
        kept = self._kept.get((tenant, id_))
        if kept is not None and kept.command.status in _OPEN:
            self._change(kept, status=CommandStatus.FAILED, error=error.replace("\0", "\ufffd"))

    def expire(self, now: datetime) -> int:
        over = [kept for kept in self._kept.values() if kept.command.expires_at <= now and _may_expire(kept.command)]
        for kept in over:
            is_queued = kept.command.status is CommandStatus.QUEUED
            why = "the broker was not reached in time" if is_queued else "the tracker did not answer in time"
            self._change(kept, status=CommandStatus.EXPIRED, error=why)
        return len(over)

    def drop_before(self, end: datetime) -> int:
        over = [place for place, kept in self._kept.items() if kept.command.created_at < end]
        for place in over:
            del self._kept[place]
        return len(over)

    def uplink(self, tenant: str, tracker: str) -> Uplink | None:
        return self._uplinks.get((tenant, tracker))

    def take_in(self, answers: Sequence[Answer], uplinks: Sequence[Uplink]) -> None:
        self._uplinks |= {(uplink.tenant, uplink.tracker): uplink for uplink in uplinks}
        # One statement answers a tracker's open command once, whatever comes in with it.
        for answer in {(answer.tenant, answer.tracker, answer.key): answer for answer in reversed(answers)}.values():
            kept = self._meant(answer)
            if kept is not None:
                status = CommandStatus.FAILED if answer.has_failed else CommandStatus.ANSWERED
                error = "the tracker or its network says that it failed" if answer.has_failed else ""
                self._change(kept, status=status, answer=answer.data, answered_at=answer.received_at, error=error)

    def _meant(self, answer: Answer) -> _Kept | None:
        of_tracker = self._of(answer.tenant, answer.tracker)
        open_ones = [kept for kept in of_tracker if kept.command.status in _ANSWERABLE and _fits(answer, kept.command)]
        if not open_ones:
            return None
        meant = min(open_ones, key=lambda kept: (kept.command.status is CommandStatus.EXPIRED, kept.number))
        is_echo = not answer.key and any(
            kept.command.status is CommandStatus.ANSWERED
            and kept.command.answer == answer.data
            and kept.command.command != meant.command.command
            and kept.command.answered_at is not None
            and kept.command.answered_at > answer.received_at - _ECHO
            for kept in of_tracker
        )
        return None if is_echo else meant

    def _is_due(self, kept: _Kept, now: datetime) -> bool:
        command = kept.command
        if command.status is not CommandStatus.QUEUED or command.expires_at <= now:
            return False
        if kept.leased_until is not None and kept.leased_until > now:
            return False
        return command.downlink.answers is not Answers.IN_ORDER or not any(
            earlier.number < kept.number
            and earlier.command.downlink.answers is Answers.IN_ORDER
            and earlier.command.status in _OPEN
            and earlier.command.expires_at > now
            for earlier in self._of(command.tenant, command.tracker)
        )

    def _of(self, tenant: str, tracker: str) -> list[_Kept]:
        """In the order in which they were added."""
        return [kept for kept in self._kept.values() if (kept.command.tenant, kept.command.tracker) == (tenant, tracker)]

    def _change(self, kept: _Kept, **changes: object) -> None:
        kept.command = replace(kept.command, **changes)  # type: ignore[arg-type] # the callers name fields of Command
        kept.leased_until = None


def _may_expire(command: Command) -> bool:
    if command.status is CommandStatus.SENT:
        return command.downlink.answers is not Answers.NEVER
    return command.status is CommandStatus.QUEUED


def _fits(answer: Answer, command: Command) -> bool:
    downlink = command.downlink
    if answer.key:
        return downlink.answers is Answers.BY_KEY and downlink.answer_key == answer.key
    return downlink.answers is Answers.IN_ORDER and command.sent_at is not None
