"""What trackers say to commands, on topics of their own (`downlink.encode` has the other direction and the sources).

* native: `fleet/<tenant>/<tracker>/command/<id>/reply`, JSON or text;
* ThingsBoard: `v1/devices/<device>/rpc/response/<number>`, JSON;
* The Things Stack: `v3/<application>@<tenant>/devices/<device>/down/<what>`: `ack` is an answer, `nack` and `failed` are failures;
  that a downlink was queued or sent is neither.

Teltonika answers where it reports, so its format reads that (`{"RSP": ...}`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fleet.command import CORRELATION
from fleet.message import MessageBatch
from fleet.screening import Reason
from ingest.formats.each import Message, decode_each
from ingest.formats.refusing import Unreadable, an_object, parse_json
from ingest.protocol import Decoded

_FAILURES: Final = frozenset({"nack", "failed"})


class AnswersFormat:
    """A `Format` that finds answers and no fixes."""

    def __init__(self, of_format: str, topics: tuple[str, ...], read: Callable[[Message, list[str]], None]) -> None:
        self.of_format = of_format
        self.name = f"{of_format}-answers"
        self.topics = topics
        self._read = read

    def decode(self, batch: MessageBatch, default_tenant: str) -> Decoded:
        return decode_each(batch, default_tenant, lambda message: self._read(message, message.topic.split("/")))


def _native(message: Message, levels: list[str]) -> None:
    message.tenant = levels[1]
    message.answer(levels[2], _json_or_text(message.payload), key=levels[4])


def _thingsboard(message: Message, levels: list[str]) -> None:
    message.answer(levels[2], _json_or_text(message.payload), key=levels[5])


def _ttn(message: Message, levels: list[str]) -> None:
    said = an_object(parse_json(message.payload))
    what = levels[5]
    event = said.get(f"downlink_{what}", {})
    inner = event.get("downlink", event) if isinstance(event, dict) else {}
    ids = [*_texts(said.get("correlation_ids")), *_texts(inner.get("correlation_ids") if isinstance(inner, dict) else None)]
    keys = [text.removeprefix(CORRELATION) for text in ids if text.startswith(CORRELATION)]
    if keys and (what == "ack" or what in _FAILURES):
        message.answer(levels[3], event, key=keys[0], has_failed=what in _FAILURES)
    else:
        message.ignore()  # somebody else's downlink, or only on its way


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _json_or_text(payload: bytes) -> Any:
    """What the tracker says: JSON if it is that, else text. Raises Unreadable for what is no text either."""
    try:
        return parse_json(payload)
    except Unreadable:
        pass
    try:
        return payload.decode()
    except UnicodeDecodeError as problem:
        raise Unreadable(Reason.INVALID_UTF8, f"byte {problem.start} is not UTF-8") from None


ANSWERS: Final = (
    AnswersFormat("native", ("fleet/+/+/command/+/reply",), _native),
    AnswersFormat("thingsboard", ("v1/devices/+/rpc/response/+",), _thingsboard),
    AnswersFormat("ttn", ("v3/+/devices/+/down/+",), _ttn),
)
