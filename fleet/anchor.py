"""Anchors: a vehicle's engine state at an instant of its own time, from which its later fixes can be folded again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The state of one vehicle after all its fixes before `time`, and none at or after it.

    `key` is the store's key of the vehicle, `time` and `floor` are microseconds since 1970 UTC. Anchors of a vehicle lie at
    fixed instants (a grid of event time with an offset for each vehicle), so a later anchor with the same key and
    time replaces the earlier one; nothing else ever has to be deleted but what is older than the late-data horizon.
    `floor` is the earliest instant that a finding after this anchor may be dated back to.
    """

    key: int
    time: int
    floor: int
    state: bytes
