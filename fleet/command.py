"""Commands that go down to trackers, and what trackers answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

#: Before our ids among the correlation ids of other systems, so that an answer can be told from somebody else's.
CORRELATION: Final = "outrider:"


class CommandStatus(StrEnum):
    #: Waits to be handed to the broker.
    QUEUED = "queued"
    #: The broker has it. The last word where the format has no answers.
    SENT = "sent"
    ANSWERED = "answered"
    #: The tracker, or the network before it, says that it could not; or the broker does not take it.
    FAILED = "failed"
    #: No answer (or no broker) until `expires_at`. A late answer still makes it `answered`.
    EXPIRED = "expired"


class Answers(StrEnum):
    """How an answer is told from others."""

    #: It names the command (`Command.answer_key`).
    BY_KEY = "by_key"
    #: It names nothing: it answers the oldest command that is open. So a tracker gets one such command at a time.
    IN_ORDER = "in_order"
    #: There are none.
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Downlink:
    """A command as the tracker's format has it."""

    topic: str
    payload: bytes
    answers: Answers
    #: What an answer names the command by.
    answer_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command to one tracker. `id` is unique within the tenant."""

    id: str
    tenant: str
    tracker: str
    #: Wire format of the tracker.
    format: str
    #: As it was asked for: the word, and what goes with it.
    command: str
    params: Any
    downlink: Downlink
    created_at: datetime
    expires_at: datetime
    status: CommandStatus = CommandStatus.QUEUED
    sent_at: datetime | None = None
    answered_at: datetime | None = None
    #: What the tracker said, as JSON; text where it was none.
    answer: Any = None
    #: Why it failed.
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a tracker (or the network before it) says to a command."""

    tenant: str
    tracker: str
    #: Empty where it names no command.
    key: str = ""
    data: Any = None
    has_failed: bool = False
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """How a tracker was heard last: in which format, on which topic."""

    tenant: str
    tracker: str
    format: str
    topic: str
