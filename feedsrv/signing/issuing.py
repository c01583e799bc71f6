"""Issuing certificates and CRLs by the certificate profile, word for word what `trust` demands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from feedsrv.signing.signer import PrivateKey
from feedsrv.trust.profile import EKU, PROFILES, RSA_ISSUED_BITS, CertificateProfile, Role

CRL_LIFETIME: Final = timedelta(days=30)
_BACKDATED: Final = timedelta(hours=1)
"""Other machines' clocks are behind ours."""
_KEY_USAGES: Final = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class Authority:
    """A CA: its certificate and the key that issues."""

    certificate: x509.Certificate
    private_key: PrivateKey


def new_key() -> rsa.RSAPrivateKey:
    """A key of the size that we issue for; takes about half a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_ISSUED_BITS)


def issue_root(key: PrivateKey, *, organisation: str, now: datetime) -> x509.Certificate:
    """A self-signed root."""
    name = _name(Role.ROOT, organisation)
    builder = _start(Role.ROOT, key, name, now, now + PROFILES[Role.ROOT].lifetime)
    return builder.issuer_name(name).sign(key, hashes.SHA256())


def issue(
    role: Role,
    key: PrivateKey,
    issuer: Authority,
    *,
    organisation: str,
    now: datetime,
) -> x509.Certificate:
    """A certificate of that role. It never outlives its issuer."""
    profile = PROFILES[role]
    end = min(now + profile.lifetime, issuer.certificate.not_valid_after_utc)
    builder = _start(role, key, _name(role, organisation), now, end)
    if profile.kind is not None:
        # Not critical: some stacks refuse a critical one, and our own check asks for it anyway.
        builder = builder.add_extension(x509.ExtendedKeyUsage([EKU[profile.kind]]), critical=False)
    return (
        builder.issuer_name(issuer.certificate.subject)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.private_key.public_key()),
            critical=False,
        )
        .sign(issuer.private_key, hashes.SHA256())
    )


def issue_crl(issuer: Authority, *, now: datetime) -> x509.CertificateRevocationList:
    """A CRL that revokes nothing: it shows that somebody looked."""
    return (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now - _BACKDATED)
        .next_update(now + CRL_LIFETIME)
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.private_key.public_key()),
            critical=False,
        )
        .sign(issuer.private_key, hashes.SHA256())
    )


def _start(
    role: Role, key: PrivateKey, name: x509.Name, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    profile = PROFILES[role]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(profile.is_ca, profile.path_length), critical=True)
        .add_extension(_usage(profile), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(profile: CertificateProfile) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in profile.key_usage for name in _KEY_USAGES})


def _name(role: Role, organisation: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{organisation} {role}"[:64]),
        ]
    )
