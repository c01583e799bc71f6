"""Reading what a CA sends back: certificates, and perhaps a key, in any of the forms in use.

PEM (mixed, in any order, with text between), DER, PKCS#7 and PKCS#12. Whether what was read may be used
for a role is not asked here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_pem_private_key,
    pkcs7,
    pkcs12,
)

from feedsrv.errors import BadInputError
from feedsrv.signing.keystores import check_cost, count_keys
from feedsrv.signing.signer import PrivateKey
from feedsrv.trust.certificates import (
    UNREADABLE,
    read_party,
    reason_of,
)
from feedsrv.trust.refusals import UntrustedError

MOST_BYTES: Final = 256 * 1024
MOST_CERTIFICATES: Final = 32

_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----.*?-----END \1-----", re.DOTALL)
_BEGIN: Final = b"-----BEGIN "
_PKCS7: Final = bytes.fromhex("06092a864886f70d0107")
_PFX: Final = b"\x02\x01\x03"
_KEY_BAGS: Final = tuple(bytes.fromhex(f"060b2a864886f70d010c0a01{one}") for one in ("01", "02"))
"""PKCS#12 writes these object identifiers before each private key, and outside of what is encrypted."""


class BundleTooLargeError(BadInputError):
    """The file is larger, or holds more, than any answer of a CA."""

    code = "bundle.too_large"


class BundleUnreadableError(BadInputError):
    """The file is in no form that is known here, or is damaged."""

    code = "bundle.unreadable"


class BundlePassphraseError(BadInputError):
    """The passphrase is wrong, or the encrypted file is damaged."""

    code = "bundle.passphrase"


class BundlePassphraseMissingError(BadInputError):
    """The file is encrypted, and no passphrase was given."""

    code = "bundle.passphrase_missing"


class BundleTwoKeysError(BadInputError):
    """The file holds more than one private key, so it cannot be told which is meant."""

    code = "bundle.two_keys"


class BundleKeyKindError(BadInputError):
    """The private key is of a kind that cannot be used here."""

    code = "bundle.key_kind"


class BundleKeyUnexpectedError(BadInputError):
    """The file holds a private key, where only certificates belong."""

    code = "bundle.key_unexpected"


class NoCertificateError(BadInputError):
    """The file holds no certificate."""

    code = "bundle.no_certificate"


@dataclass(frozen=True)
class Bundle:
    """What a file held, each certificate once, in the file's order."""

    certificates: tuple[x509.Certificate, ...]
    private_key: PrivateKey | None = field(repr=False, default=None)


def read_bundle(data: bytes, *, source: str, passphrase: bytes | None = None) -> Bundle:
    """Read certificates, and the private key where there is one, in whatever form they come.

    Raises:
        BundleTooLargeError, BundleUnreadableError, BundlePassphraseError, BundlePassphraseMissingError,
        BundleTwoKeysError, BundleKeyKindError, NoCertificateError: what is wrong with the file.
    """
    return _read(data, source, passphrase).bundle()


def read_certificates(data: bytes, *, source: str) -> tuple[x509.Certificate, ...]:
    """Read certificates from a file that must not hold a private key.

    Raises:
        BundleKeyUnexpectedError: it does.
        BadInputError: as `read_bundle` says.
    """
    holds_key = b"PRIVATE KEY-----" in data or any(bag in data for bag in _KEY_BAGS)
    reading = None if holds_key else _read(data, source, None)
    if reading is None or reading.keys:
        raise BundleKeyUnexpectedError(
            f"{source}: holds a private key, which does not belong here; give a file of certificates alone, "
            "and make a new key if this file was passed on"
        )
    return reading.bundle().certificates


def _read(data: bytes, source: str, passphrase: bytes | None) -> _Reading:
    if len(data) > MOST_BYTES:
        raise BundleTooLargeError(
            f"{source}: has {len(data)} bytes, and at most {MOST_BYTES} are read; give the CA's answer alone"
        )
    reading = _Reading(source, passphrase)
    if _BEGIN in data:
        reading.pem(data)
    else:
        reading.der(data)
    return reading


