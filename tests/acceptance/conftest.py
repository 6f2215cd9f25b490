"""What the acceptance tests share."""

from collections.abc import Iterator

import pytest

from store.migrate import migrate_database
from tests.realparts.databases import Databases


@pytest.fixture
def migrated_url(timescale_databases: Databases) -> Iterator[str]:
    """A database of this test's own on TimescaleDB, brought to this version."""
    with timescale_databases.fresh() as url:
        migrate_database(url)
        yield url
