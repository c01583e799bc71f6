"""Looking at a certificate before any peer does: every deviation from the profile, explained.

`refused` is what a verifier would not accept, found by the very lines that verifiers of ours go by;
the rest is advice. Nothing here decides whom to trust.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import SignatureAlgorithmOID

from feedsrv.trust.advising import Advice, advice_for_role, advice_for_roles, advice_on_ends
from feedsrv.trust.certificates import Party, is_issued_by, issuer_of, name_of, read_party
from feedsrv.trust.chain import ask_library, check_path, find_paths
from feedsrv.trust.fitting import Fault, faults_of_limits, faults_of_path, faults_of_usage
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import EKU, ISSUERS, PROFILES, Kind, Role, role_at
from feedsrv.trust.refusals import (
    AnchorUnknownError,
    CertificateAlgorithmError,
    CertificateExpiredError,
    CertificateNotYetValidError,
    ChainIncompleteError,
    ChainSignatureError,
    EkuAbsentError,
    EkuMissingError,
    KeySizeError,
    KeyUsageError,
    UntrustedError,
)
from feedsrv.trust.usage import check_extended_key_usage
from feedsrv.trust.waivers import Leniency

_TLS: Final = frozenset({Role.TLS_SERVER, Role.TLS_AGENT})
_WEAK: Final = frozenset(
    {
        SignatureAlgorithmOID.RSA_WITH_MD5,
        SignatureAlgorithmOID.RSA_WITH_SHA1,
        SignatureAlgorithmOID.ECDSA_WITH_SHA1,
    }
)
"""By which TLS peers let no certificate be signed either."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One way in which a certificate differs from the profile of its role."""

    code: str
    """That of the refusal which a verifier gives, or `lint.` and a name of its own."""
    sentence: str
    """Which certificate, in which role, and what was got and wanted."""
    remedy: str
    refused: bool
    """True where a verifier would refuse it; else this is advice."""
    refused_by: str = ""
    """Who would, such as "the server end of mutual TLS"."""


def lint_certificate(
    certificate: x509.Certificate,
    roles: Collection[Role],
    *,
    at: datetime,
    issuers: Sequence[x509.Certificate] = (),
    eku: Mapping[Kind, x509.ObjectIdentifier] = EKU,
) -> tuple[Deviation, ...]:
    """Explain every deviation of a certificate from the profile of its roles, refusals first.

    Roles TLS_SERVER and TLS_AGENT together mean one certificate at both ends of mutual TLS. With `issuers`,
    in any order, it is also asked whether they issued it; they themselves are not explained: see
    `lint_chain`.
    """
    ordered = [role for role in Role if role in roles]
    if not ordered:
        raise ValueError("a certificate is looked at in a role")
    try:
        party = read_party(certificate, source="certificate")
        others = [read_party(one, source="issuer") for one in issuers if one != certificate]
    except UntrustedError as refusal:
        return (_refused(refusal.code, refusal.found, ordered[0], "every verifier"),)
    look = _Look(party, ordered, others, eku, at)
    found = {(one.code, one.sentence): one for one in look.all()}
    return tuple(sorted(found.values(), key=lambda one: not one.refused))


def lint_chain(
    chain: Sequence[x509.Certificate],
    kind: Kind,
    *,
    at: datetime,
    eku: Mapping[Kind, x509.ObjectIdentifier] = EKU,
) -> tuple[Deviation, ...]:
    """Explain a whole chain: the signer's certificate first, then all above it in any order.

    Each is looked at in its own role, and asked whether the others issued it.
    """
    found: list[Deviation] = []
    for position, certificate in enumerate(chain):
        is_issuer = position > 0 and certificate.subject == chain[0].issuer
        role = role_at(0 if position == 0 else 1 if is_issuer else 2, kind)
        found += lint_certificate(certificate, [role], at=at, issuers=chain[1:], eku=eku)
    return tuple(found)


def _refused(code: str, sentence: str, role: Role, by: str) -> Deviation:
    return Deviation(code, sentence, _issue_anew(role), refused=True, refused_by=by)


def _issue_anew(role: Role) -> str:
    return (
        f"Have it issued anew for the role {role.slug}; `feedsrv key request --role {role.slug}` "
        "asks for exactly what the profile wants"
    )


