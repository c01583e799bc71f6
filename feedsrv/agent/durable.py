"""Files that survive a crash: replaced whole, flushed to the disk, and held by one process at a time."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final

from feedsrv.errors import ConflictError

_LOOK_AGAIN: Final = 0.05
"""Seconds between two tries for a lock."""


class BusyError(ConflictError):
    """Another agent process is at work in the same folder."""

    code = "agent.busy"

    def __init__(self, lock: Path) -> None:
        super().__init__(f"another feedsrv-agent is at work (it holds {lock}); try again when it is done")


def replace_file(path: Path, content: bytes) -> None:
    """Give a file new content: after a crash it holds the old content or the new, whole."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def append_line(path: Path, line: bytes) -> None:
    """Add a line to a file and return only once it is on the disk."""
    is_new = not path.exists()
    content = line + b"\n"
    with path.open("ab", buffering=0) as file:
        whole = file.tell()
        try:
            _write_all(file, content)
            os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):  # half a line would spoil the next one
                file.truncate(whole)
            raise
    if is_new:
        sync_folder(path.parent)


def _write_all(file: FileIO, content: bytes) -> None:
    if file.write(content) < len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def sync_folder(folder: Path) -> None:
    """Make a rename or a new file in this folder survive a power cut, where the system can."""
    if os.name == "nt":
        return  # Windows has no handle of a folder to flush; its file system journals renames
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def exclusive(lock: Path, *, patience: float = 0.0) -> Iterator[None]:
    """Hold a lock file for the length of a `with`; a process that dies lets go of it.

    Raises:
        BusyError: somebody else still held it after `patience` seconds.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("ab") as file:
        until = time.monotonic() + patience
        while not _try_lock(file):
            if time.monotonic() >= until:
                raise BusyError(lock)
            time.sleep(_LOOK_AGAIN)
        try:
            yield
        finally:
            _unlock(file)


if sys.platform == "win32":  # pragma: no cover - the other half runs elsewhere
    import msvcrt

    def _try_lock(file: BinaryIO) -> bool:
        file.seek(0)
        with suppress(OSError):
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            return True
        return False

    def _unlock(file: BinaryIO) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(file: BinaryIO) -> bool:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    def _unlock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
