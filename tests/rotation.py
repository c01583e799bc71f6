"""Certificates over years: roots, issuing CAs and signers that follow each other, made when a test says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.publishing.trust_records import AnnouncedCertificate, KnownPolicy
from feedsrv.signing.issuing import Authority, cross_certify, issue
from feedsrv.signing.requesting import profile_extensions, subject_of
from feedsrv.trust.profile import EKU, ISSUERS, PROFILES, SIGNERS, Kind, Role, fingerprint
from tests.pki import ORGANISATION, TestSigner

HOUR: Final = timedelta(hours=1)


def make_root(name: str, at: datetime, *, lifetime: timedelta = PROFILES[Role.ROOT].lifetime) -> Authority:
    """A root of that name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = subject_of(Role.ROOT, organisation=ORGANISATION, common_name=name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - HOUR)
        .not_valid_after(at + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    for extension, critical in profile_extensions(Role.ROOT, None):
        builder = builder.add_extension(extension, critical=critical)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def make_ca(
    kind: Kind,
    root: Authority,
    at: datetime,
    *,
    name: str | None = None,
    lifetime: timedelta | None = None,
    organisation: str = ORGANISATION,
) -> Authority:
    """An issuing CA for one kind of document."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = issue(
        ISSUERS[kind],
        key.public_key(),
        root,
        organisation=organisation,
        now=at,
        common_name=name or f"{kind} CA of {at:%Y-%m}",
        lifetime=lifetime,
    )
    return Authority(certificate, key)


def make_signer(
    kind: Kind,
    ca: Authority,
    at: datetime,
    *,
    name: str | None = None,
    lifetime: timedelta | None = None,
    beside: Sequence[x509.Certificate] = (),
) -> TestSigner:
    """A signer under that CA; `beside` are further certificates of the CA's key, under other roots."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = issue(
        SIGNERS[kind],
        key.public_key(),
        ca,
        organisation=ORGANISATION,
        now=at,
        common_name=name or f"{kind} signer of {at:%Y-%m}",
        lifetime=lifetime,
    )
    return TestSigner(f"{kind} signer", (certificate, ca.certificate, *beside), key)


def make_voucher(ca: Authority, by: Authority, at: datetime) -> x509.Certificate:
    """What `by` says of a root, or of an issuing CA that has a certificate already: its name and key."""
    return cross_certify(ca.certificate, by, now=at)


def announced(
    root: Authority,
    at: datetime,
    *,
    begins: datetime,
    vouchers: Sequence[x509.Certificate] = (),
    role: Role = Role.ROOT,
) -> AnnouncedCertificate:
    """It, announced at that time."""
    return AnnouncedCertificate(
        fingerprint(root.certificate),
        role,
        der(root.certificate),
        begins,
        tuple(sorted(map(der, vouchers), key=_sha256)),
        "anna",
        at,
    )


def known(
    name: str,
    *roots: Authority,
    since: datetime,
    organisation: str | None = ORGANISATION,
    note: str = "a customer's word",
) -> KnownPolicy:
    """A generation of agents that pin these roots."""
    return KnownPolicy(
        name,
        tuple(der(root.certificate) for root in roots),
        organisation,
        None,
        {kind: oid.dotted_string for kind, oid in EKU.items()},
        since,
        note,
    )


def der(certificate: x509.Certificate) -> bytes:
    """A certificate's bytes."""
    return certificate.public_bytes(Encoding.DER)


def _sha256(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize()


@dataclass(frozen=True)
class Line:
    """One line of authority: a root, an issuing CA of each kind, and a signer of each."""

    root: Authority
    cas: dict[Kind, Authority]
    signers: dict[Kind, TestSigner]

    @classmethod
    def begun(cls, name: str, at: datetime) -> Line:
        """All of it made at once."""
        root = make_root(name, at)
        cas = {kind: make_ca(kind, root, at, name=f"{name} {kind} CA") for kind in Kind}
        signers = {kind: make_signer(kind, cas[kind], at) for kind in Kind}
        return cls(root, cas, signers)
