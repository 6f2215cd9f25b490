"""Columns of messages can be cut, and keep what belongs to each."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.screening import Reason
from mqttwire.messages import Messages


def collected(count: int) -> Messages:
    messages = Messages(generation=3, wire_bytes=count * 10)
    for number in range(count):
        reason = Reason.TOO_LARGE if number % 3 == 0 else None
        messages.add(
            f"topic/{number}",
            b"%d" % number,
            b"answer %d" % number,
            reason,
            full_bytes=5000 if reason else len(b"%d" % number),
            is_retained=number % 4 == 0,
        )
    messages.stamp(7)
    return messages


@given(count=st.integers(1, 30), data=st.data())
def test_the_parts_together_are_the_whole(count: int, data: st.DataObject) -> None:
    whole = collected(count)
    size = data.draw(st.integers(0, count))
    first, rest = whole.split(size)
    assert len(first) == size
    assert first.generation == rest.generation == 3
    assert first.wire_bytes + rest.wire_bytes == whole.wire_bytes
    for name in ("topics", "payloads", "answers", "received"):
        assert getattr(first, name) + getattr(rest, name) == getattr(whole, name)
    assert first.retained + [index + size for index in rest.retained] == whole.retained
    assert first.broken + [(index + size, reason) for index, reason in rest.broken] == whole.broken
    assert first.full_bytes | {index + size: full for index, full in rest.full_bytes.items()} == whole.full_bytes


def test_only_what_is_new_is_dated() -> None:
    messages = collected(2)
    messages.add("topic", b"", b"", None, full_bytes=0)
    assert messages.stamp(9) == 1
    assert messages.stamp(11) == 0
    assert messages.received == [7, 7, 9]
