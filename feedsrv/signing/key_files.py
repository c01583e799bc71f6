"""Files that signing needs, whatever place a key lives in: secrets of its own, and certificates."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from feedsrv.signing.signer import PrivateKey, SigningError

_MOST_BYTES: Final = 128 * 1024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class FileMissingError(SigningError):
    """A file that the signer needs is not there, or cannot be read."""

    code = "signing.file_missing"


class KeyExposedError(SigningError):
    """Others on this machine can read the private key, its passphrase or its PIN."""

    code = "signing.key_exposed"


class ChainUnreadableError(SigningError):
    """The file holds no certificates in PEM."""

    code = "signing.chain_unreadable"


def read_private(path: Path, what: str) -> bytes:
    """The content of a file that must be its owner's alone.

    Raises:
        FileMissingError, KeyExposedError: what and where.
    """
    content, mode = _read(path, what)
    if mode & _OTHERS:
        raise KeyExposedError(
            f"{path}: the {what} may be read by others on this machine (mode {stat.S_IMODE(mode):04o}); "
            f"run: chmod 600 {path}"
        )
    return content


def state_of(path: Path, what: str) -> tuple[int, int, int]:
    """What changes whenever a file is written anew: its number, time and size.

    Raises:
        FileMissingError: what and where.
    """
    try:
        seen = path.stat()
    except OSError as error:
        raise _missing(path, what, error) from None
    return seen.st_ino, seen.st_mtime_ns, seen.st_size


def read_chain(path: Path) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM file, in its order.

    Raises:
        FileMissingError, ChainUnreadableError: what and where.
    """
    content, _ = _read(path, "certificate chain")
    try:
        return tuple(x509.load_pem_x509_certificates(content))
    except ValueError as error:
        raise ChainUnreadableError(
            f"{path}: holds no readable PEM certificates ({error}); write the signer's, then its issuer's"
        ) from None


def pem_of(key: PrivateKey, passphrase: bytes | None) -> bytes:
    """A private key that is at hand as PEM (PKCS#8), encrypted where a passphrase is given."""
    encryption: KeySerializationEncryption = (
        NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def settle(folder: Path) -> None:
    """Make the names in a folder durable: one that is only in memory does not survive a power failure."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path, what: str) -> tuple[bytes, int]:
    """Content and mode, of one and the same file."""
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES), os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise _missing(path, what, error) from None


def _missing(path: Path, what: str, error: OSError) -> FileMissingError:
    return FileMissingError(
        f"{path}: the {what} cannot be read ({error.strerror}); correct its path, or its rights"
    )
