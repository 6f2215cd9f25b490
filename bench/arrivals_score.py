"""Arrivals that were told, against what happened.

Precision is over all that was ever told: an arrival that was wrong and was taken back later counts as false all the same, since
somebody may have acted on it. Recall is over all stops that were called at, by what stands in the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.arrivals_drive import Day
from bench.arrivals_truth import Called, doing


@dataclass(slots=True, kw_only=True)
class Told:
    """An arrival that was told for that second of the day; not `stands` where it was taken back or replaced."""

    stop: str
    second: float
    stands: bool = True


@dataclass(slots=True, kw_only=True)
class Score:
    """Sums over vans."""

    called: int = 0
    told: int = 0
    right: int = 0
    withdrawn: int = 0
    errors_s: list[float] = field(default_factory=list)
    false: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)

    def add(self, other: Score) -> None:
        self.called += other.called
        self.told += other.told
        self.right += other.right
        self.withdrawn += other.withdrawn
        self.errors_s += other.errors_s
        self.false.update(other.false)
        self.missed.update(other.missed)

    @property
    def precision(self) -> float:
        return self.right / max(1, self.told)

    @property
    def recall(self) -> float:
        return self.right / max(1, self.called)

    def as_json(self) -> dict[str, Any]:
        off_s = np.abs(self.errors_s) if self.errors_s else np.zeros(1)
        return {
            "precision": round(self.precision, 5),
            "recall": round(self.recall, 5),
            "error_median_s": round(float(np.median(off_s)), 1),
            "error_p90_s": round(float(np.quantile(off_s, 0.9)), 1),
            "told": self.told,
            "withdrawn": self.withdrawn,
            "false": dict(self.false.most_common()),
            "missed": dict(self.missed.most_common()),
        }


def score(called: Mapping[str, Called], told: Iterable[Told], day: Day) -> Score:
    """One van."""
    result = Score(called=len(called))
    found = set()
    for arrival in told:
        was = called.get(arrival.stop)
        is_right = was is not None and was.holds(arrival.second)
        if not arrival.stands and is_right:
            continue  # replaced by something as right, or by nothing: then it is missed
        result.told += 1
        result.withdrawn += not arrival.stands
        if was is not None and is_right:
            result.right += 1
            result.errors_s.append(was.error_s(arrival.second))
            found.add(arrival.stop)
        else:
            result.false[_false(was, arrival, day)] += 1
    result.missed.update(_missed(was) for stop, was in called.items() if stop not in found)
    return result


def _false(was: Called | None, arrival: Told, day: Day) -> str:
    """Which kind of error: what the stop was, and what the van was doing instead."""
    when = "never_called" if was is None else "too_early" if arrival.second < was.entered_s else "too_late"
    return f"{when}:{doing(day, arrival.second)}" + ("" if arrival.stands else ":withdrawn")


def _missed(was: Called) -> str:
    stood_s = was.end_s - was.begin_s
    on_foot = ":on_foot" if was.doors > 1 else ""
    return ("under_60_s" if stood_s < 60 else "under_120_s" if stood_s < 120 else "longer") + on_foot
