"""What is wrong with one certificate in one role, by the certificate profile.

`chain` and `usage` raise the first of it, and `looking` explains all of it: the same lines answer both.
Which certificate it is, and what has to be done, is added there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import SignatureAlgorithmOID

from feedsrv.clock import to_text
from feedsrv.trust.certificates import Party
from feedsrv.trust.profile import (
    ANY_USAGE,
    CLIENT_AUTH,
    CODE_SIGNING,
    EKU,
    ISSUERS,
    KEY_USAGES,
    PROFILES,
    RSA_MOST_EXPONENT,
    SERVER_AUTH,
    TIME_STAMPING,
    CertificateProfile,
    Kind,
    Role,
    usage_names,
)
from feedsrv.trust.refusals import (
    CertificateAlgorithmError,
    CertificateExpiredError,
    CertificateNotYetValidError,
    ChainRejectedError,
    CriticalExtensionError,
    EkuAbsentError,
    EkuExcessError,
    EkuExcludedError,
    EkuMissingError,
    IssuerEkuMissingError,
    IssuerNotCaError,
    KeySizeError,
    KeyUsageError,
    PathLengthError,
    SignerIsCaError,
    UntrustedError,
)

_KEY_USAGE: Final = "key usage (2.5.29.15)"
_EKU: Final = "extended key usage (2.5.29.37)"
_BASIC: Final = "basic constraints (2.5.29.19)"
_MOST_SERIAL_BITS: Final = 167
"""What 21 bytes hold beside the sign: RFC 5280 allows 20, and some CAs count the sign apart."""

_USAGES: Final = {
    CODE_SIGNING: "codeSigning",
    SERVER_AUTH: "serverAuth",
    CLIENT_AUTH: "clientAuth",
    TIME_STAMPING: "timeStamping",
    ANY_USAGE: "anyExtendedKeyUsage",
    **{usage: f"{kind} signing" for kind, usage in EKU.items()},
}
_ALGORITHMS: Final = {
    SignatureAlgorithmOID.RSA_WITH_MD5: "RSA with MD5",
    SignatureAlgorithmOID.RSA_WITH_SHA1: "RSA with SHA-1",
    SignatureAlgorithmOID.RSA_WITH_SHA224: "RSA with SHA-224",
    SignatureAlgorithmOID.RSASSA_PSS: "RSA-PSS",
    SignatureAlgorithmOID.ECDSA_WITH_SHA1: "ECDSA with SHA-1",
    SignatureAlgorithmOID.ECDSA_WITH_SHA224: "ECDSA with SHA-224",
    SignatureAlgorithmOID.ED25519: "Ed25519",
    SignatureAlgorithmOID.ED448: "Ed448",
}
_EXTENSIONS: Final = {
    "2.5.29.30": "name constraints over directory names",
    "2.5.29.33": "policy mappings",
    "2.5.29.36": "policy constraints",
    "2.5.29.54": "inhibit anyPolicy",
}
_CURVES: Final[dict[type[ec.EllipticCurve], str]] = {ec.SECP256R1: "P-256", ec.SECP384R1: "P-384"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: how a verifier calls it, and what the certificate is, has or lacks."""

    refusal: type[UntrustedError]
    words: str
    waivable: bool = True
    """False where no exception for that code is meant for this."""

    def of(self, name: str, source: str, *, remedy: str | None = None) -> UntrustedError:
        """The refusal of that certificate for it, with the remedy of its class unless one is given."""
        return self.refusal(source, f"{name} {self.words}", remedy=remedy)


def usages_text(usages: Collection[x509.ObjectIdentifier]) -> str:
    """Extended key usages with the names that people know them by."""
    named = sorted(
        f"{one.dotted_string} ({_USAGES[one]})" if one in _USAGES else one.dotted_string for one in usages
    )
    return ", ".join(named[:6]) + (f" and {len(named) - 6} more" if len(named) > 6 else "") or "none"


