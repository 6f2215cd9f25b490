"""Commands to trackers as the API shows them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from api.models.base import Id, Incoming, Outgoing, document, instant_text
from fleet.command import Answers, Command, CommandStatus

_Word = Annotated[str, StringConstraints(min_length=1, max_length=1_000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+$")]


class CommandBody(Incoming):
    id: Id | None = Field(None, description="Unique within the tenant; made up where it is missing", pattern="^[^/+#]+$")
    command: _Word = Field(description="What the tracker is to do, in the words of its format", examples=["reboot", "getinfo"])
    params: dict[str, Any] = Field(default_factory=dict, description="What goes with it", examples=[{"interval_s": 10}])
    format: str | None = Field(
        None, description="The tracker's wire format; missing: the one in which it was heard last", examples=["teltonika"]
    )
    expires_s: float = Field(3_600, ge=1, le=30 * 86_400, description="Seconds for the tracker to answer in")


class CommandOut(Outgoing):
    id: str
    tenant: str
    tracker: str
    format: str
    command: str
    params: dict[str, Any]
    status: CommandStatus
    expects_answer: bool = Field(description="Whether trackers of this format answer; where not, `sent` is the last word")
    created_at: str
    expires_at: str
    sent_at: str | None = Field(description="When the broker had it")
    answered_at: str | None
    answer: Any = Field(description="What the tracker said: JSON, or text where it was none")
    error: str = Field(description="Why it failed or expired; empty otherwise")


def command_json(command: Command) -> dict[str, Any]:
    return document(
        CommandOut,
        id=command.id,
        tenant=command.tenant,
        tracker=command.tracker,
        format=command.format,
        command=command.command,
        params=command.params,
        status=command.status,
        expects_answer=command.downlink.answers is not Answers.NEVER,
        created_at=instant_text(command.created_at),
        expires_at=instant_text(command.expires_at),
        sent_at=instant_text(command.sent_at),
        answered_at=instant_text(command.answered_at),
        answer=command.answer,
        error=command.error,
    )
