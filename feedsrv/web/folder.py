"""Reading the shelf where it is a folder whose paths are the URL paths.

A file is looked at again at most every quarter of a second, and read again only when it is another
one. What was read is kept up to a number of bytes. Nothing outside the folder is ever opened: no
symbolic link is followed below its root, and only plain names are.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Final, Self

from feedsrv.errors import UnavailableError
from feedsrv.web.feed import Published, describe, kind_of, publish
from feedsrv.web.headers import CONTENT_TYPES

LOOK_AGAIN: Final = 0.25
"""Seconds after which a file is looked at again; agents are promised one second."""
MAX_BYTES: Final = 32 * 2**20
"""Of file contents kept in memory by one process."""
_CHUNK: Final = 256 * 2**10
# What an entry costs beside its bytes; it keeps a folder of tiny files within bounds, too.
_OVERHEAD: Final = 4096

_NAME: Final = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}"
_PATH: Final = re.compile(rf"(?:{_NAME}/){{0,7}}{_NAME}\.(?:{'|'.join(CONTENT_TYPES)})")
_SAFELY: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_ABSENT: Final = (FileNotFoundError, NotADirectoryError)


class UnreadableShelfError(UnavailableError):
    """The folder of published files cannot be read now."""

    code = "shelf.unreadable"

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"the shelf cannot be read ({error.strerror}); its folder must be readable by this process"
        )


class FolderShelf:
    """A `ShelfReader` over a folder."""

    def __init__(
        self, folder: Path, *, max_bytes: int = MAX_BYTES, elapsed: Callable[[], float] = monotonic
    ) -> None:
        """Serve `folder`, which may come into being later; `elapsed` counts seconds, from anywhere."""
        self._folder = folder
        self._max_bytes = max_bytes
        self._elapsed = elapsed
        # Ordered by when each file was last looked at, oldest first.
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    @property
    def held_bytes(self) -> int:
        """Bytes held in memory now, with what holding them costs."""
        return self._bytes

    def find(self, path: str) -> Published | None:
        """What is published under a URL path without its leading slash, or None.

        Raises:
            UnreadableShelfError: it may be there, but cannot be read now.
        """
        seen = self._seen.get(path)
        if seen is not None and self._elapsed() < seen.look_again:
            return seen.published
        if _PATH.fullmatch(path) is None:
            return None
        try:
            return self._look(path, seen)
        except OSError as error:
            raise UnreadableShelfError(error) from error

    def _look(self, path: str, seen: _Seen | None) -> Published | None:
        look_again = self._elapsed() + LOOK_AGAIN
        if seen is not None:
            seen.look_again = look_again  # first, so that other threads need not look, too
        with _Opened(self._folder, path) as opened:
            if opened.file is None:
                self._forget(path)
                return None
            if seen is not None and seen.identity == opened.identity:
                self._keep(path, seen)
                return seen.published
            fresh = _read(path, opened, self._max_bytes // 4)
        fresh.look_again = look_again
        self._keep(path, fresh)
        return fresh.published

    def _keep(self, path: str, seen: _Seen) -> None:
        with self._lock:
            old = self._seen.pop(path, None)
            self._seen[path] = seen
            self._bytes += seen.cost - (old.cost if old else 0)
            while self._bytes > self._max_bytes and len(self._seen) > 1:
                self._bytes -= self._seen.popitem(last=False)[1].cost

    def _forget(self, path: str) -> None:
        with self._lock:
            old = self._seen.pop(path, None)
            self._bytes -= old.cost if old else 0


class _Seen:
    """One file as it was when last looked at."""

    __slots__ = ("cost", "identity", "look_again", "published")

    def __init__(self, identity: tuple[int, ...], published: Published, cost: int) -> None:
        self.identity = identity
        self.published = published
        self.cost = cost
        self.look_again = 0.0


class _Opened:
    """A file and its compressed variant, held open so that both are read as they were found."""

    def __init__(self, folder: Path, path: str) -> None:
        *parents, name = path.split("/")
        self.file: int | None = None
        self.variant: int | None = None
        self.identity: tuple[int, ...] = ()
        at = self._enter(folder, parents)
        if at is None:
            return
        try:
            self.file = _open_file(name, at)
            if self.file is None:
                return
            self.variant = _open_file(name + ".gz", at)
            self.identity = _identity(self.file) + (_identity(self.variant) if self.variant else ())
        except OSError:
            self._close()
            raise
        finally:
            os.close(at)

    def _enter(self, folder: Path, parents: list[str]) -> int | None:
        """Go down one folder at a time, so that no link on the way leads elsewhere."""
        at: int | None = None
        try:
            at = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
            for parent in parents:
                below = os.open(parent, _SAFELY | os.O_DIRECTORY, dir_fd=at)
                os.close(at)
                at = below
        except OSError as error:
            if at is not None:
                os.close(at)
            if isinstance(error, _ABSENT) or _is_link(error):
                return None
            raise
        return at

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        for one in (self.file, self.variant):
            if one is not None:
                os.close(one)
        self.file = self.variant = None


def _open_file(name: str, at: int) -> int | None:
    """Open a regular file; None where there is no such file."""
    try:
        opened = os.open(name, _SAFELY, dir_fd=at)
    except OSError as error:
        if isinstance(error, _ABSENT) or _is_link(error):
            return None
        raise
    if stat.S_ISREG(os.fstat(opened).st_mode):
        return opened
    os.close(opened)
    return None


def _is_link(error: OSError) -> bool:
    """True where a symbolic link stood in the way."""
    return error.errno in (errno.ELOOP, errno.ENOTDIR)


def _identity(opened: int) -> tuple[int, ...]:
    """What changes when a file is replaced or written to, even where its time was set back."""
    found = os.fstat(opened)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _read(path: str, opened: _Opened, max_held: int) -> _Seen:
    assert opened.file is not None
    found = os.fstat(opened.file)
    modified = int(found.st_mtime)
    if found.st_size > max_held:
        return _Seen(opened.identity, _large(path, opened.file, found.st_size, modified), _OVERHEAD)
    body = _whole(opened.file, found.st_size)
    gzipped = None
    if opened.variant is not None:
        gzipped = _whole(opened.variant, os.fstat(opened.variant).st_size)
    published = publish(path, body, modified, gzipped)
    held = published.plain.size + (published.compressed.size if published.compressed else 0)
    return _Seen(opened.identity, published, held + _OVERHEAD)


def _whole(opened: int, size: int) -> bytes:
    return b"".join(_chunks(opened, size))


def _chunks(opened: int, size: int) -> Iterator[bytes]:
    at = 0
    while at < size and (chunk := os.pread(opened, min(_CHUNK, size - at), at)):
        yield chunk
        at += len(chunk)


def _large(path: str, opened: int, size: int, modified: int) -> Published:
    """A file too large to hold: sent from disk, each time from its beginning."""
    digest = sha256()
    for chunk in _chunks(opened, size):
        digest.update(chunk)
    body = _OnDisk(os.dup(opened), size)
    return Published(kind_of(path), modified, describe(path, body, size, digest.digest(), modified), None)


class _OnDisk:
    """An open file's bytes. It stays readable when its name is given to another file."""

    def __init__(self, opened: int, size: int) -> None:
        self._opened = opened
        self._size = size
        # Closed with the last answer that sends it, not while one still does.
        weakref.finalize(self, os.close, opened)

    def __iter__(self) -> Iterator[bytes]:
        yield from _chunks(self._opened, self._size)