def faults_of_path(
    party: Party, role: Role, *, at: datetime, below: int, is_anchor: bool = False
) -> Iterator[Fault]:
    """What is wrong at a time with a certificate in that role, with that many CAs below it.

    An anchor is believed because it is pinned; by which algorithm it signed itself says nothing.
    """
    profile = PROFILES[role]
    yield from faults_of_dates(party, at)
    yield from faults_of_extensions(party)
    yield from faults_of_key(party.public_key, profile)
    if not is_anchor:
        yield from faults_of_algorithm(party, profile)
    if profile.is_ca and not party.is_ca:
        yield Fault(IssuerNotCaError, f"is no CA by its {_BASIC}, yet it issued another certificate")
    yield from faults_of_ca(party, role)
    yield from _faults_of_key_usage(party, profile)
    if profile.is_ca:
        yield from faults_of_length(party, below)
    yield from _faults_of_form(party, profile)


def faults_of_extensions(party: Party) -> Iterator[Fault]:
    """It is limited in a way that is not judged here."""
    if party.not_understood:
        yield Fault(
            CriticalExtensionError,
            f"holds the extension {_extensions(party.not_understood)}, which is not understood here",
        )


def _extensions(oids: Sequence[str]) -> str:
    return ", ".join(f"{one} ({_EXTENSIONS[one]})" if one in _EXTENSIONS else one for one in oids[:4])


def faults_of_ca(party: Party, role: Role) -> Iterator[Fault]:
    """It is a CA's, and signs documents all the same."""
    if PROFILES[role].kind is not None and not PROFILES[role].is_ca and party.is_ca:
        yield Fault(SignerIsCaError, f"is a CA by its {_BASIC}, and a CA signs no documents")


def faults_of_dates(party: Party, at: datetime) -> Iterator[Fault]:
    """It has ended, or has not begun."""
    certificate = party.certificate
    if at > certificate.not_valid_after_utc:
        ended = to_text(certificate.not_valid_after_utc)
        yield Fault(CertificateExpiredError, f"expired at {ended}, and it is {to_text(at)}")
    if at < certificate.not_valid_before_utc:
        begins = to_text(certificate.not_valid_before_utc)
        yield Fault(CertificateNotYetValidError, f"begins at {begins}, and it is {to_text(at)}")


def faults_of_key(key: object, profile: CertificateProfile) -> Iterator[Fault]:
    """Its public key is of a kind or size that is not allowed."""
    least, most = profile.rsa_bits
    curves = curves_text(profile)
    match key:
        case rsa.RSAPublicKey(key_size=bits):
            if not least <= bits <= most:
                yield Fault(KeySizeError, f"has an RSA key of {bits} bits; allowed is {least} to {most}")
            exponent = key.public_numbers().e
            if exponent > RSA_MOST_EXPONENT:
                yield Fault(
                    KeySizeError,
                    f"has an RSA exponent of {exponent.bit_length()} bits; at most 32 are allowed",
                )
        case ec.EllipticCurvePublicKey(curve=curve):
            if not isinstance(curve, profile.curves):
                yield Fault(KeySizeError, f"has a key on the curve {curve.name}; allowed is {curves}")
        case _:
            yield Fault(KeySizeError, f"has neither an RSA key nor one on the curve {curves}")


def curves_text(profile: CertificateProfile) -> str:
    """The curves that a verifier accepts, for people."""
    return " or ".join(_CURVES[one] for one in profile.curves)


def faults_of_algorithm(party: Party, profile: CertificateProfile) -> Iterator[Fault]:
    """It is signed by an algorithm that is not allowed."""
    algorithm = party.certificate.signature_algorithm_oid
    if algorithm not in profile.algorithms:
        name = _ALGORITHMS.get(algorithm)
        yield Fault(
            CertificateAlgorithmError,
            f"is signed by the algorithm {algorithm.dotted_string}{f' ({name})' if name else ''}; "
            "allowed is RSA (PKCS#1 v1.5) or ECDSA with SHA-256, SHA-384 or SHA-512",
        )


def _faults_of_key_usage(party: Party, profile: CertificateProfile) -> Iterator[Fault]:
    if party.key_usage is None:
        yield Fault(KeyUsageError, f"has no {_KEY_USAGE}; needed is {usage_names(profile.needed)}")
        return
    found = key_usages(party.key_usage)
    missing, excess = profile.needed - found, profile.forbidden & found
    if missing:
        yield Fault(
            KeyUsageError, f"lacks the {_KEY_USAGE} {usage_names(missing)}; it has {usage_names(found)}"
        )
    if excess:
        yield Fault(
            KeyUsageError,
            f"has the {_KEY_USAGE} {usage_names(excess)}, which it must not have; "
            f"needed is {usage_names(profile.needed)}",
            waivable=False,
        )


