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
from cryptography.x509 import verification

from feedsrv.trust.certificates import (
    UNREADABLE,
    Party,
    is_issued_by,
    issuer_of,
    name_of,
    read_party,
    reason_of,
)
from feedsrv.trust.fitting import faults_of_algorithm, faults_of_ca, faults_of_key, faults_of_path
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import ANY_USAGE, PROFILES, SIGNERS, Kind, Role, role_at
from feedsrv.trust.refusals import (
    AnchorUnknownError,
    CertificateExpiredError,
    CertificateNotYetValidError,
    ChainIncompleteError,
    ChainRejectedError,
    ChainSignatureError,
    EkuAbsentError,
    EkuMissingError,
    IssuerEkuMissingError,
    KeyUsageError,
    UntrustedError,
)
from feedsrv.trust.waivers import Leniency

_MOST_PATHS: Final = 8
"""Paths that are judged; more exist only where somebody builds mazes."""
_ABOVE: Final = PROFILES[Role.ROOT]
"""By which keys and algorithms of CAs are judged before their place is known; all CAs share them."""
# An anchor is replaced by whoever pinned it.
_ANCHOR_REMEDIES: Final[dict[type[UntrustedError], str]] = {
    CertificateExpiredError: "Check this machine's clock; then pin the publisher's next root, after "
    "comparing its fingerprint by another way",
    CertificateNotYetValidError: "Check this machine's clock; keep the older root pinned until then",
}


@dataclass(frozen=True)
class Path:
    """The signer's certificate, its issuers in order, and the anchor at the end."""

    parties: tuple[Party, ...]
    kind: Kind

    @property
    def issuer(self) -> x509.Certificate:
        """The issuing CA's certificate; the anchor's where that was pinned directly."""
        return self.parties[1].certificate

    def named(self) -> Iterator[tuple[Party, str]]:
        """Each certificate with its name for people, role included."""
        for position, party in enumerate(self.parties):
            is_anchor = position == len(self.parties) - 1
            yield party, _titled(party, position, self.kind, is_anchor=is_anchor)


