"""The publisher's lock: a file beside the database, held by a living process and freed with it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from feedsrv.errors import OperatorError
from feedsrv.publishing.refusals import PublishInProgressError


class LockUnusableError(OperatorError):
    """The lock's file cannot be opened."""

    code = "store.lock_unusable"


class FileLock:
    """A `PublishLock` on a file of this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock; the kernel frees it when this process ends, however it ends.

        Raises:
            PublishInProgressError: somebody else holds it.
            LockUnusableError: its file cannot be opened.
        """
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise LockUnusableError(
                f"{self._path}: cannot be opened ({error.strerror}); see that this user may write there"
            ) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise PublishInProgressError from None
            yield
        finally:
            os.close(descriptor)


def lock_beside(database: Path) -> FileLock:
    """The lock that goes with a database file."""
    return FileLock(database.with_name(f"{database.name}.publish-lock"))
