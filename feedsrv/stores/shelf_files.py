"""The shelf as a folder whose paths are the URL paths, so that any web server can serve it.

Bytes are written to a hidden folder first and made durable there; what becomes visible is whole.
Each file that compresses has a `.gz` sibling, and both carry the moment of publication, so that
`Last-Modified` is the same on every host.
"""

from __future__ import annotations

import errno
import gzip
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Final

from feedsrv.publishing.refusals import (
    AlreadyShelvedError,
    ShelfFullError,
    ShelfUnreadableError,
    ShelfUnwritableError,
)
from feedsrv.stores.paths import checked_path

COMPRESSIBLE: Final = frozenset({".xml", ".json", ".html", ".css", ".js", ".svg", ".txt", ".xsd", ".pem"})
_STAGING: Final = ".staging"
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FileShelf:
    """A `Shelf` in a folder; one publisher at a time may write."""

    def __init__(self, root: Path) -> None:
        """Keep everything below `root`, which is made when it is first needed."""
        self._root = root
        self._staging = root / _STAGING
        self._numbers = count(1)

    def put(self, path: str, data: bytes, *, at: datetime) -> None:
        """Store what never changes.

        Raises:
            AlreadyShelvedError: other bytes lie there.
            BadPathError: no path of the shelf.
            ShelfFullError, ShelfUnwritableError: nothing was stored.
        """
        target = self._file(path)
        with self._telling(path):
            if target.is_file():
                if target.read_bytes() != data:
                    raise AlreadyShelvedError(path)
                return
            self._make_folder(target.parent)
            staged = self._stage(data, at)
            squeezed = self._stage(squeeze(data), at) if target.suffix in COMPRESSIBLE else None
            # The sibling first: whoever finds the file finds its sibling, too.
            if squeezed is not None:
                squeezed.replace(_sibling(target))
            try:
                # A link, unlike a rename, fails where something lies already.
                os.link(staged, target)
            except FileExistsError:
                raise AlreadyShelvedError(path) from None
            finally:
                staged.unlink()
            _make_durable(target.parent)

    def replace(self, files: Mapping[str, bytes], *, at: datetime) -> None:
        """Store what may change; everything is made ready before anything is exchanged.

        Raises:
            BadPathError: no path of the shelf.
            ShelfFullError, ShelfUnwritableError: nothing was exchanged, as a rule; where the disk fails
                between two files, each of them is whole, the old one or the new.
        """
        targets = {path: self._file(path) for path in files}
        moves: list[tuple[Path, Path]] = []
        for path, target in targets.items():
            with self._telling(path):
                self._make_folder(target.parent)
                # The sibling first, as with `put`.
                if target.suffix in COMPRESSIBLE:
                    moves.append((self._stage(squeeze(files[path]), at), _sibling(target)))
                moves.append((self._stage(files[path], at), target))
        with self._telling("the shelf"):
            for staged, target in moves:
                staged.replace(target)
            for folder in dict.fromkeys(target.parent for target in targets.values()):
                _make_durable(folder)

    def get(self, path: str) -> bytes | None:
        """The bytes at that path, or None.

        Raises:
            BadPathError: no path of the shelf.
            ShelfUnreadableError: it may be there, and this user cannot read it.
        """
        try:
            # Plain strings: a bundle asks for a thousand of these.
            with open(f"{self._root}/{checked_path(path)}", "rb", buffering=0) as file:  # noqa: PTH123 -- as said
                return file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise ShelfUnreadableError(
                f"{path} cannot be read on the shelf {self._root} ({error.strerror}): see that this user may "
                "read there"
            ) from error

    def sweep(self) -> None:
        """Remove what was made ready and never exchanged."""
        with self._telling(_STAGING), suppress(FileNotFoundError):
            shutil.rmtree(self._staging)

    def _file(self, path: str) -> Path:
        return self._root / checked_path(path)

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make_folder(folder.parent)
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)  # whatever the mask: the process that serves is another user
            _make_durable(folder.parent)

    def _stage(self, data: bytes, at: datetime) -> Path:
        """Write a file that nobody sees yet, durable and complete."""
        self._make_folder(self._staging)
        staged = self._staging / f"{os.getpid()}-{next(self._numbers)}"
        with staged.open("xb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.utime(file.fileno(), (at.timestamp(), at.timestamp()))
            os.fsync(file.fileno())
        return staged

    @contextmanager
    def _telling(self, path: str) -> Iterator[None]:
        """Turn what the file system says into a refusal, leaving nothing half written behind."""
        try:
            yield
        except OSError as error:
            shutil.rmtree(self._staging, ignore_errors=True)
            if error.errno in _NO_ROOM:
                raise ShelfFullError(
                    f"no room for {path} on the shelf {self._root}: free some space, then publish again"
                ) from error
            raise ShelfUnwritableError(
                f"{path} cannot be written on the shelf {self._root} ({error.strerror}): see that this user "
                "may write there, then publish again"
            ) from error


def squeeze(data: bytes) -> bytes:
    """Compress; the same input gives the same bytes."""
    return gzip.compress(data, compresslevel=6, mtime=0)


def _sibling(target: Path) -> Path:
    return target.with_name(f"{target.name}.gz")


def _make_durable(folder: Path) -> None:
    """See that names in a folder outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
