"""How trackers were heard last, so that only what has changed is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fleet.command import Uplink

#: Beyond so many trackers the memory is emptied and fills again: each is then written once more, which changes nothing.
_REMEMBERED: Final = 1 << 18


class Uplinks:
    def __init__(self) -> None:
        self._topics: dict[tuple[str, str], str] = {}

    def changed(self, heard: Sequence[Uplink]) -> list[Uplink]:
        """Those that were not heard like this before."""
        topics = self._topics
        new = [uplink for uplink in heard if topics.get((uplink.tenant, uplink.tracker)) != uplink.topic]
        if len(topics) + len(new) > _REMEMBERED:
            topics.clear()
        for uplink in new:
            topics[uplink.tenant, uplink.tracker] = uplink.topic
        return new
