"""One live reader: what it wants, how much of it it has been sent, and the loop that sends the rest.

A reader keeps no queue. It keeps numbers: the board's version, the event number and the prediction's number up to which it has
been told. Each time its connection takes bytes again it is told what is above them, so whoever reads slowly gets fewer and newer
positions, and costs no more memory than whoever reads fast. Events are all sent, from the feed's window or from the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from api.live.delta import NOTHING
from api.live.frames import Frame
from api.live.messages import DEFAULT_HZ, ClientMessage
from api.live.view import Everything, Routes, Vehicles, View

if TYPE_CHECKING:
    from api.live.hub import Hub

Send: TypeAlias = Callable[[Frame], Awaitable[None]]
Encoding: TypeAlias = Literal["json", "binary"]

_EVENTS_AT_ONCE: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a reader wants, as far as it has said so."""

    view: View
    events: bool = True
    etas: bool = True
    max_hz: float = DEFAULT_HZ
    encoding: Encoding = "json"

    def changed_by(self, message: ClientMessage, view: View) -> Wish:
        """This wish after another message; what the message leaves out stays."""
        said = {name: getattr(message, name) for name in ("events", "etas", "max_hz", "encoding")}
        return replace(self, view=view, **{name: value for name, value in said.items() if value is not None})


class Reader:
    """Made by the hub. `ask` is called by whoever receives; `run` sends until it is cancelled or the connection is gone."""

    __slots__ = (
        "_asked_since",
        "_asks_snapshot",
        "_eta_number",
        "_event_seq",
        "_hub",
        "_is_due",
        "_seen",
        "_wake",
        "_wanted",
        "_wish",
        "credential",
        "dismissed",
        "tenant",
    )

    def __init__(self, hub: Hub, tenant: str | None, credential: str | None) -> None:
        self._hub = hub
        #: None: all tenants.
        self.tenant = tenant
        #: Digest of the key that let it in, to be looked at again from time to time; None for the anonymous role.
        self.credential = credential
        #: Set, with the reason, when the reader may not read any more.
        self.dismissed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._wish: Wish | None = None
        self._wanted: Wish | None = None
        self._asks_snapshot = False
        self._asked_since: int | None = None
        self._seen = NOTHING
        self._event_seq = 0
        self._eta_number = 0
        self._is_due = False
        self._wake = asyncio.Event()

    def dismiss(self, why: str) -> None:
        """Its connection is to be closed."""
        if not self.dismissed.done():
            self.dismissed.set_result(why)

    # -- what the receiving side and the hub's ticks say

    @property
    def wish(self) -> Wish:
        """The newest wish, also where the sending side has not come to it yet."""
        return self._wanted or Wish(view=Everything(tenant=self.tenant))

    @property
    def has_asked(self) -> bool:
        return self._wanted is not None

    def ask(self, wish: Wish, *, since: int | None, asks_snapshot: bool) -> None:
        """Take up a wish at the next safe moment; several before that become one."""
        self._asks_snapshot = self._asks_snapshot or asks_snapshot or self._wanted is None
        self._wanted = wish
        if since is not None:
            self._asked_since = since
        self._wake.set()

    @property
    def max_hz(self) -> float:
        return self._wish.max_hz if self._wish else DEFAULT_HZ

    def positions_due(self) -> None:
        """Its turn has come and something has changed."""
        self._is_due = True
        self._wake.set()

    def events_due(self) -> None:
        if self._wish is not None and self._wish.events:
            self._wake.set()

    @property
    def seq(self) -> int:
        """The newest event number that the reader has, or has been passed over."""
        return self._event_seq if self._wish is not None and self._wish.events else self._hub.feed.last_seq

    # -- sending

    async def run(self, send: Send) -> None:
        """Send until cancelled; what `send` raises ends it."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._take_up_wish(send)
            if self._wish is None:
                continue
            await self._send_events(send)
            if self._is_due:
                self._is_due = False
                await self._send_positions(send)
                await self._send_etas(send)

    @property
    def _is_asked(self) -> bool:
        return self._asks_snapshot or self._asked_since is not None or self._wish is not self._wanted

    async def _take_up_wish(self, send: Send) -> None:
        """Until no newer wish has come in while the snapshot of the one before was being sent."""
        while self._is_asked:
            previous, self._wish = self._wish, self._wanted
            if self._wish is None:
                return
            if self._asked_since is not None:
                since, self._asked_since = self._asked_since, None
                self._event_seq = await self._hub.no_later_than_known(since)
            elif previous is None or not previous.events:
                self._event_seq = self._hub.feed.last_seq
            if self._asks_snapshot:
                self._asks_snapshot = False
                await self._send_snapshot(send)

    async def _send_snapshot(self, send: Send) -> None:
        self._seen = NOTHING
        few = self._wish is not None and isinstance(self._wish.view, Vehicles | Routes)
        # predictions of a whole fleet are renewed every minute; those of a few vehicles are told at once
        self._eta_number = 0 if few else self._hub.etas.number
        await self._send_positions(send)
        if few:
            await self._send_etas(send)

    async def _send_positions(self, send: Send) -> None:
        if self._wish is None:
            return
        frames, self._seen = self._hub.frames_for(self._wish, self._seen, self.seq)
        for frame in frames:
            if self._asks_snapshot:
                return  # the rest belongs to a view that is not wanted any more
            await send(frame)

    async def _send_etas(self, send: Send) -> None:
        if self._wish is None or not self._wish.etas:
            self._eta_number = self._hub.etas.number
            return
        number, self._eta_number = self._eta_number, self._hub.etas.number
        for frame in self._hub.etas_for(self._wish.view, number, self.seq):
            await send(frame)

    async def _send_events(self, send: Send) -> None:
        """All that is numbered above what it has; between any two a newer wish is taken up first."""
        while self._wish is not None and self._wish.events and self._event_seq < self._hub.feed.last_seq:
            events, passed_over = await self._hub.events_after(self._event_seq, self.tenant, _EVENTS_AT_ONCE)
            for event in events:
                if self._is_asked:
                    await self._take_up_wish(send)
                    break
                if self.tenant in (None, event.tenant) and self._wish.view.wants_event(event.vehicle, event.data):
                    await send(event.message)
                self._event_seq = event.seq
            else:
                self._event_seq = max(self._event_seq, passed_over)
