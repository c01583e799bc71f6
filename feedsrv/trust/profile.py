"""The certificate profile as one table, and the algorithms and sizes that a document may use.

`verifying` judges strangers' documents by these lines, `looking` explains certificates by them, and
`feedsrv.signing` requests and issues by them, so that none of the three can drift from the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, types
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import Certificate, ObjectIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from feedsrv.errors import BadInputError


class UnknownRoleError(BadInputError):
    """No role of certificates has that name."""

    code = "trust.unknown_role"


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
SERVER_AUTH: Final = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT_AUTH: Final = ExtendedKeyUsageOID.CLIENT_AUTH
TIME_STAMPING: Final = ExtendedKeyUsageOID.TIME_STAMPING
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
    TLS_SERVER = "TLS server"
    TLS_AGENT = "TLS agent (mutual TLS)"
    TIME_STAMPING = "time-stamping authority"

    @property
    def slug(self) -> str:
        """Its name in commands and files.

        >>> Role.TLS_AGENT.slug
        'tls-agent'
        """
        return self.name.lower().replace("_", "-")


def role_of(slug: str) -> Role:
    """The role of that slug.

    >>> role_of("feed-ca").value
    'issuing CA for feeds'

    Raises:
        UnknownRoleError: there is none; the message names those that exist.
    """
    for role in Role:
        if role.slug == slug:
            return role
    known = ", ".join(role.slug for role in Role)
    raise UnknownRoleError(f"there is no role {slug[:40]!r}; the roles are {known}")


class KeyKind(StrEnum):
    """A kind of key that we make."""

    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    P_256 = "p-256"
    P_384 = "p-384"


KEY_USAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "digital_signature": "digitalSignature",
        "content_commitment": "contentCommitment",
        "key_encipherment": "keyEncipherment",
        "data_encipherment": "dataEncipherment",
        "key_agreement": "keyAgreement",
        "key_cert_sign": "keyCertSign",
        "crl_sign": "cRLSign",
        "encipher_only": "encipherOnly",
        "decipher_only": "decipherOnly",
    }
)
"""The attributes of `cryptography.x509.KeyUsage`, with the names that X.509 gives them."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateProfile:
    """What a certificate of one role looks like. Key usages are attribute names of `KEY_USAGES`."""

    path_length: int | None = None
    """CAs allowed below it, as issued, which is also how many there are; None for what is no CA."""
    key_usage: frozenset[str]
    """As issued."""
    needed: frozenset[str]
    """What a verifier demands of it."""
    tolerated: frozenset[str] = frozenset()
    """What may stand beside without a word."""
    forbidden: frozenset[str] = frozenset()
    """What a verifier refuses."""
    kind: Kind | None = None
    """Of which kind of document it signs or certifies the signers; None for all other roles."""
    extended_key_usage: frozenset[ObjectIdentifier]
    """As issued, all of which a verifier demands. Empty for a root, which carries none; a publisher with
    usages of its own has those in place of ours: see `usages`."""
    extended_tolerated: frozenset[ObjectIdentifier] | None = frozenset()
    """What may stand beside; None where a verifier bears whatever stands there."""
    extended_critical: bool = False
    """As issued. RFC 3161 demands it of time stamping; elsewhere some stacks refuse a critical one."""
    lifetime: timedelta
    """As issued, which is also the longest that is not remarked on."""
    list_lifetime: timedelta | None = None
    """How long a revocation list of it holds, as issued; None for what is no CA."""
    algorithms: frozenset[ObjectIdentifier] = CERTIFICATE_ALGORITHMS
    """By which it may be signed."""
    key_kinds: tuple[KeyKind, ...] = tuple(KeyKind)
    """What we make keys of for it, the usual one first."""
    rsa_bits: tuple[int, int] = (RSA_LEAST_BITS, RSA_MOST_BITS)
    """The shortest and the longest RSA key that a verifier accepts."""
    curves: tuple[type[ec.EllipticCurve], ...] = CURVES
    """The curves that a verifier accepts."""
    needs_dns_name: bool = False
    """A peer compares the name it called by with those in the subject alternative name."""

    @property
    def is_ca(self) -> bool:
        """True where it issues certificates."""
        return self.path_length is not None

    def usages(self, eku: Mapping[Kind, ObjectIdentifier] = EKU) -> frozenset[ObjectIdentifier]:
        """The extended key usages it carries where documents are signed under these."""
        return self.extended_key_usage if self.kind is None else frozenset({eku[self.kind]})