class _Look:
    """One certificate under the eyes of one reader."""

    def __init__(
        self,
        party: Party,
        roles: Sequence[Role],
        issuers: Sequence[Party],
        eku: Mapping[Kind, x509.ObjectIdentifier],
        at: datetime,
    ) -> None:
        self.party = party
        self.certificate = party.certificate
        self.roles = roles
        self.issuers = issuers
        self.eku = eku
        self.at = at
        self.name = f"{' and '.join(roles)} {name_of(party.certificate)}"

    def all(self) -> Iterator[Deviation]:
        """Everything, in no order that means anything."""
        for role in self.roles:
            below = PROFILES[role].path_length or 0
            for fault in faults_of_path(self.party, role, at=self.at, below=below):
                yield self._explain(fault, role)
            for fault, by in self._usage(role):
                yield self._deviation(fault, role, by=by)
            for advice in advice_for_role(self.party, role):
                yield self._advise(advice, role)
            yield from self._issued(role)
        for advice in advice_for_roles(self.party, self.roles, self.eku):
            yield self._advise(advice, self.roles[0])

    def _by(self, role: Role) -> str:
        """Who judges a certificate in that role."""
        if role in _TLS:
            ends = {Role.TLS_SERVER: "the agent end of", Role.TLS_AGENT: "the server end of"}
            is_mutual = Role.TLS_AGENT in self.roles
            return f"{ends[role]} {'mutual ' if is_mutual else ''}TLS"
        kind = PROFILES[role].kind
        if kind is not None:
            return f"receivers of {kind}s"
        return "receivers" if role is Role.ROOT else "whoever verifies the time-stamp"

    def _explain(self, fault: Fault, role: Role) -> Deviation:
        """What receivers refuse. Some TLS peers are less strict, and nobody asks how a root signed itself."""
        refused = True
        if role is Role.ROOT and fault.refusal is CertificateAlgorithmError:
            refused = not self.party.is_self_issued
        if role in _TLS and fault.refusal is CertificateAlgorithmError:
            refused = self.certificate.signature_algorithm_oid in _WEAK
        if role in _TLS and fault.refusal is KeySizeError:
            key = self.party.public_key
            refused = isinstance(key, rsa.RSAPublicKey) and key.key_size < PROFILES[role].rsa_bits[0]
        if role in _TLS and fault.refusal is KeyUsageError:
            refused = fault.waivable and self.party.key_usage is not None
        return self._deviation(fault, role, refused=refused)

    def _deviation(self, fault: Fault, role: Role, *, refused: bool = True, by: str = "") -> Deviation:
        by = by or self._by(role)
        # What an absent usage means is a matter of taste among TLS stacks, and tastes change.
        verb = "may refuse" if fault.refusal is EkuAbsentError else "refuses"
        sentence = self._told(fault.words, role, verb) if refused else f"{self.name} {fault.words}"
        remedy = _issue_anew(role)
        if fault.refusal is CertificateExpiredError:
            remedy = "Have it renewed, and use the new one"
        elif fault.refusal is CertificateNotYetValidError:
            remedy = "Use it from that moment on; check this machine's clock"
        elif fault.refusal in {EkuAbsentError, EkuMissingError} and set(self.roles) >= _TLS:
            remedy = "Have it issued with serverAuth and clientAuth, or use one certificate for each end"
        return Deviation(fault.refusal.code, sentence, remedy, refused, by if refused else "")

    def _usage(self, role: Role) -> Iterator[tuple[Fault, str]]:
        """Extended key usage; a root's may shut out one kind of document and not the other."""
        if role is Role.ROOT:
            for kind in self.eku:
                for fault in faults_of_limits(self.party, kind, self.eku):
                    yield fault, self._by(ISSUERS[kind])
        else:
            for fault in faults_of_usage(self.party, role, self.eku):
                yield fault, self._by(role)

    def _advise(self, advice: Advice, role: Role) -> Deviation:
        if not advice.refused:
            return Deviation(advice.code, f"{self.name} {advice.words}", advice.remedy, refused=False)
        sentence = self._told(advice.words, role)
        return Deviation(advice.code, sentence, advice.remedy, refused=True, refused_by=self._by(role))

    def _told(self, words: str, role: Role, verb: str = "refuses") -> str:
        """A refusal in words; of TLS, the end that refuses is half of it."""
        end = f"; {self._by(role)} {verb} it" if role in _TLS else ""
        return f"{self.name} {words}{end}"

    def _issued(self, role: Role) -> Iterator[Deviation]:
        if self.party.is_self_issued:
            if not PROFILES[role].is_ca and is_issued_by(self.certificate, self.party):
                words = "is signed by its own key, and no CA vouches for it"
                yield _refused(AnchorUnknownError.code, self._told(words, role), role, self._by(role))
            return
        if not self.issuers:
            return
        named = [one for one in self.issuers if one.certificate.subject == self.certificate.issuer]
        if not named:
            issuer = issuer_of(self.certificate)
            yield Deviation(
                ChainIncompleteError.code,
                self._told(f"was issued by {issuer}, whose certificate is not among its issuers'", role),
                "Put the certificate of that CA beside it",
                refused=True,
                refused_by=self._by(role),
            )
            return
        genuine = [one for one in named if is_issued_by(self.certificate, one)]
        if not genuine and self.certificate.signature_algorithm_oid not in PROFILES[role].algorithms:
            return  # said already; the library does not verify by such an algorithm
        if not genuine:
            words = f"names {name_of(named[0].certificate)} as its issuer, whose key did not sign it"
            yield _refused(ChainSignatureError.code, self._told(words, role), role, self._by(role))
            return
        for advice in advice_on_ends(self.party, genuine):
            yield self._advise(advice, role)
        yield from self._by_library()

    def _by_library(self) -> Iterator[Deviation]:
        """What the library refuses of a chain in which nothing else is wrong: it has rules of its own."""
        (role, *more) = self.roles
        kind = PROFILES[role].kind
        if more or kind is None or PROFILES[role].is_ca or self.party.is_ca:
            return
        issuers = [one.certificate for one in self.issuers]
        roots = [one.certificate for one in self.issuers if one.is_self_issued]
        policy = TrustPolicy(tuple(roots or issuers[-1:]), eku=self.eku)
        refusal: UntrustedError | None = None
        try:
            for path in find_paths(self.certificate, issuers, policy, kind, source=""):
                check_path(path, Leniency(), at=self.at, source="")
                check_extended_key_usage(path, policy, Leniency(), source="")
                try:
                    ask_library(path, Leniency(), kind_oid=self.eku[kind], at=self.at, source="")
                except UntrustedError as error:
                    refusal = error
                else:
                    return  # one good path is enough
        except UntrustedError:
            return  # said already, or of an issuer
        if refusal is not None:
            yield _refused(refusal.code, refusal.found, role, self._by(role))
