"""What a live reader may say, and what it is understood to want."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from fleet.errors import OutriderError

MAX_IDS: Final = 10_000
#: The server's own bound; a reader that asks for more gets this.
FASTEST_HZ: Final = 20.0
DEFAULT_HZ: Final = 2.0

Id = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class BadMessage(OutriderError):
    """The reader's message could not be understood; the text says what is wrong with it."""


class Subscribe(BaseModel):
    """At most one of the three; none of them: all of the tenant."""

    model_config = ConfigDict(extra="forbid", strict=True)

    bbox: tuple[float, float, float, float] | None = None
    vehicles: Annotated[list[Id], Field(max_length=MAX_IDS)] | None = None
    routes: Annotated[list[Id], Field(max_length=MAX_IDS)] | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if sum(part is not None for part in (self.bbox, self.vehicles, self.routes)) > 1:
            raise ValueError("bbox, vehicles and routes exclude each other")
        return self


class ClientMessage(BaseModel):
    """Keys that are left out stay as they were said before."""

    model_config = ConfigDict(extra="forbid", strict=True)

    subscribe: Subscribe | None = None
    events: bool | None = None
    etas: bool | None = None
    max_hz: Annotated[float, Field(gt=0, le=1_000, allow_inf_nan=False)] | None = None
    encoding: Literal["json", "binary"] | None = None
    since: Annotated[int, Field(ge=0, le=2**53)] | None = None

    @property
    def asks_for_snapshot(self) -> bool:
        """Whether what the reader knows so far is void."""
        return bool({"subscribe", "encoding"} & self.model_fields_set)


def parse_message(text: str | bytes) -> ClientMessage:
    """Raises BadMessage."""
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadMessage(f"no JSON: {error}") from error
    try:
        return ClientMessage.model_validate_json(orjson.dumps(body))
    except ValidationError as error:
        raise BadMessage("; ".join(_explain(problem["loc"], problem["msg"]) for problem in error.errors()[:5])) from error


def _explain(location: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part) for part in location)
    sentence = message.removeprefix("Value error, ")
    return f"{where}: {sentence}" if where else sentence
