"""Captures are read as they were written, and a broken line is named."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.clock import parse_rfc3339, to_micros
from mqttwire.capture import CaptureError, Recorded, capture_line, read_capture

GOOD = b'{"received_at": "2026-02-16T15:58:03.120Z", "topic": "fleet/a/1/fix", "payload": "{}"}\n'
AT = to_micros(parse_rfc3339("2026-02-16T15:58:03.120Z"))


def written(folder: Path, content: bytes, name: str = "capture.ndjson") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_text_binary_and_recordings_are_read(tmp_path: Path) -> None:
    content = (
        GOOD
        + b'{"received_at":"2026-02-16T16:58:03.120+01:00","topic":"t/\xc3\xa4","payload_b64":"AP8="}\r\n\n'
        + '2026-02-16T15:58:03.120000+0000 /hfp/v2/a b/Käpylä {"VP": {"x": 1}}\n'.encode()
    )
    assert list(read_capture(written(tmp_path, content))) == [
        Recorded(AT, "fleet/a/1/fix", b"{}"),
        Recorded(AT, "t/ä", b"\x00\xff"),
        Recorded(AT, "/hfp/v2/a b/Käpylä", b'{"VP": {"x": 1}}'),
    ]
    assert len(list(read_capture(written(tmp_path, gzip.compress(content), "capture.ndjson.gz")))) == 3


@given(received=st.integers(0, 4_102_444_800_000_000), topic=st.text(max_size=30), payload=st.binary(max_size=60))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, received: int, topic: str, payload: bytes) -> None:
    message = Recorded(received, topic, payload)
    path = written(tmp_path_factory.mktemp("capture"), capture_line(message) + b"\n")
    assert list(read_capture(path)) == [message]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"nonsense", "is neither a JSON object nor <received> <topic> <JSON payload>"),
        (b'{"topic": "t", "payload": ""}', "Object missing required field `received_at`"),
        (b'{"received_at": "2026-02-16T15:58:03Z", "topic": "t"}', "needs either payload or payload_b64"),
        (
            b'{"received_at": "2026-02-16T15:58:03", "topic": "t", "payload": ""}',
            "received: ",
        ),
        (b'{"received_at": "2026-02-16T15:58:03Z", "topic": "t", "payload_b64": "?"}', "payload_b64: "),
        (b'{"received_at": "2026-02-16T15:5', ""),
        (b'2026-02-16T15:58:03Z /hfp/\xff {"VP": {}}', "is not UTF-8: "),
    ],
)
def test_a_broken_line_is_named_after_what_came_before_it(tmp_path: Path, line: bytes, problem: str) -> None:
    path = written(tmp_path, GOOD + b"\n" + line + b"\n" + GOOD)
    messages = read_capture(path)
    assert next(messages) == Recorded(AT, "fleet/a/1/fix", b"{}")
    with pytest.raises(CaptureError) as caught:
        next(messages)
    assert str(caught.value).startswith(f"{path}:3: {problem}")
    assert caught.value.line == 3


def test_a_file_that_is_cut_off_or_missing_is_told(tmp_path: Path) -> None:
    cut = gzip.compress(GOOD * 2000)[:-20]
    with pytest.raises(CaptureError, match="the compressed file is damaged or cut off"):
        list(read_capture(written(tmp_path, cut, "cut.gz")))
    with pytest.raises(CaptureError, match=r"No such file or directory$"):
        list(read_capture(tmp_path / "gone"))


def test_the_recordings_of_helsinki_are_read(shared: Callable[..., Path]) -> None:
    counts = {}
    for path in sorted(shared("data", "hfp").rglob("*.txt")):
        messages = list(read_capture(path))
        assert all(message.topic.startswith("/hfp/v") and message.payload.startswith(b'{"') for message in messages)
        counts[path.name] = (len(messages), len(path.read_bytes().splitlines()))
    assert counts
    assert all(read == lines for read, lines in counts.values())
