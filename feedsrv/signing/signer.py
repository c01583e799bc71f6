"""What signing needs of a key, wherever it lives, and the refusals that all places of keys share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from feedsrv.errors import OperatorError, UnavailableError
from feedsrv.trust.profile import spki_id

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey
"""Real, or a stand-in for a key that never leaves its module and can only `sign`."""


class SigningError(OperatorError):
    """A document could not be signed; nothing was published."""

    code = "signing"


class KeyAwayError(UnavailableError):
    """The place where a key lives does not answer, or is too busy; trying again later may help."""

    code = "signing.away"


class KeyMissingError(SigningError):
    """The place is there, but holds no key of that name."""

    code = "signing.key_missing"


class KeyExistsError(SigningError):
    """There is a key of that name already, and keys are never overwritten."""

    code = "signing.key_exists"


class NotStorableError(SigningError):
    """A key that is at hand cannot be put into this place, which only makes keys of its own."""

    code = "signing.not_storable"


class KeyKindError(SigningError):
    """The key is of a kind that cannot sign here, or that its place cannot make."""

    code = "signing.key_kind"


class KeyNotAllowedError(SigningError):
    """The key is there, but its place does not let it be used for signing."""

    code = "signing.not_allowed"


class NotExportableError(SigningError):
    """The key cannot leave the place where it lives."""

    code = "signing.not_exportable"


class KeyOnlySignsError(SigningError):
    """More was asked of a key in a module or service than a signature by SHA-256."""

    code = "signing.only_signs"


class SignatureUnsoundError(SigningError):
    """A module or service gave a signature that its own public key does not verify."""

    code = "signing.unsound"


class Signer(Protocol):
    """A key and its certificates. It does not know what it signs."""

    @property
    def name(self) -> str:
        """For logs and people; never holds a secret."""

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """The signer's certificate, then its issuers in order, without the root."""

    @property
    def private_key(self) -> PrivateKey:
        """What signs."""


@dataclass(frozen=True)
class OpenedKey:
    """A key that is ready to sign, and the name that people know it by."""

    name: str
    private_key: PrivateKey = field(repr=False)


@dataclass(frozen=True)
class OpenedSigner:
    """A `Signer` whose key and certificates were opened by a URI."""

    name: str
    chain: tuple[x509.Certificate, ...]
    private_key: PrivateKey = field(repr=False)


def ends(signer: Signer) -> datetime:
    """When the first link of the signer's chain ends; nothing it signs is believed after that."""
    return chain_ends(signer.chain)


def chain_ends(chain: Sequence[x509.Certificate]) -> datetime:
    """When the first link of a chain ends.

    A CA may have several certificates in it, each under another root: of these the last to end counts.
    """
    return min(max(one.not_valid_after_utc for one in link) for link in links_of(chain))


def holds(certificate: x509.Certificate, at: datetime) -> bool:
    """True within the certificate's life, its first and its last second included."""
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def links_of(chain: Iterable[x509.Certificate]) -> tuple[tuple[x509.Certificate, ...], ...]:
    """The links of a chain: certificates of one name and key, perhaps under different roots, are one."""
    links: dict[tuple[x509.Name, str], list[x509.Certificate]] = {}
    for one in chain:
        links.setdefault((one.subject, spki_id(one.public_key())), []).append(one)
    return tuple(map(tuple, links.values()))
