from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from feedsrv.publishing.refusals import PublishInProgressError
from feedsrv.stores.lock import FileLock, LockUnusableError, lock_beside

HOLDER = """
import sys
from pathlib import Path
from feedsrv.stores.lock import FileLock
with FileLock(Path(sys.argv[1])).hold():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_lock_is_held_against_other_processes_and_freed_by_the_kernel(
    tmp_path: Path, repository: Path
) -> None:
    """A publisher that is killed blocks nobody."""
    lock = FileLock(tmp_path / "lock")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=repository,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"

        with pytest.raises(PublishInProgressError), lock.hold():
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)

    with lock.hold():
        pass


def test_the_lock_lies_beside_the_database(tmp_path: Path) -> None:
    """Whoever shares the database shares the lock."""
    with lock_beside(tmp_path / "feedsrv.db").hold():
        assert (tmp_path / "feedsrv.db.publish-lock").exists()


def test_a_lock_that_cannot_be_made_is_an_operators_matter(tmp_path: Path) -> None:
    """It names the file."""
    with pytest.raises(LockUnusableError, match="nowhere"), FileLock(tmp_path / "nowhere" / "lock").hold():
        pass
