"""A key in a PEM file on this machine: for development, and where no hardware module is at hand.

The file must be its owner's alone. A passphrase comes from a file of its own, never from a setting,
a command line or the environment.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from feedsrv.signing.key_files import (
    ChainUnreadableError,
    FileMissingError,
    KeyExposedError,
    pem_of,
    read_private,
    settle,
)
from feedsrv.signing.places import SignerUriError, read_uri
from feedsrv.signing.signer import KeyExistsError, OpenedKey, PrivateKey, SigningError
from feedsrv.trust.profile import KeyKind

__all__ = [
    "FORM",
    "ChainUnreadableError",
    "FileMissingError",
    "FileUnwritableError",
    "KeyExposedError",
    "KeyUnreadableError",
    "PassphraseMissingError",
    "PassphraseWrongError",
    "PemPlace",
    "read_place",
]

FORM: Final = "file:/absolute/key.pem[?passphrase=/absolute/file][&chain=/absolute/chain.pem]"
_PROBE: Final = b"feedsrv: is this key sound?"


class FileUnwritableError(SigningError):
    """A new key's file cannot be written where it was asked for."""

    code = "signing.file_unwritable"


class KeyUnreadableError(SigningError):
    """The file holds no private key that can be used here."""

    code = "signing.key_unreadable"


class PassphraseMissingError(SigningError):
    """The key is encrypted, and no passphrase was given."""

    code = "signing.passphrase_missing"


class PassphraseWrongError(SigningError):
    """The passphrase does not open the key."""

    code = "signing.passphrase_wrong"


@dataclass(frozen=True, slots=True)
class PemPlace:
    """Where a key file lies, and the files of its passphrase and its certificates."""

    key: Path
    passphrase: Path | None
    chain: Path | None

    @property
    def name(self) -> str:
        """As signers are named in messages and logs."""
        return f"file:{self.key}"

    @property
    def description(self) -> str:
        """For people."""
        return f"PEM file {self.key}"

    def open(self) -> OpenedKey:
        """Read the key, and make sure that it can sign.

        Raises:
            FileMissingError, KeyExposedError, KeyUnreadableError: what and where.
            PassphraseMissingError, PassphraseWrongError: the passphrase's file is to be looked after.
        """
        secret = None if self.passphrase is None else _read_passphrase(self.passphrase)
        return OpenedKey(self.name, _load_key(read_private(self.key, "private key"), self, secret))

    def create(self, kind: KeyKind, *, exportable: bool) -> OpenedKey:  # noqa: ARG002 -- a file can always be copied
        """Make a key and its file, whole or not at all, readable by its owner alone.

        It is encrypted where a passphrase's file is named.

        Raises:
            KeyExistsError: the file is there, whatever it holds.
            FileUnwritableError: the folder is not there, or cannot be written.
            FileMissingError, KeyExposedError, PassphraseMissingError: the passphrase's file.
        """
        return self._keep(lambda: _make(kind))

    def store(self, private_key: PrivateKey, /) -> OpenedKey:
        """Put a key that is at hand into the file, as `create` does.

        Raises:
            NotExportableError: it is not at hand, but in another place that it cannot leave.
            As `create` does.
        """
        return self._keep(lambda: private_key)

    def export(self, passphrase: bytes | None) -> bytes:
        """The key as PEM (PKCS#8), encrypted where a passphrase is given.

        Raises:
            As `open` does.
        """
        return pem_of(self.open().private_key, passphrase)

    def _keep(self, make: Callable[[], PrivateKey]) -> OpenedKey:
        secret = None if self.passphrase is None else _read_passphrase(self.passphrase)
        if os.path.lexists(self.key):
            raise _exists(self)
        key = make()
        _write_new(self, pem_of(key, secret))
        return OpenedKey(self.name, key)


def read_place(uri: str) -> PemPlace:
    """Read `file:/absolute/key.pem`, and the names of the files behind it.

    Raises:
        SignerUriError: not of that form.
    """
    parts = read_uri(uri, options=("passphrase",), form=FORM)
    path = unquote(parts.path)
    if path.startswith("///"):
        path = path[2:]
    if not path.startswith("/") or path.startswith("//") or path.endswith("/") or "\0" in path:
        raise SignerUriError(f"a key's file is named by its absolute path; write {FORM}")
    return PemPlace(Path(path), parts.file("passphrase", form=FORM), parts.file("chain", form=FORM))


def _read_passphrase(path: Path) -> bytes:
    # Editors put a line end behind it, and nobody's passphrase ends with one.
    secret = read_private(path, "passphrase").rstrip(b"\r\n")
    if not secret:
        raise PassphraseMissingError(f"{path}: the passphrase's file is empty; write the passphrase into it")
    return secret


def _load_key(pem: bytes, place: PemPlace, secret: bytes | None) -> PrivateKey:
    path = place.key
    try:
        # The library's own proof that an RSA key is sound takes a fifth of a second at every start;
        # one signature, made and verified below, takes a hundredth of that and finds the same.
        loaded = load_pem_private_key(pem, secret, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        if secret is None:
            raise PassphraseMissingError(
                f"{path}: the key is encrypted; add passphrase=/path/of/a/file to the signer's URI"
            ) from None
        raise KeyUnreadableError(
            f"{path}: the key is not encrypted; take the passphrase out of the signer's URI"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        # The library's own words may quote what it read; they stay here.
        if secret is not None and b"ENCRYPTED" in pem:
            raise PassphraseWrongError(
                f"{path}: the passphrase in {place.passphrase} does not open this key (or the key's file is "
                "damaged); correct the passphrase's file"
            ) from None
        raise KeyUnreadableError(
            f"{path}: holds no PEM private key that can be read; name the key's own file"
        ) from None
    if not isinstance(loaded, RSAPrivateKey | EllipticCurvePrivateKey):
        raise KeyUnreadableError(f"{path}: holds neither an RSA nor an EC key; name another one")
    if not _is_sound(loaded):
        raise KeyUnreadableError(f"{path}: the key is damaged, its signatures do not verify; restore it")
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


def _make(kind: KeyKind) -> PrivateKey:
    match kind:
        case KeyKind.RSA_3072:
            return rsa.generate_private_key(public_exponent=65537, key_size=3072)
        case KeyKind.RSA_4096:
            return rsa.generate_private_key(public_exponent=65537, key_size=4096)
        case KeyKind.P_256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyKind.P_384:
            return ec.generate_private_key(ec.SECP384R1())


def _write_new(place: PemPlace, pem: bytes) -> None:
    """Beside its place first: a kill leaves a whole key there, or none."""
    folder = place.key.parent
    try:
        handle, beside = tempfile.mkstemp(prefix=".unfinished-", dir=folder)  # for its owner alone
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
            os.link(beside, place.key)  # unlike a rename, it overwrites nothing
        finally:
            with suppress(OSError):
                Path(beside).unlink()
        settle(folder)
    except FileExistsError:
        raise _exists(place) from None
    except OSError as error:
        raise FileUnwritableError(
            f"{place.key}: the new key cannot be written ({error.strerror}); make the folder, or name another"
        ) from None


def _exists(place: PemPlace) -> KeyExistsError:
    return KeyExistsError(
        f"{place.key}: is there already, and a key is never overwritten; name another file, or move it away"
    )
