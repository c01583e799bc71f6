"""The certificate profile as one table, and the algorithms and sizes that a document may use.

`verifying` judges strangers' documents by these lines, and `feedsrv.signing` issues by them, so that
the two cannot drift apart. What a CA may do above the line "needed" is the publisher's own choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID


class Kind(StrEnum):
    """The two kinds of document, each with a key and an extended key usage of its own."""

    MITIGATION = "mitigation"
    FEED = "feed"


# Every arc lies below 2^24: older .NET does not find a UUID arc (2.25.) in a certificate.
EKU: Final[Mapping[Kind, ObjectIdentifier]] = MappingProxyType(
    {
        Kind.MITIGATION: ObjectIdentifier(
            "1.2.840.113556.1.8000.2554.26096.1530.37264.23743.40357.11746483.8133158"
        ),
        Kind.FEED: ObjectIdentifier(
            "1.2.840.113556.1.8000.2554.26301.64168.40550.22267.43668.15260694.7653015"
        ),
    }
)
CODE_SIGNING: Final = ExtendedKeyUsageOID.CODE_SIGNING
ANY_USAGE: Final = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE

ROOTS: Final[Mapping[Kind, str]] = MappingProxyType(
    {Kind.MITIGATION: "{urn:feedsrv:mitigation:1}Mitigation", Kind.FEED: "{urn:feedsrv:feed:1}Feed"}
)


class Role(StrEnum):
    """What a certificate is for."""

    ROOT = "root CA"
    MITIGATION_CA = "issuing CA for mitigations"
    FEED_CA = "issuing CA for feeds"
    MITIGATION_SIGNER = "mitigation signer"
    FEED_SIGNER = "feed signer"


@dataclass(frozen=True, slots=True)
class CertificateProfile:
    """What a certificate of one role looks like."""

    path_length: int | None
    """CAs allowed below it, as issued; None for a signer, which is no CA."""
    key_usage: frozenset[str]
    """As issued, in the attribute names of `cryptography.x509.KeyUsage`."""
    needed: frozenset[str]
    """What a verifier demands of it."""
    forbidden: frozenset[str]
    """What a verifier refuses."""
    kind: Kind | None
    """Whose extended key usage it carries; None for a root, which carries none."""
    lifetime: timedelta
    """As issued."""

    @property
    def is_ca(self) -> bool:
        """True where it issues certificates."""
        return self.path_length is not None


_CA_USAGE: Final = frozenset({"key_cert_sign", "crl_sign"})
_CA_NEEDED: Final = frozenset({"key_cert_sign"})
_SIGNER_USAGE: Final = frozenset({"digital_signature"})
_NONE: Final[frozenset[str]] = frozenset()

# role: path_length, key_usage, needed, forbidden, kind, lifetime
PROFILES: Final[Mapping[Role, CertificateProfile]] = MappingProxyType(
    {
        Role.ROOT: CertificateProfile(1, _CA_USAGE, _CA_NEEDED, _NONE, None, timedelta(days=3652)),
        Role.MITIGATION_CA: CertificateProfile(
            0, _CA_USAGE, _CA_NEEDED, _NONE, Kind.MITIGATION, timedelta(days=1826)
        ),
        Role.FEED_CA: CertificateProfile(0, _CA_USAGE, _CA_NEEDED, _NONE, Kind.FEED, timedelta(days=1826)),
        Role.MITIGATION_SIGNER: CertificateProfile(
            None, _SIGNER_USAGE, _SIGNER_USAGE, _CA_USAGE, Kind.MITIGATION, timedelta(days=397)
        ),
        Role.FEED_SIGNER: CertificateProfile(
            None, _SIGNER_USAGE, _SIGNER_USAGE, _CA_USAGE, Kind.FEED, timedelta(days=90)
        ),
    }
)

SIGNERS: Final[Mapping[Kind, Role]] = MappingProxyType(
    {Kind.MITIGATION: Role.MITIGATION_SIGNER, Kind.FEED: Role.FEED_SIGNER}
)
ISSUERS: Final[Mapping[Kind, Role]] = MappingProxyType(
    {Kind.MITIGATION: Role.MITIGATION_CA, Kind.FEED: Role.FEED_CA}
)


def role_at(position: int, kind: Kind) -> Role:
    """The role of a certificate by its place in a chain: 0 signs, 1 issues, all others are above.

    >>> role_at(1, Kind.FEED).value
    'issuing CA for feeds'
    """
    return {0: SIGNERS[kind], 1: ISSUERS[kind]}.get(position, Role.ROOT)


# Keys. Below 2048 bits RSA is refused everywhere; 3072 is what we issue. Above 8192 a verifier would
# only lend its processor to strangers.
RSA_LEAST_BITS: Final = 2048
RSA_MOST_BITS: Final = 8192
RSA_MOST_EXPONENT: Final = 2**32
"""Verifying takes as many steps as the exponent has bits; Windows keeps it in 32."""
RSA_ISSUED_BITS: Final = 3072
CURVES: Final[tuple[type[ec.EllipticCurve], ...]] = (ec.SECP256R1, ec.SECP384R1)

# Algorithms by which a certificate or CRL may be signed: what .NET, the JDK and OpenSSL share.
CERTIFICATE_ALGORITHMS: Final = frozenset(
    {
        SignatureAlgorithmOID.RSA_WITH_SHA256,
        SignatureAlgorithmOID.RSA_WITH_SHA384,
        SignatureAlgorithmOID.RSA_WITH_SHA512,
        SignatureAlgorithmOID.ECDSA_WITH_SHA256,
        SignatureAlgorithmOID.ECDSA_WITH_SHA384,
        SignatureAlgorithmOID.ECDSA_WITH_SHA512,
    }
)

# The one shape of signature that every stack verifies; nothing else is accepted.
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
ECDSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"

# Bounds that hold before any cryptography: signxml's work grows faster than what it is given.
MOST_CERTIFICATES: Final = 6
MOST_CERTIFICATE_CHARACTERS: Final = 16_384
"""Of base64, per certificate."""
MOST_SIGNATURE_CHARACTERS: Final = 4_096
"""Of base64; an RSA key of 8192 bits needs 1,368."""
MOST_NAMESPACES: Final = 64
"""Occurrences of the word `xmlns` in a document; ours have two or three."""
