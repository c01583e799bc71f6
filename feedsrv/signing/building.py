"""Putting certificates together, and proving at once that what was signed holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes

from feedsrv.signing.requesting import PublicKey, check_key, profile_extensions
from feedsrv.signing.signer import PrivateKey, SigningError
from feedsrv.trust.certificates import UNREADABLE, name_of, reason_of
from feedsrv.trust.profile import Role


class IssuingFailedError(SigningError):
    """The CA's key or the library did not deliver a signature that holds; nothing was issued."""

    code = "issuing.failed"


def granted(
    role: Role, public_key: PublicKey, names: x509.SubjectAlternativeName | None
) -> Iterator[tuple[x509.ExtensionType, bool]]:
    """What the profile grants in that role."""
    yield x509.SubjectKeyIdentifier.from_public_key(public_key), False
    yield from profile_extensions(role, names)


def start(
    subject: x509.Name, public_key: PublicKey, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    """What every certificate says, but for who issued it and what it is for."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def extended(
    builder: x509.CertificateBuilder, extensions: Iterable[tuple[x509.ExtensionType, bool]]
) -> x509.CertificateBuilder:
    """With extensions, each with whether it is critical."""
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder


def signed(builder: x509.CertificateBuilder, issuer: x509.Certificate, key: PrivateKey) -> x509.Certificate:
    """Under that CA, by its key.

    Raises:
        IssuingFailedError: the key does not sign what holds.
    """
    builder = builder.issuer_name(issuer.subject)
    builder = builder.add_extension(authority_key_identifier(issuer), critical=False)
    return checked(builder.sign(key, hashes.SHA256()), issuer)


def checked(certificate: x509.Certificate, issuer: x509.Certificate) -> x509.Certificate:
    """A module may answer anything; what it signed is verified before anybody gets it.

    Raises:
        IssuingFailedError: it does not hold.
    """
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE) as error:
        raise IssuingFailedError(
            f"{name_of(issuer)}: its key signed, but the signature does not hold ({reason_of(error)}); "
            "look at the key or its module"
        ) from error
    return certificate


def authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """As the issuer names its own key, which need not be as we would: OpenSSL compares the two."""
    try:
        own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        public_key = check_key(issuer.public_key(), Role.ROOT, name=name_of(issuer))
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(public_key)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
