"""Whom a receiver trusts: anchors, whose issuing CA, which usages, which CRLs.

Bytes in, words out; whoever calls has read the files. What is wrong here is for the operator of this
machine to mend, never for the publisher.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography import x509

from feedsrv.errors import OperatorError
from feedsrv.trust.certificates import UNREADABLE, name_of, read_party, reason_of
from feedsrv.trust.profile import EKU, Kind
from feedsrv.trust.refusals import UntrustedError
from feedsrv.trust.waivers import Waiver


class AnchorsError(OperatorError):
    """The pinned anchors cannot be used."""

    code = "trust.anchors"


class CrlUnreadableError(OperatorError):
    """A CRL at hand cannot be read."""

    code = "trust.crl_unreadable"


@dataclass(frozen=True)
class TrustPolicy:
    """What a document must prove to be used here."""

    anchors: tuple[x509.Certificate, ...]
    """Pinned roots, two or more while a publisher rotates."""
    organisation: str | None = None
    """What the issuing CA's subject must say; a leaf's subject is never asked, so renewal strands nobody."""
    policy_oid: x509.ObjectIdentifier | None = None
    """A certificate policy that the issuing CA must carry."""
    eku: Mapping[Kind, x509.ObjectIdentifier] = field(default_factory=lambda: EKU)
    crls: tuple[x509.CertificateRevocationList, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    """Exceptions that the administrator made; without any, nothing is lenient."""

    def __post_init__(self) -> None:
        if not self.anchors:
            raise AnchorsError("no trust anchor is pinned: name at least one root certificate (PEM)")


def load_anchors(pem: bytes, *, source: str) -> tuple[x509.Certificate, ...]:
    """Read the certificates of a PEM file as anchors.

    Raises:
        AnchorsError: no certificate, one that cannot be read or is no CA, or a private key beside them.
    """
    if b"PRIVATE KEY-----" in pem:
        raise AnchorsError(f"{source}: holds a private key; anchors are public, keep keys out of this file")
    try:
        anchors = tuple(dict.fromkeys(x509.load_pem_x509_certificates(pem)))
        parties = [read_party(anchor, source=source) for anchor in anchors]
    except (ValueError, UntrustedError) as error:
        raise AnchorsError(f"{source}: holds no readable PEM certificate ({error})") from None
    for party in parties:
        if not party.is_ca:
            raise AnchorsError(
                f"{source}: {name_of(party.certificate)} is no CA; pin the publisher's root certificate"
            )
    return anchors


def load_crl(data: bytes, *, source: str) -> x509.CertificateRevocationList:
    """Read one CRL, PEM or DER.

    Raises:
        CrlUnreadableError: it is neither.
    """
    try:
        is_pem = data.lstrip().startswith(b"-----BEGIN")
        crl = x509.load_pem_x509_crl(data) if is_pem else x509.load_der_x509_crl(data)
        # The library reads a field when it is first asked for; then is too late to say what is wrong.
        _ = crl.issuer, crl.last_update_utc, crl.next_update_utc
    except UNREADABLE as error:
        raise CrlUnreadableError(
            f"{source}: is no CRL in PEM or DER ({reason_of(error)}); fetch it again"
        ) from None
    return crl
