"""What becomes of an alert after an attempt. Pure: the answer, the attempt's number and the time go in.

1. 2xx: delivered.
2. 410: the receiver wants no more; the subscription is disabled.
3. Anything else (3xx too: a redirect is never followed): again after the next delay of the schedule, or when `retry-after` says, if
   that is later.
4. The schedule is used up: the subscription is disabled, after about three days of failures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, TypeAlias

#: Standard Webhooks 1.0: the first attempt at once, each further one so long after the one before.
DELAYS_S: Final = (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
#: Up to a fifth longer, so that the alerts of an outage do not all come back in one second.
JITTER: Final = 0.2
#: A `retry-after` beyond the longest delay is a mistake.
LONGEST_WAIT_S: Final = DELAYS_S[-1]
_GONE: Final = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of an attempt: a status, or why there is none."""

    status: int | None = None
    retry_after: str | None = None
    #: For the person who looks: what failed, without secrets.
    error: str = ""

    @property
    def summary(self) -> str:
        return self.error or f"answered {self.status}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disable:
    why: str


Decision: TypeAlias = Delivered | Retry | Disable


def decide(answer: Answer, attempt: int, now: datetime, jitter: float) -> Decision:
    """`attempt` counts from 0; `jitter` is in [0, 1)."""
    if answer.status is not None and 200 <= answer.status < 300:
        return Delivered()
    if answer.status == _GONE:
        return Disable(why="the endpoint answered 410: it wants no more")
    if attempt + 1 >= len(DELAYS_S):
        return Disable(why=f"{attempt + 1} attempts failed, the last one: {answer.summary}")
    wait_s = DELAYS_S[attempt + 1] * (1.0 + JITTER * jitter)
    asked_s = min(retry_after_s(answer.retry_after, now) or 0.0, LONGEST_WAIT_S)
    return Retry(at=now + timedelta(seconds=max(wait_s, asked_s)), why=answer.summary)


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds of a `retry-after` header: a number, or an HTTP date (RFC 9110, 10.2.3); None for what is neither."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())
