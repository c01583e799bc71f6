"""Changing a configuration file on disk: whole, or not at all.

Each change is made under a lock that other writers of ours respect, to bytes that were read under
it; the first original is kept beside the file for good; the new bytes go to a second file, to the
disk, and then take the file's place in one step. Whoever is killed between leaves the old file or
the new one, complete.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from feedsrv.agent.ports import AdapterError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

MAX_BYTES: Final = 32 * 1024 * 1024
_ATTEMPTS: Final = 3


class ReadOnlyConfigError(AdapterError):
    """A configuration file, or its folder, may not be written; an operator must give the right."""

    code = "agent.config_read_only"


class BusyConfigError(AdapterError):
    """Somebody else keeps changing the file; a later attempt may go through."""

    code = "agent.config_busy"


class ConfigFile:
    """One configuration file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.backup = path.with_name(f"{path.name}.feedsrv-backup")
        self._fresh = path.with_name(f"{path.name}.feedsrv-new")
        self._lock = path.with_name(f"{path.name}.feedsrv-lock")

    def read(self) -> bytes:
        """Return the file's bytes.

        Raises:
            AdapterError: it cannot be read, or is far larger than any configuration.
        """
        return read_bounded(self.path)

    def read_backup(self) -> bytes | None:
        """Return the bytes from before our first change; None before it.

        Raises:
            AdapterError: it is there and cannot be read.
        """
        return read_bounded(self.backup) if self.backup.exists() else None

    def change(self, edit: Callable[[bytes], bytes]) -> bool:
        """Replace the bytes by what `edit` makes of them; return whether that was anything else.

        `edit` is asked again where another program changed the file meanwhile.

        Raises:
            ReadOnlyConfigError: the file or its folder is read-only.
            BusyConfigError: another program changed the file each time.
            AdapterError: whatever `edit` refuses, or the disk does.
        """
        try:
            with self._locked():
                for _ in range(_ATTEMPTS):
                    before = self.read()
                    after = edit(before)
                    if after == before:
                        return False
                    self._refuse_read_only()
                    self._keep_original(before)
                    self._write(self._fresh, after)
                    # IIS Manager does not know our lock. What it wrote since is not overwritten.
                    if self.read() == before:
                        self._fresh.replace(self.path)
                        self._settle_folder()
                        return True
                self._fresh.unlink()
        except OSError as error:
            # Half a file would only take room on a disk that has none.
            with suppress(OSError):
                self._fresh.unlink()
            raise ReadOnlyConfigError(
                f"{self.path} could not be changed ({error.strerror or error}): check the rights on it and "
                "on its folder, and the room on the disk; it is as it was"
            ) from error
        raise BusyConfigError(
            f"{self.path} was changed by another program {_ATTEMPTS} times while we wanted to change it: "
            "close IIS Manager and try again"
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock.open("ab") as handle:
            _lock(handle)
            try:
                yield
            finally:
                _unlock(handle)

    def _refuse_read_only(self) -> None:
        # Renaming over a read-only file would succeed; that the file is read-only is somebody's will.
        for path in (self.path, self.path.parent):
            if not path.stat().st_mode & 0o222:
                raise ReadOnlyConfigError(
                    f"{path} is read-only: make it writable for the agent, then try again"
                )

    def _keep_original(self, original: bytes) -> None:
        if self.backup.exists():
            return
        fresh = self.backup.with_name(f"{self.backup.name}-new")
        self._write(fresh, original)
        fresh.replace(self.backup)

    def _write(self, path: Path, data: bytes) -> None:
        kept = self.path.stat()
        with path.open("wb") as handle:
            handle.write(data)
            if sys.platform != "win32":
                os.fchmod(handle.fileno(), kept.st_mode & 0o7777)
                # Only root may give a file away; everybody else's new file is already their own.
                with suppress(PermissionError):
                    os.fchown(handle.fileno(), kept.st_uid, kept.st_gid)
            handle.flush()
            os.fsync(handle.fileno())

    def _settle_folder(self) -> None:
        if sys.platform != "win32":
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def read_bounded(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        AdapterError: it cannot be read, or is far larger than any configuration.
    """
    try:
        with path.open("rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise AdapterError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise AdapterError(f"{path} is larger than {MAX_BYTES} bytes: no configuration of IIS is")
    return data


def _lock(handle: IO[bytes]) -> None:
    if sys.platform == "win32":
        handle.seek(0)
        msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX)


def _unlock(handle: IO[bytes]) -> None:
    if sys.platform == "win32":
        handle.seek(0)
        msvcrt.locking(handle.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_UN)
