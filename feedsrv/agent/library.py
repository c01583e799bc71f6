"""The documents that were trusted, byte for byte, each under its digest; none is fetched twice."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from feedsrv.agent.durable import replace_file
from feedsrv.errors import OperatorError
from feedsrv.model.feed import DIGEST, digest_of

_ENDING: Final = ".xml"


class LibraryError(OperatorError):
    """A trusted document cannot be kept on this disk."""

    code = "agent.library"

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"{folder} cannot be written ({error.strerror}): free space or let the agent write there"
        )


class Library:
    """A folder of trusted documents."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "documents"

    def get(self, digest: str) -> bytes | None:
        """The document of that digest; None where it is not held, or was damaged on the disk."""
        if not self.holds(digest):
            return None
        try:
            content = self._path(digest).read_bytes()
        except OSError:
            return None
        return content if digest_of(content) == digest else None

    def holds(self, digest: str) -> bool:
        """True where a document lies under that digest; `get` looks at its bytes."""
        return DIGEST.fullmatch(digest) is not None and self._path(digest).is_file()

    def put(self, content: bytes) -> str:
        """Keep a trusted document; returns its digest.

        Raises:
            LibraryError: it cannot be written.
        """
        digest = digest_of(content)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            replace_file(self._path(digest), content)
        except OSError as error:
            raise LibraryError(self._folder, error) from None
        return digest

    def sweep(self, needed: Collection[str]) -> None:
        """Drop every document but these."""
        if not self._folder.is_dir():
            return
        for path in self._folder.iterdir():
            if path.name.removesuffix(_ENDING) not in needed:
                with suppress(OSError):  # a file that stays is only a few bytes on a disk
                    path.unlink()

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}{_ENDING}"
