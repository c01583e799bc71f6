"""Step 6: from the signer to a pinned anchor, at a stated time.

Our own checks come first, because they can say which certificate is wrong, and in what. Then the
library judges the same path by its own rules: two judges must agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import verification

from feedsrv.clock import to_text
from feedsrv.trust.certificates import UNREADABLE, Party, is_issued_by, name_of, read_party, reason_of
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import (
    ANY_USAGE,
    CERTIFICATE_ALGORITHMS,
    CURVES,
    PROFILES,
    RSA_LEAST_BITS,
    RSA_MOST_BITS,
    RSA_MOST_EXPONENT,
    Kind,
    role_at,
)
from feedsrv.trust.refusals import (
    AnchorUnknownError,
    CertificateAlgorithmError,
    CertificateExpiredError,
    CertificateNotYetValidError,
    ChainIncompleteError,
    ChainRejectedError,
    ChainSignatureError,
    CriticalExtensionError,
    IssuerNotCaError,
    KeySizeError,
    KeyUsageError,
    PathLengthError,
    SignerIsCaError,
    UntrustedError,
)

_MOST_PATHS: Final = 8
"""Paths that are judged; more exist only where somebody builds mazes."""


@dataclass(frozen=True)
class Path:
    """The signer's certificate, its issuers in order, and the anchor at the end."""

    parties: tuple[Party, ...]
    kind: Kind

    def named(self) -> Iterator[tuple[Party, str]]:
        """Each certificate with its name for people, role included."""
        for position, party in enumerate(self.parties):
            role = "trust anchor" if position == len(self.parties) - 1 else role_at(position, self.kind).value
            yield party, f"{role} {name_of(party.certificate)}"


def find_paths(
    signer: x509.Certificate,
    others: Sequence[x509.Certificate],
    policy: TrustPolicy,
    kind: Kind,
    *,
    source: str,
) -> tuple[Path, ...]:
    """Every path by names and keys from the signer to a pinned anchor.

    Raises:
        SignerIsCaError: the signer's certificate is a CA's.
        ChainIncompleteError, AnchorUnknownError, ChainSignatureError: there is none; why.
        CertificateMalformedError: a certificate cannot be read.
    """
    start = read_party(signer, source=source)
    if start.is_ca:
        raise SignerIsCaError(source, f"the document is signed by the CA {name_of(signer)} itself")
    search = _Search(
        anchors=tuple(read_party(one, source=source) for one in policy.anchors),
        pool=tuple(
            read_party(one, source=source)
            for one in dict.fromkeys(others)
            if one != signer and one not in policy.anchors
        ),
    )
    search.walk((start,))
    if not search.found:
        raise search.reason(start, source)
    return tuple(Path(parties, kind) for parties in search.found)


class _Search:
    """Walks from issuer to issuer. Six certificates at most, so that no maze is worth its walls."""

    def __init__(self, anchors: tuple[Party, ...], pool: tuple[Party, ...]) -> None:
        self.anchors = anchors
        self.pool = pool
        self.found: list[tuple[Party, ...]] = []
        self._answers: dict[tuple[x509.Certificate, x509.Certificate], bool] = {}

    def walk(self, path: tuple[Party, ...]) -> None:
        last = path[-1].certificate
        for issuer in (*self.anchors, *self.pool):
            if len(self.found) == _MOST_PATHS:
                return
            named = issuer.certificate.subject == last.issuer and issuer not in path
            if named and self._issued(last, issuer):
                if issuer in self.anchors:
                    self.found.append((*path, issuer))
                else:
                    self.walk((*path, issuer))

    def _issued(self, certificate: x509.Certificate, issuer: Party) -> bool:
        """True where that issuer signed it, by a key such as is allowed."""
        # A stranger makes six certificates of one name and key: hundreds of ways, and every step a
        # signature by whatever key is slowest. So each pair is asked once, and not by such a key.
        pair = (certificate, issuer.certificate)
        if pair not in self._answers:
            self._answers[pair] = _trouble_with_key(issuer) is None and is_issued_by(certificate, issuer)
        return self._answers[pair]

    def reason(self, start: Party, source: str) -> UntrustedError:
        """Why no path was found: follow the names to where they end."""
        last, seen = start, [start]
        while True:
            named = [
                one
                for one in (*self.anchors, *self.pool)
                if one.certificate.subject == last.certificate.issuer and one not in seen
            ]
            if not named:
                break
            genuine = [one for one in named if self._issued(last.certificate, one)]
            for one in () if genuine else named:
                _check_key(one, name_of(one.certificate), source)
            if not genuine and last.certificate.signature_algorithm_oid not in CERTIFICATE_ALGORITHMS:
                return _algorithm_refused(last, name_of(last.certificate), source)
            if not genuine:
                return ChainSignatureError(
                    source,
                    f"{name_of(last.certificate)} names {name_of(named[0].certificate)} as its issuer, "
                    "whose key did not sign it",
                )
            last = genuine[0]
            seen.append(last)
        if last.is_self_issued:
            return AnchorUnknownError(
                source, f"the chain ends at {name_of(last.certificate)}, which is not pinned here"
            )
        issuer = last.certificate.issuer.rfc4514_string()[:120]
        if last.is_ca:
            return AnchorUnknownError(
                source,
                f"the chain ends at {name_of(last.certificate)}, whose issuer {issuer!r} is not pinned here",
            )
        return ChainIncompleteError(
            source,
            f"{name_of(last.certificate)} was issued by {issuer!r}, "
            "which is neither in the document nor pinned",
        )


