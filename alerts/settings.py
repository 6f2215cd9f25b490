"""What the alert sender can be told."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AlertSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Webhooks may go to private and loopback addresses, and over http.
    allow_private: bool = False
    #: For one whole attempt: name, connection, request and answer.
    timeout_s: float = Field(20.0, gt=0, le=60)
    #: Attempts under way at a time, and of those to one endpoint.
    at_once: int = Field(100, ge=1)
    at_once_per_endpoint: int = Field(4, ge=1)
    #: How often it is looked for alerts that are due, while there were none.
    poll_s: float = Field(1.0, gt=0)
    #: More of an answer than this is not read.
    max_answer_bytes: int = Field(16_384, ge=1)

    @property
    def lease_s(self) -> float:
        """Longer than any attempt, so that no other runner takes an alert that is under way."""
        return self.timeout_s + 30.0
