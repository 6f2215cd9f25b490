"""Which format a message is in, by its topic; one `Decoded` for the whole batch, whatever the mixture.

The usual batch is of one format and passes through whole. Otherwise it is split, decoded by each format, and put together again
with the numbers of the messages as they were in the batch.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from fleet.command import Uplink
from fleet.fix import FixBatch
from fleet.message import MessageBatch
from fleet.screening import Reason
from ingest.formats.answers import ANSWERS
from ingest.formats.connections import CONNECTIONS
from ingest.formats.topics import REMEMBERED_TOPICS, TopicFilter
from ingest.protocol import Decoded, Format, Refusal

log = logging.getLogger(__name__)

#: A store-and-forward message of some thousand fixes has this size; what is larger is no report of a vehicle.
DEFAULT_LARGEST_PAYLOAD_BYTES: Final = 1 << 20
#: Topics that mean something to other parts and are no fix.
#: `outrider/` is this product's own bus: somebody who subscribes to `#` must not feed live frames in again.
_SPEECHLESS: Final = tuple(
    map(TopicFilter, ("fleet/+/+/command", "owntracks/+/+/cmd", "owntracks/+/+/status", "outrider/#", "$SYS/#"))
)
#: The format whose trackers are known by their names alone: nobody need remember their topics.
_NATIVE: Final = "native"
_IGNORED: Final = -2
_UNKNOWN: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A format and the topic filters that select it (its own, unless the settings say otherwise)."""

    format: Format
    topics: tuple[str, ...]


def selections(formats: Sequence[Format], topics: Mapping[str, Sequence[str]] | None = None) -> list[Selection]:
    """The formats with their filters; `topics` replaces those of the formats that it names."""
    named = topics or {}
    return [Selection(format=one, topics=tuple(named.get(one.name, one.topics))) for one in formats]


class Router:
    """Pure: a batch of messages in, columns out. Nothing that comes in makes it raise."""

    def __init__(
        self,
        selected: Sequence[Selection],
        *,
        default_tenant: str,
        largest_payload_bytes: int = DEFAULT_LARGEST_PAYLOAD_BYTES,
        narrowed_to: Sequence[str] = (),
    ) -> None:
        """`narrowed_to`: topic filters (OUTRIDER_MQTT_TOPICS) that are subscribed to instead of all that the formats know;
        what comes in on them still finds its format by the formats' own filters."""
        self._selected = [*selected, *_answers_of(selected)]
        self._filters = [[TopicFilter(topic) for topic in selection.topics] for selection in self._selected]
        self._default_tenant = default_tenant
        self._largest_payload_bytes = largest_payload_bytes
        self._narrowed_to = tuple(narrowed_to)
        self._route: dict[str, int] = {}

    @property
    def topics(self) -> tuple[str, ...]:
        """What to subscribe to, each filter once."""
        if self._narrowed_to:
            return self._narrowed_to
        return tuple(dict.fromkeys(topic for selection in self._selected for topic in selection.topics))

    def decode(self, batch: MessageBatch) -> Decoded:
        """Every message of the batch becomes at least one fix, one refusal or an entry in `ignored`."""
        route = self._route
        routes = [route[topic] if topic in route else self._find(topic) for topic in batch.topics]
        distinct = set(routes)
        if len(distinct) == 1 and not batch.broken:
            (only,) = distinct
            if only >= 0 and max(map(len, batch.payloads)) <= self._largest_payload_bytes:
                return self._decode_by(only, batch)
        return self._decode_mixed(batch, routes)

    def _find(self, topic: str) -> int:
        if len(self._route) >= REMEMBERED_TOPICS:
            self._route.clear()
        found = self._route[topic] = self._search(topic)
        return found

    def _search(self, topic: str) -> int:
        if any(wanted.matches(topic) for wanted in _SPEECHLESS):
            return _IGNORED
        for position, filters in enumerate(self._filters):
            if any(wanted.matches(topic) for wanted in filters):
                return position
        return _UNKNOWN

    def _decode_mixed(self, batch: MessageBatch, routes: Sequence[int]) -> Decoded:
        parts: list[Decoded] = [Decoded(fixes=FixBatch.empty())]
        aside = parts[0]
        broken = dict(batch.broken)
        members: dict[int, list[int]] = {}
        for index, route in enumerate(routes):
            refusal = self._refusal(index, route, broken.get(index), batch)
            if refusal is not None:
                aside.refused.append(refusal)
            elif route == _IGNORED:
                aside.ignored.append(index)
            else:
                members.setdefault(route, []).append(index)
        for route, indices in members.items():
            parts.append(_renumbered(self._decode_by(route, _part(batch, indices)), indices))
        return _joined(parts)

    def _decode_by(self, route: int, batch: MessageBatch) -> Decoded:
        """By one format. A decoder that raises has a defect; it must not cost more than the messages that show it."""
        wire_format = self._selected[route].format
        try:
            decoded = wire_format.decode(batch, self._default_tenant)
        except Exception as defect:
            if len(batch) > 1:
                return _joined([_renumbered(self._decode_by(route, _part(batch, [index])), [index]) for index in range(len(batch))])
            log.exception("the format %s has a defect, shown by a message on %r", wire_format.name, batch.topics[0])
            detail = f"the decoder of {wire_format.name} failed: {type(defect).__name__}"
            return Decoded(fixes=FixBatch.empty(), refused=[Refusal(message=0, reason=Reason.UNSUPPORTED, detail=detail)])
        if wire_format.name != _NATIVE and len(decoded.tracker):
            decoded.uplinks = _uplinks(wire_format.name, batch, decoded)
        return decoded

    def _refusal(self, index: int, route: int, broken: Reason | None, batch: MessageBatch) -> Refusal | None:
        """What is wrong with a message before anybody looks inside; None where nothing is."""
        if broken is not None:
            return Refusal(message=index, reason=broken, detail=_BROKEN_DETAILS.get(broken, ""))
        size = len(batch.payloads[index])
        if size > self._largest_payload_bytes:
            detail = f"{size} bytes, more than {self._largest_payload_bytes}"
            return Refusal(message=index, reason=Reason.TOO_LARGE, detail=detail)
        if route == _UNKNOWN:
            return Refusal(message=index, reason=Reason.UNKNOWN_TOPIC, detail="no format reads this topic")
        return None