_CA_USAGE: Final = frozenset({"key_cert_sign", "crl_sign"})
_CA_NEEDED: Final = frozenset({"key_cert_sign"})
_SIGNS: Final = frozenset({"digital_signature"})


def _issuing_ca(kind: Kind) -> CertificateProfile:
    # It must carry our usage itself: under the same root, another CA's signers are nobody to us. What
    # stands beside ours in a CA gives its signers nothing, for they are asked themselves.
    return CertificateProfile(
        path_length=0,
        key_usage=_CA_USAGE,
        needed=_CA_NEEDED,
        kind=kind,
        extended_key_usage=frozenset({EKU[kind]}),
        extended_tolerated=None,
        lifetime=timedelta(days=1826),
        list_lifetime=timedelta(days=30),
    )


def _signer(kind: Kind, lifetime: timedelta) -> CertificateProfile:
    # Some CAs will not issue a document signer without code signing.
    return CertificateProfile(
        key_usage=_SIGNS,
        needed=_SIGNS,
        tolerated=frozenset({"content_commitment"}),
        forbidden=_CA_USAGE,
        kind=kind,
        extended_key_usage=frozenset({EKU[kind]}),
        extended_tolerated=frozenset({CODE_SIGNING}),
        lifetime=lifetime,
    )


def _tls(usage: ObjectIdentifier, lifetime: timedelta, *, needs_dns_name: bool) -> CertificateProfile:
    return CertificateProfile(
        key_usage=_SIGNS,
        needed=_SIGNS,
        tolerated=frozenset({"key_encipherment", "key_agreement"}),
        forbidden=frozenset({"key_cert_sign"}),
        extended_key_usage=frozenset({usage}),
        extended_tolerated=None,
        lifetime=lifetime,
        needs_dns_name=needs_dns_name,
    )


PROFILES: Final[Mapping[Role, CertificateProfile]] = MappingProxyType(
    {
        Role.ROOT: CertificateProfile(
            path_length=1,
            key_usage=_CA_USAGE,
            needed=_CA_NEEDED,
            extended_key_usage=frozenset(),
            extended_tolerated=None,
            lifetime=timedelta(days=3652),
            # Its key lies in a safe: a ceremony a month would be one that is missed.
            list_lifetime=timedelta(days=397),
        ),
        Role.MITIGATION_CA: _issuing_ca(Kind.MITIGATION),
        Role.FEED_CA: _issuing_ca(Kind.FEED),
        Role.MITIGATION_SIGNER: _signer(Kind.MITIGATION, timedelta(days=397)),
        Role.FEED_SIGNER: _signer(Kind.FEED, timedelta(days=90)),
        # Public CAs issue for no longer than 200 days; clients' certificates come from private ones.
        Role.TLS_SERVER: _tls(SERVER_AUTH, timedelta(days=200), needs_dns_name=True),
        Role.TLS_AGENT: _tls(CLIENT_AUTH, timedelta(days=397), needs_dns_name=False),
        # RFC 3161, 2.3: that usage alone, and critical.
        Role.TIME_STAMPING: CertificateProfile(
            key_usage=_SIGNS,
            needed=_SIGNS,
            tolerated=frozenset({"content_commitment"}),
            forbidden=frozenset(KEY_USAGES) - {"digital_signature", "content_commitment"},
            extended_key_usage=frozenset({TIME_STAMPING}),
            extended_critical=True,
            lifetime=timedelta(days=1826),
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


def spki_id(public_key: types.PublicKeyTypes) -> str:
    """Names a key: SHA-256 of its SubjectPublicKeyInfo, as hexadecimal digits."""
    return sha256(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def fingerprint(certificate: Certificate) -> str:
    """Names a certificate: SHA-256 of its bytes, as hexadecimal digits."""
    return sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def usage_names(usages: Collection[str]) -> str:
    """Key usages in the words of X.509, for people.

    >>> usage_names({"key_cert_sign", "crl_sign"})
    'cRLSign, keyCertSign'
    """
    return ", ".join(sorted(KEY_USAGES[one] for one in usages)) or "none"


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
