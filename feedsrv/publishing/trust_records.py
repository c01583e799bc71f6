"""What is kept about keys, revocation, rotation and proofs of time.

Frozen records, nothing else; certificates and lists are DER. No private key is ever in here, only the
place where it lives, as a URI without secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from feedsrv.trust.profile import Kind, Role


class KeyStage(StrEnum):
    """How far a key has come."""

    REQUESTED = "requested"
    """The key exists, and its certificate was asked for."""
    READY = "ready"
    """Key and certificate are here, checked, and not in use."""
    IN_USE = "in use"
    """What signs; of anchors and CAs there may be several."""
    RETIRED = "retired"
    """Never to be used again."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One key with one certificate, or with the request for it."""

    key: str
    """SHA-256 of the public key (SubjectPublicKeyInfo, DER), as hexadecimal digits."""
    certificate: str | None
    """SHA-256 fingerprint of the certificate, as hexadecimal digits; None while it is only requested."""
    role: Role
    stage: KeyStage
    place: str | None
    """URI of the private key; None where it is not ours to use, as of a root that lies in a safe."""
    exportable: bool
    request: bytes | None
    """The certificate signing request, DER."""
    chain: tuple[bytes, ...]
    """The certificate, then its issuers in order, as far as they are known; a second certificate of an
    issuer's key, under another root, comes after them. Empty while it is only requested."""
    by: str
    at: datetime
    """Who made or imported it, and when."""

    @property
    def id(self) -> str:
        """The certificate's fingerprint, or the key's while there is none."""
        return self.certificate or self.key


@dataclass(frozen=True, slots=True)
class Revocation:
    """One certificate that its issuer took back. There is no way to take that back in turn."""

    issuer: str
    """The issuing CA's key, as `KeyRecord.key`."""
    serial: int
    at: datetime
    reason: str
    """A reason of RFC 5280, in cryptography's words, such as `key_compromise`."""
    by: str


@dataclass(frozen=True, slots=True)
class RevocationList:
    """The newest CRL of one CA of ours."""

    issuer: str
    """The issuing CA's key, as `KeyRecord.key`."""
    name: str
    """Its file's name without `.crl`; never changes, since agents ask for it."""
    number: int
    begins: datetime
    ends: datetime
    der: bytes


@dataclass(frozen=True, slots=True)
class AnnouncedCertificate:
    """A certificate that feeds announce, long before anything is signed under it."""

    fingerprint: str
    """SHA-256, as hexadecimal digits."""
    role: Role
    """A root or an issuing CA."""
    certificate: bytes
    begins: datetime
    """When it is planned to be used."""
    vouchers: tuple[bytes, ...]
    """Certificates for the same name and key by roots that agents pin already."""
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class KnownPolicy:
    """What a generation of agents is known to trust."""

    name: str
    anchors: tuple[bytes, ...]
    organisation: str | None
    policy_oid: str | None
    eku: Mapping[Kind, str]
    """Dotted."""
    since: datetime
    note: str
    """Where it is known from, such as `published` or a customer's word."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """An RFC 3161 token over the signature of one published document."""

    digest: str
    """Of the published document."""
    subject: str
    """Such as `M0001 revision 2`."""
    token: bytes
    at: datetime
    """What the token says."""
    authority: str
    """Who says so: the subject of the authority's certificate."""


@dataclass(frozen=True, slots=True)
class OpenCondition:
    """Trouble that began and has not ended; see `feedsrv.observability.events`."""

    name: str
    subject: str
    since: datetime
    detail: str
