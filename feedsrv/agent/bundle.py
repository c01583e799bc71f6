"""Reading a bundle: all that a publisher serves for one feed, in one zip, for servers without internet."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Final

from feedsrv.agent.source import MAX_FEED, BundleError, FeedAnswer, NotServedError, TooLargeError

_ROOT: Final = "v1/"
_CRLS: Final = "v1/trust/crls/"
_MAX_FILES: Final = 100_000
# Others unpack far more than is read of them, or fail in ways of their own.
_PACKINGS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class BundleSource:
    """A bundle file, in place of a server; its signatures are judged just the same."""

    def __init__(self, path: Path) -> None:
        """Open the bundle.

        Raises:
            BundleError: it is not there, or no zip.
        """
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except OSError as error:
            raise BundleError(f"{path} cannot be read ({error.strerror})") from None
        except zipfile.BadZipFile as error:
            raise BundleError(f"{path} is no whole zip file ({error}): copy it again") from None
        if len(self._zip.infolist()) > _MAX_FILES:
            raise BundleError(f"{path} holds more than {_MAX_FILES} files, which no bundle does")

    @property
    def origin(self) -> str:
        """The file."""
        return str(self._path)

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()

    def feed(self, path: str, *, etag: str | None) -> FeedAnswer | None:  # noqa: ARG002 - a file has no ETag
        """The feed in the bundle.

        Raises:
            FeedsrvError: it is not there, too large or damaged.
        """
        return FeedAnswer(self.document(path, max_bytes=MAX_FEED), None)

    def document(self, path: str, *, max_bytes: int) -> bytes:
        """Any document in the bundle.

        Raises:
            FeedsrvError: it is not there, too large or damaged.
        """
        name = _ROOT + path
        try:
            if self._zip.getinfo(name).compress_type not in _PACKINGS:
                raise BundleError(f"{self._path}: {name} is packed in a way that no bundle is; get it anew")
            with self._zip.open(name) as file:
                content = file.read(max_bytes + 1)
        except KeyError:
            raise NotServedError(
                f"{self._path} has no {name}: is it the bundle of this product and channel?"
            ) from None
        except (OSError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise BundleError(f"{self._path}: {name} is damaged ({error}): copy the bundle again") from None
        if len(content) > max_bytes:
            raise TooLargeError(f"{self._path}: {name} is larger than {max_bytes} bytes; ask the publisher")
        return content

    def crl_paths(self) -> tuple[str, ...]:
        """The revocation lists in the bundle."""
        return tuple(
            name.removeprefix(_ROOT)
            for name in self._zip.namelist()
            if name.startswith(_CRLS) and name != _CRLS
        )
