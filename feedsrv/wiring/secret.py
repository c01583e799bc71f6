"""The desk's secret: what protects cookies and signs what webhooks are sent.

A file with one secret per line. The first is used; the others, older ones, are still believed, so that a
new one can be put before them without signing anybody out. Made at first start where none is named.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from feedsrv.errors import OperatorError
from feedsrv.settings import Settings

SHORTEST: Final = 32
"""Characters of one secret."""


class BadSecretError(OperatorError):
    """The file with the desk's secret cannot be used."""

    code = "desk.bad_secret"


@dataclass(frozen=True, repr=False)
class Secret:
    """Secrets, the newest first; each purpose gets a key of its own."""

    lines: tuple[str, ...]

    def keys(self, purpose: str) -> list[str]:
        """A key for one purpose from each secret, the newest first; 64 hexadecimal digits."""
        return [_derived(line, purpose).hex() for line in self.lines]

    def key(self, purpose: str) -> bytes:
        """The newest key for one purpose; 32 bytes."""
        return _derived(self.lines[0], purpose)


def _derived(line: str, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"feedsrv {purpose}".encode()).derive(line.encode())


def open_secret(settings: Settings) -> Secret:
    """The secret in force; made where none is named and none is there.

    Raises:
        BadSecretError: the file cannot be read or made, may be read by others, or holds too little.
    """
    file = settings.secret
    if settings.secret_file is None and not file.exists():
        _make(settings)
    try:
        lines = tuple(line.strip() for line in file.read_text("ascii").splitlines() if line.strip())
        mode = file.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not plain ASCII"
        raise BadSecretError(f"{file} cannot be read ({why}); {_WANTED}") from None
    if not lines or any(len(line) < SHORTEST for line in lines):
        raise BadSecretError(f"{file} has a line with fewer than {SHORTEST} characters, or none; {_WANTED}")
    if mode & 0o007:
        raise BadSecretError(f"{file} can be read or written by everybody: `chmod 600 {file}`")
    return Secret(lines)


_WANTED: Final = (
    f"it holds one secret of {SHORTEST} or more characters per line, such as `openssl rand -hex 32` prints, "
    "the newest first"
)


def _make(settings: Settings) -> None:
    file = settings.secret
    made = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(secrets.token_hex(32) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(made, file)  # whoever was first wins, and nobody sees half a file
        except FileExistsError:
            pass
        finally:
            made.unlink()
    except OSError as error:
        raise BadSecretError(
            f"{file} cannot be made ({error.strerror}); name a file with FEEDSRV_SECRET_FILE"
        ) from None