class _Reading:
    """Gathers certificates and the key from the parts of one file."""

    def __init__(self, source: str, passphrase: bytes | None) -> None:
        self.source = source
        self.passphrase = passphrase
        self.certificates: list[x509.Certificate] = []
        self.keys: list[PrivateKey] = []

    def bundle(self) -> Bundle:
        certificates = tuple(dict.fromkeys(self.certificates))
        if len(self.keys) > 1:
            raise BundleTwoKeysError(self._two_keys(len(self.keys)))
        if len(certificates) > MOST_CERTIFICATES:
            raise BundleTooLargeError(
                f"{self.source}: holds {len(certificates)} certificates, and at most {MOST_CERTIFICATES} are "
                "read; give the certificate with its issuers, not a store of authorities"
            )
        if not certificates:
            raise NoCertificateError(
                f"{self.source}: holds no certificate; give the file with which the CA answered"
            )
        for position, one in enumerate(certificates, 1):
            try:
                read_party(one, source=f"{self.source}, certificate {position}")
            except UntrustedError as error:
                raise BundleUnreadableError(
                    f"{error.source}: {error.found}; ask the CA for another one"
                ) from None
        return Bundle(certificates, self.keys[0] if self.keys else None)

    def pem(self, data: bytes) -> None:
        if data.count(_BEGIN) > 2 * MOST_CERTIFICATES:
            raise BundleTooLargeError(
                f"{self.source}: holds {data.count(_BEGIN)} PEM blocks; give certificate and issuers alone"
            )
        for block in _BLOCK.finditer(data):
            label = block[1].decode()
            if label in _LOADERS:
                self._add(_LOADERS[label], block[0], f"the PEM block {label}")
            elif label.endswith("PRIVATE KEY"):
                self._key(load_pem_private_key, block[0])
            elif label in _REFUSED:
                raise BundleUnreadableError(f"{self.source}: holds {_REFUSED[label]}")

    def _add(self, load: Callable[[bytes], Iterable[x509.Certificate]], data: bytes, what: str) -> None:
        try:
            with warnings.catch_warnings():
                # Most programs write PKCS#7 in BER, at which the library only grumbles.
                warnings.simplefilter("ignore")
                self.certificates += load(data)
        except UNREADABLE as error:
            raise self._unreadable(f"{what} cannot be read ({reason_of(error)})") from None

    def der(self, data: bytes) -> None:
        match _inside(data):
            case inside if inside.startswith(_PKCS7):
                self._add(pkcs7.load_der_pkcs7_certificates, data, "the PKCS#7")
            case inside if inside.startswith(_PFX):
                self._pkcs12(data)
            case inside if inside.startswith(b"\x02\x01"):
                self._key(load_der_private_key, data)
            case inside if inside:
                if _is_request(data):
                    raise BundleUnreadableError(f"{self.source}: is {_A_REQUEST}")
                self._add(_load_der, data, "the certificate")
            case _:
                raise self._unreadable("is neither PEM nor DER")

    def _pkcs12(self, data: bytes) -> None:
        try:
            keys = count_keys(data, source=self.source)
        except ValueError as error:
            raise self._unreadable(f"is {error}") from None
        if keys > 1:  # the library would take one of them
            raise BundleTwoKeysError(self._two_keys(keys))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of BER, as with PKCS#7
                found = pkcs12.load_pkcs12(data, self.passphrase)
        except UNREADABLE:
            raise self._wrong_passphrase() from None
        if found.key is not None:
            self._keep(found.key)
        held = [found.cert, *found.additional_certs]
        self.certificates += [one.certificate for one in held if one is not None]

    def _key(self, load: Callable[[bytes, bytes | None], object], data: bytes) -> None:
        check_cost(data, source=self.source)
        try:
            try:
                loaded = load(data, self.passphrase)
            except TypeError:
                if self.passphrase is None:
                    raise self._wrong_passphrase() from None
                loaded = load(data, None)  # it is not encrypted, which is no harm
        except UNREADABLE:
            # The library's own words may quote what it read; they stay here.
            if self.passphrase is None:
                raise self._unreadable("its private key cannot be read") from None
            raise self._wrong_passphrase() from None
        self._keep(loaded)

    def _keep(self, key: object) -> None:
        if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
            raise BundleKeyKindError(
                f"{self.source}: holds a private key that is neither RSA nor EC; make one with `key request`"
            )
        self.keys.append(key)

    def _wrong_passphrase(self) -> BadInputError:
        if self.passphrase is None:
            return BundlePassphraseMissingError(
                f"{self.source}: is encrypted; name the file that holds its passphrase"
            )
        return BundlePassphraseError(
            f"{self.source}: the passphrase is wrong, or the file is damaged; look into the passphrase's file"
        )

    def _two_keys(self, number: int) -> str:
        return f"{self.source}: holds {number} private keys; export the one that is meant, alone"

    def _unreadable(self, why: str) -> BundleUnreadableError:
        return BundleUnreadableError(
            f"{self.source}: {why}; give certificates in PEM, DER, PKCS#7 or PKCS#12"
        )


_LOADERS: Final[Mapping[str, Callable[[bytes], Iterable[x509.Certificate]]]] = MappingProxyType(
    {
        "CERTIFICATE": x509.load_pem_x509_certificates,
        "X509 CERTIFICATE": x509.load_pem_x509_certificates,
        "PKCS7": pkcs7.load_pem_pkcs7_certificates,
        "CMS": lambda pem: pkcs7.load_pem_pkcs7_certificates(pem.replace(b"CMS-----", b"PKCS7-----")),
    }
)
_A_REQUEST: Final = "a request; give the certificate with which the CA answered it"
_REFUSED: Final = {
    "CERTIFICATE REQUEST": _A_REQUEST,
    "NEW CERTIFICATE REQUEST": _A_REQUEST,
    "TRUSTED CERTIFICATE": "a certificate in OpenSSL's own form; write it anew with `openssl x509`",
}


def _load_der(der: bytes) -> list[x509.Certificate]:
    return [x509.load_der_x509_certificate(der)]


def _is_request(der: bytes) -> bool:
    try:
        x509.load_der_x509_csr(der)
    except UNREADABLE:
        return False
    return True


def _inside(der: bytes) -> bytes:
    """The beginning of what the outermost SEQUENCE holds; empty where there is none."""
    if len(der) < 4 or der[0] != 0x30:
        return b""
    length = der[1] & 0x7F if der[1] & 0x80 else 0
    return der[2 + length : 2 + length + 16]
