"""The bulk look at topics finds what a look at each one finds."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.sources.topics import invalid_topics


@given(st.lists(st.text("ab/+#\0", max_size=5), max_size=12))
def test_as_one_by_one(topics: list[str]) -> None:
    one_by_one = [index for index, topic in enumerate(topics) if not topic or set(topic) & set("+#\0")]
    assert invalid_topics(topics) == one_by_one
