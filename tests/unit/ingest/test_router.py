"""Which format reads a message, and what happens to one that none does."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.message import MessageBatch
from fleet.screening import Reason
from ingest.formats.hfp import Hfp
from ingest.formats.native import Native
from ingest.formats.topics import TopicFilter
from ingest.protocol import Decoded
from ingest.router import Router, selections
from tests.unit.ingest.messages import batch_of

NATIVE = b'{"time":1771257483120,"lat":60.1,"lon":24.9}'
HFP = b'{"VP":{"tst":"2024-02-13T16:32:59.931Z","lat":60.2,"long":24.8}}'
HFP_TOPIC = "/hfp/v2/deadrun/ongoing/vp/bus/0018/01047"


def router(**options: object) -> Router:
    return Router(selections([Native(), Hfp()]), default_tenant="default", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "topic", "expected"),
    [
        ("fleet/+/+/fix", "fleet/a/b/fix", True),
        ("fleet/+/+/fix", "fleet/a/b/c/fix", False),
        ("fleet/+/+/fix", "fleet/a/b/status", False),
        ("fleet/+/+/fix", "fleet//b/fix", True),
        ("/hfp/v2/#", "/hfp/v2/a/b", True),
        ("/hfp/v2/#", "/hfp/v2", True),
        ("/hfp/v2/#", "/hfp/v20/a", False),
        ("/hfp/v2/#", "hfp/v2/a", False),
        ("#", "a/b", True),
        ("#", "$SYS/a", False),
        ("+/a", "$SYS/a", False),
        ("$SYS/#", "$SYS/a", True),
        ("a/+", "a/", True),
        ("a/+", "a", False),
        ("a/b", "a/b", True),
        ("a/b", "a/bc", False),
    ],
)
def test_filters(wanted: str, topic: str, expected: bool) -> None:
    assert TopicFilter(wanted).matches(topic) is expected


def test_a_mixed_batch_keeps_the_numbers_of_its_messages() -> None:
    topics = ["fleet/a/x/fix", HFP_TOPIC, "nobody/knows", "fleet/a/y/fix", HFP_TOPIC, "fleet/a/x/status", "fleet/a/z/fix"]
    payloads = [NATIVE, HFP, b"?", b"{", HFP, b"online", NATIVE]
    decoded = router().decode(batch_of(payloads, topics))
    whose = {
        message: decoded.trackers[t] for message, t in zip(decoded.fixes.message.tolist(), decoded.tracker.tolist(), strict=True)
    }
    assert whose == {0: ("a", "x"), 1: ("default", "0018/01047"), 4: ("default", "0018/01047"), 6: ("a", "z")}
    assert {refusal.message: refusal.reason for refusal in decoded.refused} == {2: Reason.UNKNOWN_TOPIC, 3: Reason.INVALID_JSON}
    assert decoded.ignored == [5]


@pytest.mark.parametrize(
    "topic", ["fleet/a/x/status", "fleet/a/x/command", "fleet/a/x/command/1/reply", "outrider/live/a/positions"]
)
def test_what_is_rightly_no_fix_is_ignored(topic: str) -> None:
    decoded = router().decode(batch_of([b"online"], topic))
    assert (decoded.ignored, decoded.refused) == ([0], [])


def test_our_own_bus_is_ignored_even_where_everything_is_subscribed() -> None:
    everything = Router(selections([Native()], {"native": ["#"]}), default_tenant="default")
    assert everything.decode(batch_of([NATIVE], "outrider/live/a/positions")).ignored == [0]


def test_what_the_source_found_broken_is_not_decoded() -> None:
    decoded = router().decode(batch_of([NATIVE, NATIVE], broken=[(1, Reason.INVALID_TOPIC)]))
    assert decoded.fixes.message.tolist() == [0]
    assert [(refusal.message, refusal.reason) for refusal in decoded.refused] == [(1, Reason.INVALID_TOPIC)]


def test_too_large() -> None:
    padded = NATIVE[:-1] + b" " * 100 + b"}"
    decoded = router(largest_payload_bytes=len(NATIVE)).decode(batch_of([padded, NATIVE]))
    assert decoded.fixes.message.tolist() == [1]
    (refusal,) = decoded.refused
    assert (refusal.reason, refusal.detail) == (Reason.TOO_LARGE, f"{len(padded)} bytes, more than {len(NATIVE)}")


def test_subscribes_to_what_the_formats_know_or_to_less() -> None:
    assert router().topics == ("fleet/+/+/fix", "/hfp/v2/#", "/hfp/v1/#", "fleet/+/+/command/+/reply", "fleet/+/+/status")
    assert router(narrowed_to=["fleet/acme/+/fix"]).topics == ("fleet/acme/+/fix",)


def test_settings_may_select_a_format_by_other_topics() -> None:
    moved = Router(selections([Native(), Hfp()], {"hfp": ["helsinki/#"]}), default_tenant="default")
    assert moved.topics == ("fleet/+/+/fix", "helsinki/#", "fleet/+/+/command/+/reply", "fleet/+/+/status")


@given(
    st.lists(st.tuples(st.sampled_from(["fleet/a/b/fix", HFP_TOPIC, "x", "fleet/a/b/status"]), st.sampled_from([NATIVE, HFP, b""])))
)
def test_every_message_is_accounted_for(messages: Sequence[tuple[str, bytes]]) -> None:
    decoded = router().decode(batch_of([payload for _, payload in messages], [topic for topic, _ in messages]))
    seen = [*decoded.fixes.message.tolist(), *(refusal.message for refusal in decoded.refused), *decoded.ignored]
    assert sorted(seen) == list(range(len(messages)))
    assert all(0 <= tracker < len(decoded.trackers) for tracker in decoded.tracker.tolist())


def test_mixing_changes_nothing_about_a_format() -> None:
    apart = json.dumps(router().decode(batch_of([NATIVE])).fixes.lat.tolist())
    mixed = json.dumps(router().decode(batch_of([NATIVE, b"?"], ["fleet/a/b/fix", "x"])).fixes.lat.tolist())
    assert apart == mixed


class Defective:
    """Raises for one payload."""

    name = "defective"
    topics: tuple[str, ...] = ("fleet/+/+/fix",)

    def decode(self, batch: MessageBatch, default_tenant: str) -> Decoded:
        if b"boom" in batch.payloads:
            raise ZeroDivisionError
        return Native().decode(batch, default_tenant)


def test_a_decoder_with_a_defect_costs_only_the_messages_that_show_it() -> None:
    defective = Router(selections([Defective()]), default_tenant="default")
    decoded = defective.decode(batch_of([NATIVE, b"boom", NATIVE, b"{"]))
    assert decoded.fixes.message.tolist() == [0, 2]
    assert {refusal.message: refusal.detail for refusal in decoded.refused} == {
        1: "the decoder of defective failed: ZeroDivisionError",
        3: "Input data was truncated",
    }
