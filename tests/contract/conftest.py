from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from feedsrv.publishing.ports import Store
from feedsrv.stores.database import open_database, upgrade
from feedsrv.stores.memory import MemoryStore
from feedsrv.stores.sql import SqlStore


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """One of each kind of store, empty."""
    if request.param == "memory":
        yield MemoryStore()
        return
    url = f"sqlite:///{tmp_path}/feedsrv.db"
    upgrade(url)
    kept = SqlStore(open_database(url))
    yield kept
    kept.close()
