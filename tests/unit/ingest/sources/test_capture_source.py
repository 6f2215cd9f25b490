"""A capture as a source: batches of a size, recorded instants, the end, and a broken line after all before it."""

from pathlib import Path

import pytest

from fleet.message import MessageBatch
from ingest.protocol import Source
from ingest.sources.capture import CaptureSource, capture_batches
from mqttwire.capture import CaptureError, Recorded, capture_line


def recorded(folder: Path, count: int, *, end: bytes = b"") -> Path:
    messages = [Recorded(number * 1_000_000, f"fleet/a/{number}/fix", b"%d" % number) for number in range(count)]
    path = folder / "capture.ndjson"
    path.write_bytes(b"".join(capture_line(message) + b"\n" for message in messages) + end)
    return path


async def test_batches_of_a_size_with_the_recorded_instants(tmp_path: Path) -> None:
    source: Source = CaptureSource(recorded(tmp_path, 25), batch_messages=10)
    batches: list[MessageBatch] = []
    async for batch in source.batches():
        batches.append(batch)
        await source.ack(batch)
    assert [len(batch) for batch in batches] == [10, 10, 5]
    assert [payload for batch in batches for payload in batch.payloads] == [b"%d" % number for number in range(25)]
    assert batches[2].received == [number * 1_000_000 for number in range(20, 25)]
    assert batches[2].topics[0] == "fleet/a/20/fix"


async def test_a_closed_source_ends(tmp_path: Path) -> None:
    source = CaptureSource(recorded(tmp_path, 25), batch_messages=10)
    batches = source.batches()
    await anext(batches)
    await source.close()
    assert [batch async for batch in batches] == []
    assert not source.is_connected


def test_a_broken_line_comes_after_all_that_was_before_it(tmp_path: Path) -> None:
    path = recorded(tmp_path, 12, end=b"broken\n")
    batches = capture_batches(path, batch_messages=10)
    assert len(next(batches)) == 10
    assert len(next(batches)) == 2
    with pytest.raises(CaptureError, match=r"capture\.ndjson:13: "):
        next(batches)


def test_an_empty_capture_has_no_batches(tmp_path: Path) -> None:
    assert list(capture_batches(recorded(tmp_path, 0))) == []
