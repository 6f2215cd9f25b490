"""Finds topics that no broker may send, in bulk: a look at each one alone would cost as much as reading the message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

#: Wildcards belong to filters [MQTT-3.3.2-2], and U+0000 into no string at all [MQTT-1.5.4-2]; a database refuses the latter too.
_FORBIDDEN = ("+", "#", "\0")


def invalid_topics(topics: Sequence[str]) -> list[int]:
    """Indices of topics that are empty or hold a wildcard or U+0000."""
    joined = "\0".join(topics)
    has_none = (
        "+" not in joined and "#" not in joined and joined.count("\0") == max(0, len(topics) - 1) and "\0\0" not in f"\0{joined}\0"
    )
    return [] if has_none else list(_search(topics))


def _search(topics: Sequence[str]) -> Iterator[int]:
    for index, topic in enumerate(topics):
        if not topic or any(mark in topic for mark in _FORBIDDEN):
            yield index