def check_path(path: Path, *, at: datetime, source: str) -> None:
    """Judge every certificate of a path, the anchor included, at a time.

    Raises:
        CertificateExpiredError, CertificateNotYetValidError, CriticalExtensionError, KeySizeError,
        CertificateAlgorithmError, IssuerNotCaError, KeyUsageError, PathLengthError: what is wrong, and where.
    """
    end = len(path.parties) - 1
    for position, (party, name) in enumerate(path.named()):
        _check_dates(party, name, at, source)
        if party.not_understood:
            raise CriticalExtensionError(
                source,
                f"{name} holds the extension {', '.join(party.not_understood)}, which is not understood here",
            )
        _check_key(party, name, source)
        # An anchor is believed because it is pinned; by what it signed itself says nothing.
        if position != end and party.certificate.signature_algorithm_oid not in CERTIFICATE_ALGORITHMS:
            raise _algorithm_refused(party, name, source)
        if position and not party.is_ca:
            raise IssuerNotCaError(source, f"{name} is no CA, yet it issued another certificate")
        _check_usage(party, position, path.kind, name, source)
        if position:
            below = sum(not one.is_self_issued for one in path.parties[1:position])
            _check_length(party, below, name, source)


def _algorithm_refused(party: Party, name: str, source: str) -> CertificateAlgorithmError:
    algorithm = party.certificate.signature_algorithm_oid.dotted_string
    return CertificateAlgorithmError(source, f"{name} is signed by the algorithm {algorithm}")


def _check_dates(party: Party, name: str, at: datetime, source: str) -> None:
    certificate = party.certificate
    if at > certificate.not_valid_after_utc:
        ended = to_text(certificate.not_valid_after_utc)
        raise CertificateExpiredError(source, f"{name} expired at {ended}, and it is {to_text(at)}")
    if at < certificate.not_valid_before_utc:
        begins = to_text(certificate.not_valid_before_utc)
        raise CertificateNotYetValidError(source, f"{name} begins at {begins}, and it is {to_text(at)}")


def _check_key(party: Party, name: str, source: str) -> None:
    trouble = _trouble_with_key(party)
    if trouble is not None:
        raise KeySizeError(source, f"{name} {trouble}")


def _trouble_with_key(party: Party) -> str | None:
    match party.public_key:
        case rsa.RSAPublicKey(key_size=bits) as key:
            if not RSA_LEAST_BITS <= bits <= RSA_MOST_BITS:
                return f"has an RSA key of {bits} bits; allowed is {RSA_LEAST_BITS} to {RSA_MOST_BITS}"
            exponent = key.public_numbers().e
            if exponent > RSA_MOST_EXPONENT:
                return f"has an RSA exponent of {exponent.bit_length()} bits; at most 32 are allowed"
        case ec.EllipticCurvePublicKey(curve=curve):
            if not isinstance(curve, CURVES):
                return f"has a key on the curve {curve.name}; allowed is P-256 or P-384"
        case None:
            return "has neither an RSA key nor one on the curve P-256 or P-384"
    return None


def _check_usage(party: Party, position: int, kind: Kind, name: str, source: str) -> None:
    profile = PROFILES[role_at(position, kind)]
    if party.key_usage is None:
        raise KeyUsageError(source, f"{name} has no key usage; needed is {', '.join(sorted(profile.needed))}")
    missing = [one for one in sorted(profile.needed) if not getattr(party.key_usage, one)]
    if missing:
        raise KeyUsageError(source, f"{name} lacks the key usage {', '.join(missing)}")
    excess = [one for one in sorted(profile.forbidden) if getattr(party.key_usage, one)]
    if excess:
        raise KeyUsageError(
            source, f"{name} has the key usage {', '.join(excess)}, which a signer must not have"
        )


def _check_length(party: Party, below: int, name: str, source: str) -> None:
    constraints = party.basic_constraints
    if constraints is not None and constraints.path_length is not None and below > constraints.path_length:
        raise PathLengthError(
            source, f"{name} permits {constraints.path_length} CAs below itself, and there are {below}"
        )


def ask_library(path: Path, *, kind_oid: x509.ObjectIdentifier, at: datetime, source: str) -> None:
    """Let the library judge the same path, by its own rules and ours for extended key usage.

    Raises:
        ChainRejectedError: it does not accept the path.
    """
    signer, *issuers, anchor = [one.certificate for one in path.parties]
    agnostic = verification.Criticality.AGNOSTIC

    def ours(
        _policy: verification.Policy, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None
    ) -> None:
        if usage is not None and kind_oid not in usage and ANY_USAGE not in usage:
            raise ValueError("extended key usage excludes this kind of document")

    def exactly_ours(
        _policy: verification.Policy, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage
    ) -> None:
        if kind_oid not in usage:
            raise ValueError("extended key usage does not hold this kind of document")

    # The library's own policy for CAs asks for TLS usages; only that part of it is replaced.
    ca_policy = verification.ExtensionPolicy.webpki_defaults_ca().may_be_present(
        x509.ExtendedKeyUsage, agnostic, ours
    )
    signer_policy = (
        verification.ExtensionPolicy.permit_all()
        .require_present(x509.KeyUsage, agnostic, None)
        .require_present(x509.ExtendedKeyUsage, agnostic, exactly_ours)
    )
    try:
        verifier = (
            verification.PolicyBuilder()
            .store(verification.Store([anchor]))
            .time(at)
            .extension_policies(ca_policy=ca_policy, ee_policy=signer_policy)
            .build_client_verifier()
        )
        verifier.verify(signer, issuers)
    except (verification.VerificationError, *UNREADABLE) as error:
        raise ChainRejectedError(
            source, f"the chain of {name_of(signer)} is not accepted ({reason_of(error)})"
        ) from None