def key_usages(usage: x509.KeyUsage | None) -> frozenset[str]:
    """Key usages as attribute names; none where there is no such extension."""
    if usage is None:
        return frozenset()
    # The library answers for the last two only where key agreement is set.
    asked = KEY_USAGES if usage.key_agreement else KEY_USAGES.keys() - {"encipher_only", "decipher_only"}
    return frozenset(one for one in asked if getattr(usage, one))


def faults_of_length(party: Party, below: int) -> Iterator[Fault]:
    """It permits fewer CAs below itself than there are."""
    constraints = party.basic_constraints
    if constraints is not None and constraints.path_length is not None and below > constraints.path_length:
        yield Fault(
            PathLengthError,
            f"permits {constraints.path_length} CAs below itself by its {_BASIC}, and the chain has {below}",
        )


def _faults_of_form(party: Party, profile: CertificateProfile) -> Iterator[Fault]:
    """What the library refuses for form, in words of ours. It is asked afterwards all the same."""
    certificate = party.certificate
    if certificate.serial_number.bit_length() > _MOST_SERIAL_BITS:
        yield Fault(ChainRejectedError, "has a serial number of more than 21 bytes")
    if not list(certificate.issuer):
        yield Fault(ChainRejectedError, "names no issuer")
    if not profile.is_ca:
        return
    for extension in certificate.extensions:
        value, critical = extension.value, extension.critical
        if isinstance(value, x509.BasicConstraints) and value.ca and not critical:
            yield Fault(ChainRejectedError, f"has {_BASIC} that are not critical, as a CA's must be")
        if isinstance(value, x509.AuthorityKeyIdentifier) and (
            value.key_identifier is None or value.authority_cert_issuer or value.authority_cert_serial_number
        ):
            yield Fault(
                ChainRejectedError,
                "names its issuer's key (authority key identifier, 2.5.29.35) by more than the key's "
                "identifier, or without it",
            )


def faults_of_usage(
    party: Party, role: Role, eku: Mapping[Kind, x509.ObjectIdentifier] = EKU
) -> Iterator[Fault]:
    """What is wrong with its extended key usage in that role; of a root see `faults_of_limits`."""
    profile = PROFILES[role]
    wanted, found = profile.usages(eku), party.extended_key_usage
    text = wanted_text(role, eku)
    if profile.is_ca:
        if found is None or wanted - found:
            held = "none at all" if found is None else usages_text(found)
            yield Fault(IssuerEkuMissingError, f"lacks the {_EKU} {text}; it has {held}")
        return
    if found is None:
        yield Fault(EkuAbsentError, f"has no {_EKU}; needed is {text}")
        return
    if wanted - found:
        yield Fault(EkuMissingError, f"lacks the {_EKU} {text}; it has {usages_text(found)}")
    tolerated = profile.extended_tolerated
    if tolerated is not None and found - wanted - tolerated:
        beside = usages_text(found - wanted - tolerated)
        yield Fault(EkuExcessError, f"has the {_EKU} {beside} beside {text}, which it must not have")


def faults_of_limits(party: Party, kind: Kind, eku: Mapping[Kind, x509.ObjectIdentifier]) -> Iterator[Fault]:
    """A CA above the issuing CA needs no extended key usage, but where it has some, ours is among them."""
    limits = party.extended_key_usage
    if limits is not None and not limits & {eku[kind], ANY_USAGE}:
        yield Fault(
            EkuExcludedError,
            f"is limited to the {_EKU} {usages_text(limits)}, without {wanted_text(ISSUERS[kind], eku)}",
        )


def wanted_text(role: Role, eku: Mapping[Kind, x509.ObjectIdentifier] = EKU) -> str:
    """The extended key usage that a role carries, for people."""
    profile = PROFILES[role]
    if profile.kind is None:
        return usages_text(profile.extended_key_usage)
    return f"{eku[profile.kind].dotted_string} ({profile.kind} signing)"
