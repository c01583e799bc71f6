"""The one door to wherever keys live. A new place is a new line in `_PLACES`.

A key is named by a URI, its place, and a signer's URI is the same with the file of its certificates,
`chain=/absolute/chain.pem`. Secrets never stand in either; they come from files of their own.

    file:/absolute/key.pem?passphrase=/absolute/file
    pkcs11:token=NAME;object=KEY?module-path=/absolute/module.so&pin-source=file:/absolute/pin
    aws-kms:alias/NAME?region=REGION
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

from cryptography import x509

from feedsrv.signing import pemfile, pkcs11
from feedsrv.signing.documents import check_belongs_together
from feedsrv.signing.key_files import read_chain
from feedsrv.signing.places import SignerUriError, scheme_of
from feedsrv.signing.signer import OpenedKey, OpenedSigner, PrivateKey, Signer
from feedsrv.trust.profile import KeyKind

__all__ = [
    "SignerUriError",
    "create_key",
    "describe_place",
    "export_key",
    "open_chain",
    "open_key",
    "open_signer",
    "store_key",
]


class _Place(Protocol):
    """One key of one back end, by name; nothing is touched before a method is called."""

    @property
    def description(self) -> str: ...

    @property
    def chain(self) -> Path | None: ...

    def open(self) -> OpenedKey: ...

    def create(self, kind: KeyKind, *, exportable: bool) -> OpenedKey: ...

    def store(self, private_key: PrivateKey, /) -> OpenedKey: ...

    def export(self, passphrase: bytes | None) -> bytes: ...


def open_signer(uri: str, *, chain: tuple[x509.Certificate, ...] | None = None) -> Signer:
    """Open the key that a URI names, and make sure key and certificates belong together.

    The certificates are those of `chain`, else those of the file that the URI names by `chain=`.
    Whether receivers will accept what it signs is `fitness.check_fit`'s to say, at a time and for a kind.

    Raises:
        SignerUriError: an unknown scheme, or a part is missing.
        SigningError: the key or its certificates cannot be used; one class for each reason.
        KeyAwayError: the key's place does not answer now.
    """
    place = _read(uri)
    certificates = open_chain(uri) if chain is None else chain
    key = place.open()
    check_belongs_together(key.private_key, certificates, name=key.name)
    return OpenedSigner(key.name, certificates, key.private_key)


def open_chain(uri: str) -> tuple[x509.Certificate, ...]:
    """The certificates that a signer's URI names. Its key is not touched, and may be away.

    Raises:
        SignerUriError: it names none.
        FileMissingError, ChainUnreadableError: the file.
    """
    place = _read(uri)
    if place.chain is None:
        raise SignerUriError(
            f"{place.description}: the URI of a signer also names the file of its certificates; "
            "add chain=/absolute/chain.pem to it"
        )
    return read_chain(place.chain)


def open_key(place: str) -> OpenedKey:
    """Open the key that a URI names. It may be a stand-in that can `sign` and show its public key.

    Raises:
        As `open_signer` does.
    """
    return _read(place).open()


def create_key(place: str, kind: KeyKind, *, exportable: bool) -> OpenedKey:
    """Make a key where a URI says, and never in place of another.

    What lies in a file can always be copied; `exportable` binds modules alone.

    Raises:
        KeyExistsError: there is one of that name.
        KeyKindError, NotExportableError: its place cannot make such a key.
        SigningError, KeyAwayError: its place cannot be used, or not now.
    """
    return _read(place).create(kind, exportable=exportable)


def store_key(place: str, private_key: PrivateKey) -> OpenedKey:
    """Put a key that is at hand, such as one from a PKCS #12 file, where a URI says; never over another.

    Raises:
        NotStorableError: its place takes no keys from outside.
        As `create_key` does.
    """
    return _read(place).store(private_key)


def export_key(place: str, *, passphrase: bytes | None) -> bytes:
    """The private key as PEM (PKCS#8), encrypted where a passphrase is given.

    Raises:
        NotExportableError: it cannot leave its place.
        SigningError, KeyAwayError: its place cannot be used, or not now.
    """
    return _read(place).export(passphrase)


def describe_place(place: str) -> str:
    """Where a key lives, for people; holds no secret, and touches nothing.

    >>> describe_place("file:/etc/feedsrv/feed.pem?passphrase=/etc/feedsrv/word")
    'PEM file /etc/feedsrv/feed.pem'

    Raises:
        SignerUriError: not of a known form.
    """
    return _read(place).description


def _read(uri: str) -> _Place:
    read = _PLACES.get(scheme_of(uri))
    if read is None:
        raise SignerUriError(
            f"a key is named by a URI that begins with {' or '.join(f'{one}:' for one in _PLACES)}, "
            f"not with {scheme_of(uri) or uri.partition('?')[0][:80]!r}; write {pemfile.FORM}"
        )
    return read(uri)


def _read_kms(uri: str) -> _Place:
    # boto3 takes a fifth of a second to load, and most publishers never ask for it.
    from feedsrv.signing import kms  # noqa: PLC0415 -- see above

    return kms.read_place(uri)


_PLACES: Final[Mapping[str, Callable[[str], _Place]]] = MappingProxyType(
    {"file": pemfile.read_place, "pkcs11": pkcs11.read_place, "aws-kms": _read_kms}
)
