"""From a batch of messages to fixes that may be kept: decode, find the vehicle, screen. The worker and the replay share it.

Pure but for one question in the middle: trackers that nobody knows. The caller asks `decode` first, has `unknown` registered
by the store, lets the registry learn the answer, and goes on with `finish`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from fleet.command import Answer, Uplink
from fleet.fix import FixBatch
from fleet.message import DeadLetter, MessageBatch
from fleet.screening import Flag, Reason
from fleet.tracker_clock import TrackerClock
from fleet.vehicle import Mounting
from ingest.clock_book import ClockBook
from ingest.connections import Connections
from ingest.deadletters import dead_letters
from ingest.protocol import Decoded
from ingest.registry import Registry
from ingest.router import Router
from ingest.screen import Screen, Screened
from ingest.uplinks import Uplinks
from store.records import World


@dataclass(slots=True, kw_only=True)
class Taken:
    """What a batch came to: every message of it is represented (see `Decoded`)."""

    fixes: FixBatch
    dead_letters: list[DeadLetter] = field(default_factory=list)
    #: Refusals by reason: of messages, and of single fixes.
    reasons: Counter[Reason] = field(default_factory=Counter)
    duplicates: int = 0
    flagged: dict[Flag, int] = field(default_factory=dict)
    ignored: int = 0
    answers: list[Answer] = field(default_factory=list)
    #: Trackers that were heard otherwise than before.
    uplinks: list[Uplink] = field(default_factory=list)
    #: Clocks of trackers that were found to be off, or right again: to be written with the fixes.
    clocks: list[TrackerClock] = field(default_factory=list)


class Reception:
    """Router, registry and screen in order."""

    def __init__(self, router: Router, registry: Registry, screen: Screen) -> None:
        self.router = router
        self.registry = registry
        self.screen = screen
        self._uplinks = Uplinks()
        #: What the registry was told last.
        self._mountings: Sequence[Mounting] = ()
        self.clocks = ClockBook(registry, screen.clocks)
        self.connections = Connections(registry)

    def know(self, world: World) -> None:
        """Mountings, settings of tenants and vehicles, and clocks are these from now on."""
        if world.mountings is not self._mountings:
            self._mountings = world.mountings
            self.registry.replace(world.mountings)
        self.screen.obey(world.screening, self.registry.vehicle)
        self.clocks.know(world.clocks)

    def decode(self, batch: MessageBatch) -> Decoded:
        return self.router.decode(batch)

    def unknown(self, decoded: Decoded) -> list[tuple[str, str]]:
        """The (tenant, ident) pairs to register before `finish`."""
        return self.registry.unknown(decoded.trackers)

    def finish(self, batch: MessageBatch, decoded: Decoded) -> Taken:
        """Fixes with their vehicle, screened; everything else as dead letters."""
        message, tracker = decoded.fixes.message, decoded.tracker
        homeless = self.registry.resolve(decoded)
        screened = self.screen.screen(decoded.fixes)
        late = homeless + screened.refused
        if late:
            tracker_of = dict(zip(message.tolist(), tracker.tolist(), strict=True))
            for refusal in late:
                refusal.tracker = decoded.trackers[tracker_of[refusal.message]]
        refused = decoded.refused + late
        return Taken(
            fixes=screened.fixes,
            dead_letters=dead_letters(batch, refused) if refused else [],
            reasons=Counter(refusal.reason for refusal in refused),
            duplicates=screened.duplicates,
            flagged=screened.flagged,
            ignored=len(decoded.ignored),
            answers=decoded.answers,
            uplinks=self._uplinks.changed(decoded.uplinks) if decoded.uplinks else [],
            clocks=self._clocks_of(screened, decoded) if screened.clocks else [],
        )

    def _clocks_of(self, screened: Screened, decoded: Decoded) -> list[TrackerClock]:
        """A vehicle has one tracker, so the last fix of each in the batch names it."""
        pairs = zip(decoded.fixes.vehicle.tolist(), decoded.tracker.tolist(), strict=True)
        return self.clocks.note(screened.clocks, {vehicle: decoded.trackers[tracker] for vehicle, tracker in pairs})
