"""The wire's tests run on both event loops, each on topics of its own."""

import asyncio
from collections.abc import Callable, Mapping
from uuid import uuid4

import pytest
import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def prefix() -> str:
    """Topics that no other test has: the broker is shared."""
    return f"test/{uuid4().hex[:10]}"
