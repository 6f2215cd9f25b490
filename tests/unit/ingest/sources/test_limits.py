"""Bounds of a source: what is refused, and what is subscribed."""

from typing import Any

import pytest

from ingest.sources.limits import SourceLimits
from mqttwire.errors import InvalidMqttOption


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": 0},
        {"window": 65536},
        {"window_bytes": 0},
        {"batch_messages": 0},
        {"max_payload_bytes": 0},
        {"session_expiry_s": -1},
        {"read_interval_s": 2.0},
        {"shared_group": ""},
        {"shared_group": "a/b"},
    ],
)
def test_what_makes_no_sense_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidMqttOption) as caught:
        SourceLimits(**wrong)
    assert [caught.value.option] == list(wrong)


def test_a_group_shares_every_subscription() -> None:
    topics = ("fleet/+/+/fix", "/hfp/#")
    assert SourceLimits().filters(topics) == ["fleet/+/+/fix", "/hfp/#"]
    assert SourceLimits(shared_group="workers").filters(topics) == ["$share/workers/fleet/+/+/fix", "$share/workers//hfp/#"]
