"""The seam of the store for commands to trackers; a part of `store.protocol.Store`."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from fleet.command import Command, Uplink


class CommandStore(Protocol):
    """Commands on their way to trackers. Their answers come in with a worker's commit (`Commit.answers`)."""

    async def uplink(self, tenant: str, tracker: str) -> Uplink | None:
        """How the tracker was heard last, where that was not in the native format."""
        ...

    async def add_command(self, command: Command) -> None:
        """Raises AlreadyExists, Rejected."""
        ...

    async def command(self, tenant: str, tracker: str, id: str) -> Command:  # noqa: A002 - the domain's word
        """Raises NotFound."""
        ...

    async def commands(
        self, tenant: str, tracker: str, *, status: str | None = None, limit: int, after: int = 0
    ) -> list[tuple[int, Command]]:
        """Of a tracker, with their numbers, newest first; `after` is the last number of the page before, 0 = from the newest."""
        ...

    async def claim_commands(self, now: datetime, *, limit: int, lease_s: float) -> list[Command]:
        """Queued ones that have not expired, oldest first, leased to this caller until now + lease_s. Of commands whose answers
        come in order, a tracker gets one at a time."""
        ...

    async def command_sent(self, tenant: str, id: str, now: datetime) -> None:  # noqa: A002 - the domain's word
        """The broker has it. One that is closed already stays so."""
        ...

    async def command_failed(self, tenant: str, id: str, *, error: str) -> None:  # noqa: A002 - the domain's word
        """Unless it is closed already."""
        ...

    async def expire_commands(self, now: datetime) -> int:
        """Close those whose time is over; how many."""
        ...
