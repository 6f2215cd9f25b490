"""API keys, remembered answers and dead letters in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fleet.access import ApiKey
from fleet.message import DeadLetter
from store.errors import AlreadyExists, NotFound, Rejected, UnderWay
from store.memory.repository import reject_unstorable
from store.refusals import check_tenant


class KeyRing:
    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._keys: dict[str, ApiKey] = {}

    def find(self, digest: str) -> ApiKey | None:
        found = (key for key in self._keys.values() if key.digest == digest and key.revoked_at is None)
        return next(found, None)

    def put(self, key: ApiKey) -> None:
        reject_unstorable(key)
        if key.tenant is not None:
            check_tenant(key.tenant)
        if any(other.digest == key.digest and other.id != key.id for other in self._keys.values()):
            raise AlreadyExists("api key", key.id)
        self._keys[key.id] = replace(key, created_at=key.created_at or self._clock())

    def list(self, tenant: str | None) -> Sequence[ApiKey]:
        return [key for _, key in sorted(self._keys.items()) if tenant is None or key.tenant == tenant]

    def revoke(self, tenant: str | None, id_: str, now: datetime) -> None:
        key = self._keys.get(id_)
        if key is None or (tenant is not None and key.tenant != tenant):
            raise NotFound("api key", id_)
        self._keys[id_] = replace(key, revoked_at=key.revoked_at or now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """A request with an Idempotency-Key; `answer` None: it is being worked on."""

    fingerprint: str
    since: datetime
    holder: str = ""
    held_until: datetime | None = None
    answer: tuple[int, bytes] | None = None


class Answers:
    """What was answered to requests with an Idempotency-Key, and which are being worked on."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._requests: dict[tuple[str, str], _Request] = {}

    def take(self, tenant: str, key: str, fingerprint: str, holder: str, for_s: float) -> tuple[int, bytes] | None:
        reject_unstorable(tenant, key, fingerprint)
        check_tenant(tenant)
        now, known = self._clock(), self._requests.get((tenant, key))
        if known is not None and known.fingerprint != fingerprint:
            raise Rejected("this Idempotency-Key was used with another request")
        if known is not None and known.answer is not None:
            return known.answer
        if known is not None and known.held_until is not None and now < known.held_until:
            raise UnderWay("the first request with this Idempotency-Key is still being worked on")
        held_until = now + timedelta(seconds=for_s)
        self._requests[tenant, key] = _Request(fingerprint=fingerprint, since=now, holder=holder, held_until=held_until)
        return None

    def release(self, tenant: str, key: str, holder: str) -> None:
        known = self._requests.get((tenant, key))
        if known is not None and known.answer is None and known.holder == holder:
            del self._requests[tenant, key]

    def put(self, tenant: str, key: str, fingerprint: str, status: int, body: bytes) -> None:
        reject_unstorable(tenant, key, fingerprint)
        check_tenant(tenant)
        known = self._requests.get((tenant, key))
        if known is None or (known.answer is None and known.fingerprint == fingerprint):
            self._requests[tenant, key] = _Request(fingerprint=fingerprint, since=self._clock(), answer=(status, body))

    def drop_before(self, end: datetime) -> int:
        kept = {place: request for place, request in self._requests.items() if request.since >= end}
        dropped = len(self._requests) - len(kept)
        self._requests = kept
        return dropped


class DeadLetterBox:
    """One entry for equal refusals of equal messages, however often they come."""

    def __init__(self) -> None:
        self._letters: dict[tuple[str, bytes, int, str, str], tuple[int, DeadLetter, datetime]] = {}
        self._last_number = 0
        self._to_retry: set[int] = set()

    def put(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            content = (letter.topic, letter.payload, letter.payload_bytes, letter.reason, letter.detail)
            known = self._letters.get(content)
            if known is None:
                self._last_number += 1
                self._letters[content] = (self._last_number, letter, letter.received_at)
            elif letter.received_at > known[2]:
                number, first, _ = known
                self._letters[content] = (number, replace(first, times=first.times + 1), letter.received_at)

    def find(self, tenant: str | None, reason: str | None, limit: int, after: int) -> list[tuple[int, DeadLetter]]:
        found = [
            (number, letter)
            for number, letter, _ in self._letters.values()
            if (tenant is None or letter.tenant == tenant)
            and (reason is None or letter.reason == reason)
            and (not after or number < after)
        ]
        return sorted(found, key=lambda numbered: -numbered[0])[:limit]

    def ask_to_retry(self, tenant: str | None, numbers: Collection[int]) -> list[int]:
        whole = [
            number
            for number, letter, _ in self._letters.values()
            if number in numbers and (tenant is None or letter.tenant == tenant) and letter.payload_bytes == len(letter.payload)
        ]
        self._to_retry.update(whole)
        return sorted(whole)

    def to_retry(self, limit: int, after: int) -> list[tuple[int, DeadLetter]]:
        found = [(number, letter) for number, letter, _ in self._letters.values() if number in self._to_retry and number > after]
        return sorted(found, key=lambda numbered: numbered[0])[:limit]

    def drop(self, tenant: str | None, numbers: Collection[int]) -> int:
        return self._keep(lambda number, letter, _: number not in numbers or (tenant is not None and letter.tenant != tenant))

    def drop_before(self, end: datetime) -> int:
        return self._keep(lambda _number, _letter, newest: newest >= end)

    def _keep(self, is_kept: Callable[[int, DeadLetter, datetime], bool]) -> int:
        kept = {content: entry for content, entry in self._letters.items() if is_kept(*entry)}
        dropped = len(self._letters) - len(kept)
        self._letters = kept
        return dropped
