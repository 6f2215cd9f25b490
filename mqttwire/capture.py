"""Messages that were recorded off the wire: the capture file of the contracts, and HSL's recordings, line by line.

Both kinds may be mixed, one message a line, in order of receipt, gzipped where the name ends in `.gz`:

* `{"received_at": RFC 3339, "topic": str, "payload": str}`, or `"payload_b64"` instead of `"payload"` for binary;
* `<received UTC> <topic> <JSON payload>`, where the topic may hold spaces: the payload starts at the first ` {`.
"""

from __future__ import annotations

import gzip
import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from fleet.clock import parse_rfc3339, rfc3339_micros, to_micros
from fleet.errors import OutriderError


class Recorded(NamedTuple):
    """One recorded message."""

    #: Microseconds since 1970 UTC.
    received: int
    topic: str
    payload: bytes


class CaptureError(OutriderError):
    """A capture cannot be read: `line` says where (0: the file itself)."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}" if line else f"{path}: {problem}")
        self.path = path
        self.line = line
        self.problem = problem


def read_capture(path: Path) -> Iterator[Recorded]:
    """The messages of a capture, one by one, in constant memory. Raises CaptureError where it comes to it."""
    number = 0
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _parsed(path, number, line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as exc:
        raise CaptureError(path, number + 1, f"the compressed file is damaged or cut off: {exc}") from exc
    except OSError as exc:
        raise CaptureError(path, number, exc.strerror or str(exc)) from exc


def capture_line(message: Recorded) -> bytes:
    """A message as a line of a capture, without the line's end."""
    fields: dict[str, str] = {"received_at": rfc3339_micros(message.received), "topic": message.topic}
    try:
        fields["payload"] = message.payload.decode()
    except UnicodeDecodeError:
        fields["payload_b64"] = b64encode(message.payload).decode()
    return msgspec.json.encode(fields)


class _LineError(Exception):
    """What is wrong with one line."""


class _Line(msgspec.Struct):
    received_at: str
    topic: str
    payload: str | None = None
    payload_b64: str | None = None


_LINES = msgspec.json.Decoder(_Line)


def _open(path: Path) -> IO[bytes] | Any:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _parsed(path: Path, number: int, line: bytes) -> Recorded:
    try:
        return _of_capture(line) if line.lstrip().startswith(b"{") else _of_recording(line)
    except _LineError as exc:
        raise CaptureError(path, number, str(exc)) from exc


def _of_capture(line: bytes) -> Recorded:
    try:
        fields = _LINES.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise _LineError(str(exc)) from exc
    if (fields.payload is None) == (fields.payload_b64 is None):
        raise _LineError("needs either payload or payload_b64")
    return Recorded(_micros(fields.received_at), fields.topic, _payload(fields))


def _payload(fields: _Line) -> bytes:
    if fields.payload is not None:
        return fields.payload.encode()
    try:
        return b64decode(fields.payload_b64 or "", validate=True)
    except Base64Error as exc:
        raise _LineError(f"payload_b64: {exc}") from exc


def _of_recording(line: bytes) -> Recorded:
    head, separator, payload = line.rstrip(b"\r\n").partition(b" {")
    received, space, topic = head.partition(b" ")
    if not (separator and space and topic):
        raise _LineError("is neither a JSON object nor <received> <topic> <JSON payload>")
    try:
        return Recorded(_micros(received.decode()), topic.decode(), b"{" + payload)
    except UnicodeDecodeError as exc:
        raise _LineError(f"is not UTF-8: {exc}") from exc


def _micros(received: str) -> int:
    try:
        return to_micros(parse_rfc3339(received))
    except ValueError as exc:
        raise _LineError(f"received: {exc}") from exc
