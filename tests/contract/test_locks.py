from __future__ import annotations

from pathlib import Path

import pytest

from feedsrv.publishing.ports import PublishLock
from feedsrv.publishing.refusals import PublishInProgressError
from feedsrv.stores.lock import FileLock
from feedsrv.stores.memory import MemoryLock


@pytest.fixture(params=["memory", "file"])
def lock(request: pytest.FixtureRequest, tmp_path: Path) -> PublishLock:
    """One of each kind of lock, free."""
    return MemoryLock() if request.param == "memory" else FileLock(tmp_path / "lock")


class TestAnyLock:
    """What every publisher's lock promises, asked of every lock."""

    def test_the_second_is_refused_while_the_first_works(self, lock: PublishLock) -> None:
        """It does not wait either: whoever publishes is told."""
        with lock.hold(), pytest.raises(PublishInProgressError, match="under way"), lock.hold():
            pass

    def test_it_is_free_again_afterwards(self, lock: PublishLock) -> None:
        """After success, after a refusal, and after an error."""
        with lock.hold():
            pass
        with pytest.raises(KeyError), lock.hold():
            raise KeyError

        with lock.hold():
            pass