def _titled(party: Party, position: int, kind: Kind, *, is_anchor: bool) -> str:
    """A certificate for people: what it is in the chain, and which."""
    role = role_at(position, kind).value
    if is_anchor:
        role = "trust anchor"
    elif position > 1 and not party.is_self_issued:
        role = "intermediate CA"
    return f"{role} {name_of(party.certificate)}"


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
        for fault in faults_of_ca(start, SIGNERS[kind]):
            raise fault.of(f"{SIGNERS[kind]} {name_of(signer)}", source)
    search = _Search(
        kind,
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

    def __init__(self, kind: Kind, anchors: tuple[Party, ...], pool: tuple[Party, ...]) -> None:
        self.kind = kind
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
            allowed = not any(faults_of_key(issuer.public_key, _ABOVE))
            self._answers[pair] = allowed and is_issued_by(certificate, issuer)
        return self._answers[pair]

    def reason(self, start: Party, source: str) -> UntrustedError:
        """Why no path was found: follow the names to where they end."""
        last, name, seen = start, self._name(start, 0), [start]
        while True:
            named = [
                one
                for one in (*self.anchors, *self.pool)
                if one.certificate.subject == last.certificate.issuer and one not in seen
            ]
            if not named:
                return self._end(last, name, source)
            genuine = [one for one in named if self._issued(last.certificate, one)]
            if not genuine:
                return self._not_issued(last, name, named, len(seen), source)
            last, name = genuine[0], self._name(genuine[0], len(seen))
            seen.append(last)

    def _not_issued(
        self, last: Party, name: str, named: Sequence[Party], position: int, source: str
    ) -> UntrustedError:
        """There are issuers of that name, and none of their keys counts."""
        for one in named:
            for fault in faults_of_key(one.public_key, _ABOVE):
                return fault.of(self._name(one, position), source)
        for fault in faults_of_algorithm(last, _ABOVE):
            return fault.of(name, source)
        return ChainSignatureError(
            source, f"{name} names {self._name(named[0], position)} as its issuer, whose key did not sign it"
        )

    def _end(self, last: Party, name: str, source: str) -> UntrustedError:
        issuer = issuer_of(last.certificate)
        pinned = "; ".join(name_of(one.certificate) for one in self.anchors[:4])
        if last.is_self_issued:
            return AnchorUnknownError(
                source, f"the chain ends at {name}, which is not pinned here; pinned is {pinned}"
            )
        if last.is_ca:
            return AnchorUnknownError(
                source,
                f"the chain ends at {name}, whose issuer {issuer} is not pinned here; pinned is {pinned}",
            )
        return ChainIncompleteError(
            source, f"{name} was issued by {issuer}, which is neither in the document nor pinned"
        )

    def _name(self, party: Party, position: int) -> str:
        return _titled(party, position, self.kind, is_anchor=party in self.anchors)


def check_path(path: Path, leniency: Leniency, *, at: datetime, source: str) -> None:
    """Judge every certificate of a path, the anchor included, at a time.

    Raises:
        CertificateExpiredError, CertificateNotYetValidError, CriticalExtensionError, KeySizeError,
        CertificateAlgorithmError, IssuerNotCaError, KeyUsageError, PathLengthError, ChainRejectedError:
            what is wrong, and where.
    """
    end = len(path.parties) - 1
    for position, (party, name) in enumerate(path.named()):
        below = sum(not one.is_self_issued for one in path.parties[1:position])
        role = role_at(position, path.kind)
        for fault in faults_of_path(party, role, at=at, below=below, is_anchor=position == end):
            if position == end:
                raise fault.of(name, source, remedy=_ANCHOR_REMEDIES.get(fault.refusal))
            if position or not fault.waivable:
                raise fault.of(name, source)
            leniency.refuse(fault.of(name, source), path.issuer)


def ask_library(
    path: Path, leniency: Leniency, *, kind_oid: x509.ObjectIdentifier, at: datetime, source: str
) -> None:
    """Let the library judge the same path, by its own rules and ours for extended key usage.

    What was waived before is not asked of that one certificate; all else is.

    Raises:
        ChainRejectedError: it does not accept the path.
    """
    signer, *issuers, anchor = [one.certificate for one in path.parties]
    agnostic = verification.Criticality.AGNOSTIC
    bears_issuer = leniency.has_waived(IssuerEkuMissingError)

    def ours(
        _policy: verification.Policy, certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None
    ) -> None:
        excluded = usage is not None and kind_oid not in usage and ANY_USAGE not in usage
        if excluded and not (bears_issuer and certificate == path.issuer):
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
    signer_policy = verification.ExtensionPolicy.permit_all()
    if not leniency.has_waived(KeyUsageError):
        signer_policy = signer_policy.require_present(x509.KeyUsage, agnostic, None)
    if not leniency.has_waived(EkuAbsentError, EkuMissingError):
        signer_policy = signer_policy.require_present(x509.ExtendedKeyUsage, agnostic, exactly_ours)
    try:
        if any(_has_critical_policies(party) for party in path.parties):
            # The library would refuse them, yet they limit nothing for a receiver who asks for none.
            # Older versions of it cannot be told so.
            ca_policy = ca_policy.may_be_present(x509.CertificatePolicies, agnostic, None)
            signer_policy = signer_policy.may_be_present(x509.CertificatePolicies, agnostic, None)
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
            source,
            f"the chain of {SIGNERS[path.kind]} {name_of(signer)} is not accepted ({reason_of(error)})",
        ) from None


def _has_critical_policies(party: Party) -> bool:
    return any(
        one.critical and isinstance(one.value, x509.CertificatePolicies)
        for one in party.certificate.extensions
    )
