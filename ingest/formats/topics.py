"""MQTT topics: which filter matches, and whose tracker a topic names. Topics repeat, so what was found is remembered."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from fleet.fix import Int32s

#: Topics remembered by a format. Beyond it the memory is emptied and fills again; a topic not remembered costs about 0.5 us.
REMEMBERED_TOPICS: Final = 1 << 18


class TopicFilter:
    """An MQTT topic filter (MQTT 5, 4.7): `+` is one level, a last `#` any number of levels, also none."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._wanted = text.split("/")
        # Most topics are told apart by how they begin; `a/#` matches `a` too, so the slash is left off.
        self._beginning = re.split(r"[+#]", text, maxsplit=1)[0].rstrip("/")

    def matches(self, topic: str) -> bool:
        if not topic.startswith(self._beginning):
            return False
        wanted, levels = self._wanted, topic.split("/")
        if topic.startswith("$") and wanted[0] in {"+", "#"}:
            return False  # 4.7.2-1: wildcards at the first level do not match the broker's own topics
        for position, level in enumerate(wanted):
            if level == "#":
                return True
            if position >= len(levels) or level not in {"+", levels[position]}:
                return False
        return len(levels) == len(wanted)


class TopicTrackers:
    """The (tenant, ident) that each topic names, for formats where one topic is one tracker."""

    def __init__(self, parse: Callable[[str, str], tuple[str, str]]) -> None:
        """`parse` gets a topic and the default tenant."""
        self._parse = parse
        self._known: dict[str, tuple[str, str]] = {}
        self._default_tenant = ""

    def of(self, topics: Sequence[str], default_tenant: str) -> tuple[Int32s, list[tuple[str, str]]]:
        """For each topic an index into the distinct trackers, and these."""
        if default_tenant != self._default_tenant:
            self._known.clear()
            self._default_tenant = default_tenant
        distinct = dict.fromkeys(topics)
        trackers = [self._known.get(topic) or self._learn(topic) for topic in distinct]
        if len(distinct) == len(topics):
            return np.arange(len(topics), dtype=np.int32), trackers
        index = {topic: position for position, topic in enumerate(distinct)}
        return np.array([index[topic] for topic in topics], np.int32), trackers

    def _learn(self, topic: str) -> tuple[str, str]:
        if len(self._known) >= REMEMBERED_TOPICS:
            self._known.clear()
        tracker = self._known[topic] = self._parse(topic, self._default_tenant)
        return tracker
