"""Dead letters on the command line: which are meant, how they look, and waiting for the worker to have tried them again."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from rich.console import Console
from rich.table import Table

from fleet.clock import rfc3339
from fleet.message import DeadLetter
from fleet.screening import Reason
from ingest.formats.topics import TopicFilter
from outrider.console import progress, to_person
from outrider.settings import Settings
from outrider.tiers.database import opened_store
from store.protocol import Store

_PAGE: Final = 1_000
_POLL_S: Final = 0.5
#: Of a payload, in the table.
_SHOWN_BYTES: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which dead letters are meant; everything that is given has to be true of them."""

    numbers: Sequence[int] = ()
    reason: Reason | None = None
    tenant: str | None = None
    topic: str | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether it says anything at all."""
        return bool(self.numbers or self.reason or self.tenant or self.topic)

    async def of(self, store: Store) -> AsyncIterator[tuple[int, DeadLetter]]:
        """Newest first."""
        wanted = frozenset(self.numbers)
        topics = TopicFilter(self.topic) if self.topic else None
        after = max(wanted) + 1 if wanted else 0
        while True:
            page = await store.dead_letters(self.tenant, reason=self.reason, limit=_PAGE, after=after)
            for number, letter in page:
                if (not wanted or number in wanted) and (topics is None or topics.matches(letter.topic)):
                    yield number, letter
            if len(page) < _PAGE or (wanted and page[-1][0] <= min(wanted)):
                return
            after = page[-1][0]


async def run_list(settings: Settings, selection: Selection, *, limit: int, as_json: bool) -> None:
    """Print the newest `limit` of them."""
    async with opened_store(settings) as store:
        found: list[tuple[int, DeadLetter]] = []
        async for numbered in selection.of(store):
            found.append(numbered)
            if len(found) == limit:
                break
    if as_json:
        for number, letter in found:
            sys.stdout.write(orjson.dumps(_as_json(number, letter)).decode() + "\n")
    else:
        _print_table(found)


async def run_drop(settings: Settings, selection: Selection) -> None:
    """Throw them away, and say how many there were."""
    async with opened_store(settings) as store:
        numbers = [number async for number, _ in selection.of(store)]
        dropped = 0
        with progress("dropping", len(numbers)) as show:
            for chunk in _chunks(numbers):
                dropped += await store.drop_dead_letters(None, chunk)
                show(dropped)
    to_person.print(f"dropped {dropped}")


async def run_retry(settings: Settings, selection: Selection, *, wait_s: float) -> None:
    """Ask for them to be tried again, wait for the worker, and say what came of it."""
    async with opened_store(settings) as store:
        chosen = [(number, letter) async for number, letter in selection.of(store)]
        asked = await _ask(store, [number for number, _ in chosen])
        if len(asked) < len(chosen):
            to_person.print(f"{len(chosen) - len(asked)} cannot be tried again: their payloads were too long to be kept whole")
        left = await _wait(store, asked, wait_s)
        again = await _refused_again(store, [one for one in chosen if one[0] in asked and one[0] not in left])
    tried = len(asked) - len(left)
    to_person.print(f"tried {tried} again: {tried - again} were taken in, {again} were refused once more")
    if left:
        to_person.print(f"{len(left)} wait for a worker: they are tried as soon as one runs")


async def _ask(store: Store, numbers: Sequence[int]) -> frozenset[int]:
    """Those that are there and whole. Asking twice is harmless: those that are gone have been tried."""
    found: list[int] = []
    for chunk in _chunks(numbers):
        found += await store.retry_dead_letters(None, chunk)
    return frozenset(found)


async def _wait(store: Store, asked: frozenset[int], wait_s: float) -> frozenset[int]:
    """Until the worker has tried them all, or the time is over; those that are left."""
    left = asked
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    with progress("waiting for the worker", len(asked)) as show:
        while left and loop.time() < deadline:
            await asyncio.sleep(_POLL_S)
            left = await _ask(store, sorted(left))
            show(len(asked) - len(left))
    return left


async def _refused_again(store: Store, tried: Sequence[tuple[int, DeadLetter]]) -> int:
    """How many of these are in the box once more: newer numbers, same message, same instant of receipt."""
    if not tried:
        return 0
    messages = {(letter.topic, letter.received_at) for _, letter in tried}
    newest, after, again = max(number for number, _ in tried), 0, 0
    while True:
        page = await store.dead_letters(None, limit=_PAGE, after=after)
        newer = [letter for number, letter in page if number > newest]
        again += sum((letter.topic, letter.received_at) in messages for letter in newer)
        if len(newer) < _PAGE:
            return again
        after = page[-1][0]


def _chunks(numbers: Sequence[int]) -> list[Sequence[int]]:
    return [numbers[start : start + _PAGE] for start in range(0, len(numbers), _PAGE)]


def _print_table(found: Sequence[tuple[int, DeadLetter]]) -> None:
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    for name in ("number", "received", "times", "reason", "topic", "detail", "payload"):
        table.add_column(name, overflow="fold", justify="right" if name in {"number", "times"} else "left")
    for number, letter in found:
        cells = (str(number), rfc3339(letter.received_at), str(letter.times), letter.reason, letter.topic, letter.detail)
        table.add_row(*map(_plain, cells), _plain(_shown(letter.payload)))
    console.print(table if found else "no dead letters")


def _plain(text: str) -> str:
    """Trackers' texts are shown, not obeyed: neither markup nor control characters."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text).replace("[", r"\[")


def _shown(payload: bytes) -> str:
    cut = payload[:_SHOWN_BYTES]
    try:
        text = cut.decode("utf-8", "ignore" if len(payload) > _SHOWN_BYTES else "strict")
    except UnicodeDecodeError:
        text = "hex:" + cut.hex()
    return text + ("…" if len(payload) > _SHOWN_BYTES else "")


def _as_json(number: int, letter: DeadLetter) -> dict[str, Any]:
    """As a line of a capture file, with what is known beside it."""
    try:
        payload = {"payload": letter.payload.decode()}
    except UnicodeDecodeError:
        payload = {"payload_b64": base64.b64encode(letter.payload).decode()}
    return {
        "number": number,
        "received_at": rfc3339(letter.received_at),
        "topic": letter.topic,
        **payload,
        "payload_bytes": letter.payload_bytes,
        "reason": letter.reason,
        "detail": letter.detail,
        "tenant": letter.tenant,
        "tracker": letter.tracker,
        "times": letter.times,
    }
