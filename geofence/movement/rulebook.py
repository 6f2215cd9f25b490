"""The rulebook: which rules of movement hold for which vehicle, its own over its tenant's over the installation's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fleet.movement_rules import MovementRules, MovementScope
from geofence.calendars import Calendar
from geofence.roster import Roster
from geofence.slots import Int32s, grown

_UNRESOLVED: Final = -1


@dataclass(frozen=True, slots=True)
class Rule:
    """Rules made ready: nothing is left to a level above. `hours` None: at any time."""

    limit_mps: float
    hours: Calendar | None
    watches_towing: bool


class Rulebook:
    """Rules by number, and numbers by slot. `refused` holds scopes whose hours cannot be read, with the reason: they are held to
    the rest."""

    def __init__(self, rules: MovementRules, roster: Roster) -> None:
        self._general = rules
        self._roster = roster
        self._calendars: dict[str, Calendar] = {}
        self.set([])

    def set(self, scopes: Iterable[MovementScope]) -> None:
        """These are all rules of tenants and vehicles now."""
        self._scopes = {(scope.tenant, scope.vehicle): scope.rules for scope in scopes}
        self.refused: list[tuple[MovementScope, str]] = []
        self.rules: list[Rule] = []
        self._numbers: dict[MovementRules, int] = {}
        self._by_slot: Int32s = np.zeros(0, np.int32)
        known, self._calendars = self._calendars, {}
        for whose, rules in {("", None): self._general, **self._scopes}.items():
            self._read(whose, rules.allowed_hours, known)
        self._number(self._general)
        said = [self._general, *self._scopes.values()]
        self.limits_speed = any(rules.speed_limit_mps for rules in said)
        self.watches_movement = bool(self._calendars) or any(rules.watch_towing for rules in said)

    def numbers(self, slots: Int32s) -> Int32s:
        """The numbers of the rules that hold for these named vehicles."""
        if not self._scopes:
            return np.zeros(len(slots), np.int32)
        size = len(self._by_slot)
        if len(self._roster) > size:
            self._by_slot = grown(self._by_slot, len(self._roster))
            self._by_slot[size:] = _UNRESOLVED
        numbers = self._by_slot[slots]
        for slot in np.unique(slots[numbers == _UNRESOLVED]).tolist():
            self._by_slot[slot] = self._resolve(*self._roster.whose(slot))
        return self._by_slot[slots]

    def limits_mps(self, slots: Int32s) -> npt.NDArray[np.float64]:
        """The speed limits of these named vehicles; infinite where there is none."""
        numbers = self.numbers(slots)
        return np.array([rule.limit_mps for rule in self.rules])[numbers]

    def _read(self, whose: tuple[str, str | None], text: str | None, known: dict[str, Calendar]) -> None:
        """Calendars are kept by their text: most vehicles have one of a few."""
        if not text or text in self._calendars:
            return
        try:
            self._calendars[text] = known[text] if text in known else Calendar.parse(text)
        except ValueError as problem:
            scope = MovementScope(tenant=whose[0], vehicle=whose[1], rules=MovementRules(allowed_hours=text))
            self.refused.append((scope, str(problem)))

    def _resolve(self, tenant: str, vehicle: str) -> int:
        rules = self._general
        for whose in ((tenant, None), (tenant, vehicle)):
            if whose in self._scopes:
                rules = rules.under(self._scopes[whose])
        return self._number(rules)

    def _number(self, rules: MovementRules) -> int:
        number = self._numbers.setdefault(rules, len(self.rules))
        if number == len(self.rules):
            hours = self._calendars.get(rules.allowed_hours) if rules.allowed_hours else None
            self.rules.append(Rule(rules.speed_limit_mps or float("inf"), hours, bool(rules.watch_towing)))
        return number
