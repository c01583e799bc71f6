"""A key in a PEM file on this machine: for development, and where no hardware module is at hand.

The file must be its owner's alone. A passphrase comes from a file of its own, never from a setting,
a command line or the environment.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from feedsrv.signing.signer import PrivateKey, SigningError

_MOST_BYTES: Final = 128 * 1024
_PROBE: Final = b"feedsrv: is this key sound?"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class FileMissingError(SigningError):
    """A file that the signer needs is not there, or cannot be read."""

    code = "signing.file_missing"


class KeyExposedError(SigningError):
    """Others on this machine can read the private key or its passphrase."""

    code = "signing.key_exposed"


class KeyUnreadableError(SigningError):
    """The file holds no private key that can be used here, or the passphrase is wrong."""

    code = "signing.key_unreadable"


class ChainUnreadableError(SigningError):
    """The file holds no certificates in PEM."""

    code = "signing.chain_unreadable"


@dataclass(frozen=True)
class PemFileSigner:
    """A `Signer` whose key was read from a file."""

    name: str
    chain: tuple[x509.Certificate, ...]
    private_key: PrivateKey = field(repr=False)


def open_pem_file(key: Path, chain: Path, passphrase: Path | None = None) -> PemFileSigner:
    """Read key and chain. Whether they belong together is the caller's to ask.

    Raises:
        FileMissingError, KeyExposedError, KeyUnreadableError, ChainUnreadableError: what and where.
    """
    secret = None
    if passphrase is not None:
        secret = _read_private(passphrase, "passphrase").rstrip(b"\r\n")
    loaded = _load_key(_read_private(key, "private key"), key, secret)
    try:
        certificates = tuple(x509.load_pem_x509_certificates(_read(chain, "certificate chain")))
    except ValueError as error:
        raise ChainUnreadableError(f"{chain}: holds no readable PEM certificates ({error})") from None
    return PemFileSigner(name=f"file:{key}", chain=certificates, private_key=loaded)


def _load_key(pem: bytes, path: Path, secret: bytes | None) -> PrivateKey:
    try:
        # The library's own proof that an RSA key is sound takes a fifth of a second at every start;
        # one signature, made and verified below, takes a hundredth of that and finds the same.
        loaded = load_pem_private_key(pem, secret, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        wanted = (
            "is encrypted; add passphrase=/path/of/a/file to the signer's URI"
            if secret is None
            else "is not encrypted; take the passphrase out of the signer's URI"
        )
        raise KeyUnreadableError(f"{path}: the key {wanted}") from None
    except (ValueError, UnsupportedAlgorithm):
        # The library's own words may quote what it read; they stay here.
        raise KeyUnreadableError(
            f"{path}: holds no PEM private key that can be read, or the passphrase is wrong"
        ) from None
    if not isinstance(loaded, RSAPrivateKey | EllipticCurvePrivateKey):
        raise KeyUnreadableError(f"{path}: holds neither an RSA nor an EC key")
    if not _is_sound(loaded):
        raise KeyUnreadableError(f"{path}: the key is damaged, its signatures do not verify")
    return loaded


def _is_sound(key: PrivateKey) -> bool:
    try:
        if isinstance(key, RSAPrivateKey):
            signature = key.sign(_PROBE, PKCS1v15(), SHA256())
            key.public_key().verify(signature, _PROBE, PKCS1v15(), SHA256())
        else:
            key.public_key().verify(key.sign(_PROBE, ECDSA(SHA256())), _PROBE, ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _read_private(path: Path, what: str) -> bytes:
    content = _read(path, what)
    mode = path.stat().st_mode
    if mode & _OTHERS:
        raise KeyExposedError(
            f"{path}: the {what} may be read by others on this machine (mode {stat.S_IMODE(mode):04o}); "
            f"run: chmod 600 {path}"
        )
    return content


def _read(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise FileMissingError(f"{path}: the {what} cannot be read ({error.strerror})") from None