_BROKEN_DETAILS: Final = {
    Reason.INVALID_UTF8: "the topic is not UTF-8",
    Reason.INVALID_TOPIC: "the topic is not UTF-8",
    Reason.TOO_LARGE: "larger than the connection accepts",
}


def _part(batch: MessageBatch, indices: Sequence[int]) -> MessageBatch:
    """The messages at `indices`, as a batch of their own (not to be acknowledged: it has no token)."""
    retained = frozenset(batch.retained)
    return MessageBatch(
        topics=[batch.topics[index] for index in indices],
        payloads=[batch.payloads[index] for index in indices],
        received=[batch.received[index] for index in indices],
        retained=[place for place, index in enumerate(indices) if index in retained],
    )


def _renumbered(decoded: Decoded, indices: Sequence[int]) -> Decoded:
    """The same with the numbers that the messages have in the whole batch."""
    decoded.fixes.message = np.asarray(indices, np.int32)[decoded.fixes.message]
    decoded.refused = [replace(refusal, message=indices[refusal.message]) for refusal in decoded.refused]
    decoded.ignored = [indices[message] for message in decoded.ignored]
    decoded.heard = [replace(heard, message=indices[heard.message]) for heard in decoded.heard]
    return decoded


def _joined(parts: Sequence[Decoded]) -> Decoded:
    """One `Decoded` of several; a tracker that two formats name stands in `trackers` twice, which is harmless."""
    offsets = np.cumsum([0, *(len(part.trackers) for part in parts)])
    return Decoded(
        fixes=FixBatch.concatenate([part.fixes for part in parts]),
        tracker=np.concatenate([part.tracker + offset for part, offset in zip(parts, offsets, strict=False)]).astype(np.int32),
        trackers=[tracker for part in parts for tracker in part.trackers],
        refused=[refusal for part in parts for refusal in part.refused],
        ignored=[message for part in parts for message in part.ignored],
        answers=[answer for part in parts for answer in part.answers],
        uplinks=[uplink for part in parts for uplink in part.uplinks],
        heard=[heard for part in parts for heard in part.heard],
    )


def _answers_of(selected: Sequence[Selection]) -> list[Selection]:
    """The topics on which trackers of the selected formats say something else than where they are."""
    names = {selection.format.name for selection in selected}
    return [Selection(format=one, topics=one.topics) for one in (*ANSWERS, CONNECTIONS) if one.of_format in names]


def _uplinks(name: str, batch: MessageBatch, decoded: Decoded) -> list[Uplink]:
    """How each tracker of the batch was heard."""
    trackers, first = np.unique(decoded.tracker, return_index=True)
    messages = decoded.fixes.message[first]
    return [
        Uplink(tenant=decoded.trackers[tracker][0], tracker=decoded.trackers[tracker][1], format=name, topic=batch.topics[message])
        for tracker, message in zip(trackers.tolist(), messages.tolist(), strict=True)
    ]
