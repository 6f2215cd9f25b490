"""What the tests of the sources share: each runs on both event loops, the conformance tests with each source."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from uuid import uuid4

import pytest
import uvloop

from ingest.sources.limits import SourceLimits
from ingest.sources.mqtt5 import Mqtt5Source
from ingest.sources.mqtt311 import Mqtt311Source
from mqttwire import BackoffLimits, MqttOptions, MqttVersion

#: Waits that a test does not want to sit through.
IMPATIENT = BackoffLimits(first_s=0.02, longest_s=0.2, taken_over_s=0.2, healthy_after_s=0.5)

AnySource = Mqtt5Source | Mqtt311Source


class SourceFactory(Protocol):
    """Makes a source of the kind under test; the same `client_id` means the same session."""

    def __call__(self, url: str, *, client_id: str = ..., topics: tuple[str, ...] = ..., **settings: Any) -> AnySource: ...


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=["mqtt5", "mqtt311", "wire311"])
def kind(request: pytest.FixtureRequest) -> str:
    """`mqtt5` and `mqtt311` are the sources of the product; `wire311` is our own client made to speak 3.1.1."""
    found: str = request.param
    return found


@pytest.fixture
def make_source(kind: str, client_id: str) -> SourceFactory:
    return factory(kind, client_id)


@pytest.fixture
def client_id() -> str:
    """A session that no other test has."""
    return f"test-{uuid4().hex[:10]}"


@pytest.fixture
def prefix() -> str:
    """Topics that no other test has: the broker is shared."""
    return f"test/{uuid4().hex[:10]}"


def factory(kind: str, default_client_id: str) -> SourceFactory:
    """How sources of a kind are made; `settings` are those of the options, or of the limits."""

    def make(url: str, *, client_id: str = default_client_id, topics: tuple[str, ...] = ("#",), **settings: Any) -> AnySource:
        names = SourceLimits.__dataclass_fields__
        limits = SourceLimits(**{name: settings.pop(name) for name in tuple(settings) if name in names})
        settings.setdefault("backoff", IMPATIENT)
        version = MqttVersion.V5 if kind == "mqtt5" else MqttVersion.V311
        options = MqttOptions.from_url(url, client_id=client_id, version=version, **settings)
        return Mqtt311Source(options, topics, limits) if kind == "mqtt311" else Mqtt5Source(options, topics, limits)

    return make
