"""Which trackers have lost their connection, by order of receipt: the last will of each, until it says something again.

A fix that comes in after the last will is a sign of life as good as `online`: some trackers never say that. So what counts here is
what came in after what; which instants the fixes are of is for the engines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np

from fleet.clock import from_micros, to_micros
from fleet.connection import Connection
from fleet.fix import NO_VEHICLE, FixBatch
from fleet.message import MessageBatch
from ingest.protocol import Heard
from ingest.registry import Name, Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What a batch says of connections."""

    #: What has changed, to be written.
    connections: list[Connection] = field(default_factory=list)
    #: By vehicle: since when it is disconnected (microseconds since 1970 UTC), None where it is connected again.
    lost: dict[int, int | None] = field(default_factory=dict)


class Connections:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        #: The trackers of vehicles that are disconnected, by the vehicle's key.
        self._lost: dict[int, Name] = {}

    def remember(self, disconnected: Iterable[Connection]) -> dict[int, int | None]:
        """These had lost their connection when the work was taken up; as `Signs.lost`."""
        found: dict[int, int | None] = {}
        for one in disconnected:
            key = self._registry.key_of(one.tenant, one.tracker)
            if key != NO_VEHICLE:
                self._lost[key] = (one.tenant, one.tracker)
                found[key] = to_micros(one.since)
        return found

    def take(self, heard: Sequence[Heard], fixes: FixBatch, batch: MessageBatch) -> Signs:
        """What is news, in order of receipt. `fixes.message` and `Heard.message` count the messages of the batch."""
        if not heard and not self._lost:
            return Signs()
        said = [(one.message, self._registry.key_of(*_name(one.connection)), one.connection) for one in heard]
        # Only of these a fix says something new.
        watched = self._lost.keys() | {key for _, key, connection in said if not connection.is_online}
        signs = Signs()
        for _, key, connection in sorted([*said, *self._alive(watched, fixes, batch, said)], key=itemgetter(0)):
            if key != NO_VEHICLE and connection.is_online == (key in self._lost):
                self._note(key, connection, signs)
        return signs

    def _alive(
        self, watched: Iterable[int], fixes: FixBatch, batch: MessageBatch, said: Sequence[tuple[int, int, Connection]]
    ) -> Iterator[tuple[int, int, Connection]]:
        """Fixes as words of trackers."""
        names = self._lost | {key: _name(connection) for _, key, connection in said}
        chosen = np.isin(fixes.vehicle, np.fromiter(watched, np.int64))
        for message, key in zip(fixes.message[chosen].tolist(), fixes.vehicle[chosen].tolist(), strict=True):
            tenant, tracker = names[key]
            since = from_micros(batch.received[message])
            yield message, key, Connection(tenant=tenant, tracker=tracker, is_online=True, since=since)

    def _note(self, key: int, connection: Connection, signs: Signs) -> None:
        if connection.is_online:
            del self._lost[key]
        else:
            self._lost[key] = _name(connection)
        signs.connections.append(connection)
        signs.lost[key] = None if connection.is_online else to_micros(connection.since)


def _name(connection: Connection) -> Name:
    return connection.tenant, connection.tracker
