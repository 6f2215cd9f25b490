"""What a step says, gathered watch by watch and told in order of the fixes that proved it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from geofence.findings import Findings

#: The order of the watches where one fix proves several things.
SILENCE: Final = 0
GAIT: Final = 1
IDLING: Final = 2
SPEEDING: Final = 3
UNAUTHORISED: Final = 4


class Word(NamedTuple):
    """One finding; `row` is the fix that proved it, `number` its vehicle's in `Rows.vehicles`."""

    row: int
    watch: int
    number: int
    kind: str
    occurred: int
    data: dict[str, Any]
    subject: tuple[str, ...] = ()


class Said:
    def __init__(self) -> None:
        self._words: list[Word] = []

    def add(self, word: Word) -> None:
        self._words.append(word)

    def tell(self, findings: Findings, whose: Callable[[int], tuple[str, str]]) -> None:
        """Make events of it; `whose` gives (tenant, vehicle) of a number."""
        for word in sorted(self._words, key=_in_order):
            findings.about(*whose(word.number))
            findings.event(word.kind, word.occurred, word.data, *word.subject)


def _in_order(word: Word) -> tuple[int, int]:
    return word.row, word.watch
