"""What all bodies share: no unknown members, no NaN, ids that a URL, a topic and a database can hold."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from fleet.clock import rfc3339

#: No control characters (one of them separates the parts of content ids); `/` is allowed, since some trackers' idents hold it.
_PRINTABLE: Final = r"^[^\x00-\x1f\x7f]+$"

Id = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=_PRINTABLE)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PRINTABLE)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_PRINTABLE)]
Tags = Annotated[list[Tag], Field(max_length=50, examples=[["van", "north"]])]
TenantId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f/]+$")]


def _in_range(instant: datetime) -> datetime:
    if not 1980 <= instant.year < 2100:
        raise ValueError("instants lie in 1980..2099")
    return instant


Instant = Annotated[AwareDatetime, AfterValidator(_in_range), Field(examples=["2026-02-16T15:58:03.120Z"])]


class Incoming(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Outgoing(BaseModel):
    """Documents an answer; answers are written straight from the domain's records, and tests hold the two together."""

    model_config = ConfigDict(extra="forbid")


def instant_text(instant: datetime | None) -> str | None:
    """RFC 3339 UTC, or null."""
    return None if instant is None else rfc3339(instant)


def document(base: type[BaseModel], **members: Any) -> dict[str, Any]:
    """`members`, which have to be those of the model: the answer has what is documented, no more and no less."""
    assert members.keys() == base.model_fields.keys(), members.keys() ^ base.model_fields.keys()
    return members


def inlined_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The model's JSON schema without references: for a body that is not read by FastAPI, and documented all the same."""
    schema = model.model_json_schema()
    definitions: dict[str, Any] = schema.pop("$defs", {})

    def inline(part: Any) -> Any:
        if isinstance(part, dict):
            if "$ref" in part:
                return inline(definitions[part["$ref"].rpartition("/")[2]])
            return {name: inline(value) for name, value in part.items()}
        return [inline(one) for one in part] if isinstance(part, list) else part

    inlined: dict[str, Any] = inline(schema)
    return inlined
