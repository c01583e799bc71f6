"""Looking at a certificate before any peer does: every deviation from the profile, explained.

`refused` is what a verifier would not accept, found by the very lines that verifiers of ours go by;
the rest is advice. Nothing here decides whom to trust.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from feedsrv.clock import to_text
from feedsrv.trust.certificates import Party, is_issued_by, name_of, read_party
from feedsrv.trust.chain import ask_library, check_path, find_paths
from feedsrv.trust.fitting import (
    Fault,
    faults_of_limits,
    faults_of_path,
    faults_of_usage,
    key_usages,
    usages_text,
)
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import (
    EKU,
    ISSUERS,
    PROFILES,
    CertificateProfile,
    KeyKind,
    Kind,
    Role,
    role_at,
    usage_names,
)
from feedsrv.trust.refusals import (
    CertificateAlgorithmError,
    CertificateExpiredError,
    CertificateNotYetValidError,
    ChainIncompleteError,
    ChainSignatureError,
    KeySizeError,
    UntrustedError,
)
from feedsrv.trust.usage import check_extended_key_usage
from feedsrv.trust.waivers import Leniency

_BACKDATING: Final = timedelta(days=1)
"""CAs let a certificate begin a little before it is issued."""
_TLS: Final = frozenset({Role.TLS_SERVER, Role.TLS_AGENT})
_WEAK: Final = ("MD5", "SHA-1)", "SHA-224")
_RENEW: Final = "Have it renewed in time"


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
    """Explain a whole chain: the signer's certificate first, then its issuers up to the root."""
    found: list[Deviation] = []
    for position, certificate in enumerate(chain):
        is_root = position == len(chain) - 1 and certificate.subject == certificate.issuer
        role = Role.ROOT if is_root else role_at(position, kind)
        found += lint_certificate(certificate, [role], at=at, issuers=chain[position + 1 :], eku=eku)
    return tuple(found)


def _refused(code: str, sentence: str, role: Role, by: str) -> Deviation:
    remedy = (
        f"Have it issued anew for the role {role.slug}; `feedsrv key request --role {role.slug}` "
        "asks for exactly what the profile wants"
    )
    return Deviation(code, sentence, remedy, refused=True, refused_by=by)


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
            profile = PROFILES[role]
            below = profile.path_length or 0
            for fault in faults_of_path(self.party, role, at=self.at, below=below):
                yield self._explain(fault, role)
            for fault, by in self._usage(role):
                yield self._deviation(fault, role, by=by)
            yield from self._advice(role, profile)
        yield from self._beside()
        yield from self._identifiers()
        yield from self._issued()

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
            refused = any(weak in fault.words for weak in _WEAK)
        if role in _TLS and fault.refusal is KeySizeError:
            key = self.party.public_key
            refused = isinstance(key, rsa.RSAPublicKey) and key.key_size < PROFILES[role].rsa_bits[0]
        return self._deviation(fault, role, refused=refused)

    def _deviation(self, fault: Fault, role: Role, *, refused: bool = True, by: str = "") -> Deviation:
        by = by or self._by(role)
        sentence = f"{self.name} {fault.words}"
        if refused and role in _TLS:
            sentence += f"; {by} refuses it"
        deviation = _refused(fault.refusal.code, sentence, role, by)
        remedy = {
            CertificateExpiredError: "Have it renewed, and use the new one",
            CertificateNotYetValidError: "Use it from that moment on; check this machine's clock",
        }.get(fault.refusal, deviation.remedy)
        return Deviation(deviation.code, sentence, remedy, refused, by if refused else "")

    def _usage(self, role: Role) -> Iterator[tuple[Fault, str]]:
        """Extended key usage; a root's may shut out one kind of document and not the other."""
        if role is Role.ROOT:
            for kind in self.eku:
                for fault in faults_of_limits(self.party, kind, self.eku):
                    yield fault, self._by(ISSUERS[kind])
        else:
            for fault in faults_of_usage(self.party, role, self.eku):
                yield fault, self._by(role)

    def _advise(self, code: str, words: str, remedy: str, *, by: str = "") -> Deviation:
        return Deviation(f"lint.{code}", f"{self.name} {words}", remedy, bool(by), by)

    def _advice(self, role: Role, profile: CertificateProfile) -> Iterator[Deviation]:
        begins, ends = self.certificate.not_valid_before_utc, self.certificate.not_valid_after_utc
        if ends - begins > profile.lifetime + _BACKDATING:
            yield self._advise(
                "lifetime",
                f"lives {(ends - begins).days} days; the profile has {profile.lifetime.days} for {role}",
                "Have it issued for a shorter time, and renewed more often",
            )
        found = key_usages(self.party)
        more = found - profile.key_usage - profile.tolerated - profile.forbidden
        if more:
            yield self._advise(
                "key_usage",
                f"has the key usage (2.5.29.15) {usage_names(more)} beside {usage_names(profile.key_usage)}",
                f"Have it issued with {usage_names(profile.key_usage)} alone",
            )
        less = profile.key_usage - profile.needed - found
        if less and self.party.key_usage is not None:
            yield self._advise(
                "key_usage_missing",
                f"lacks the key usage (2.5.29.15) {usage_names(less)}, so that nothing it issues can be "
                "revoked by a CRL of its own",
                f"Have it issued with {usage_names(profile.key_usage)}",
            )
        yield from self._of_ca(profile)
        yield from self._of_key(profile)
        if profile.needs_dns_name and not self._names():
            yield self._advise(
                "dns_name",
                "has no subject alternative name (2.5.29.17) with a DNS name or an address; "
                f"{self._by(role)} compares nothing else with the name it called, and refuses it",
                "Have it issued with every name that agents call it by",
                by=self._by(role),
            )

    def _of_ca(self, profile: CertificateProfile) -> Iterator[Deviation]:
        constraints = self.party.basic_constraints
        if not profile.is_ca:
            if self.party.is_ca and profile.kind is None:
                yield self._advise(
                    "is_ca",
                    "is a CA by its basic constraints (2.5.29.19), which its role does not need",
                    "Have one issued that is no CA: whoever steals its key could issue certificates",
                )
            return
        if self.party.is_ca and constraints is not None:
            length = constraints.path_length
            if length is None or length > (profile.path_length or 0):
                got = "no path length" if length is None else f"the path length {length}"
                yield self._advise(
                    "path_length",
                    f"has {got} in its basic constraints (2.5.29.19); the profile has {profile.path_length}",
                    f"Have it issued with the path length {profile.path_length}",
                )
        if not self.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME):
            yield self._advise(
                "organisation",
                "names no organisation (O, 2.5.4.10) in its subject, so that receivers who ask for the "
                "publisher's organisation refuse what is issued under it",
                "Have it issued with the publisher's organisation in its subject",
            )

    def _of_key(self, profile: CertificateProfile) -> Iterator[Deviation]:
        key = self.party.public_key
        least, most = profile.rsa_bits
        if isinstance(key, rsa.RSAPublicKey) and least <= key.key_size <= most:
            made = f"rsa-{key.key_size}"
            if made not in set(KeyKind):
                yield self._advise(
                    "key",
                    f"has an RSA key of {key.key_size} bits; the profile has {', '.join(profile.key_kinds)}",
                    f"Make a new key, such as {profile.key_kinds[0]}, and have a certificate issued for it",
                )

    def _names(self) -> bool:
        try:
            names = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return False
        return any(isinstance(one, x509.DNSName | x509.IPAddress) for one in names)

    def _beside(self) -> Iterator[Deviation]:
        """Usages that nobody refuses and nobody asked for, over all roles; and whether they are critical."""
        found = self.party.extended_key_usage
        if found is None:
            return
        wanted = frozenset[x509.ObjectIdentifier]().union(
            *(PROFILES[role].usages(self.eku) for role in self.roles)
        )
        more = found - wanted
        role = self.roles[0]
        if more and all(PROFILES[one].extended_tolerated is None for one in self.roles):
            yield self._advise(
                "eku_beside",
                f"has the extended key usage (2.5.29.37) {usages_text(more)} beside {usages_text(wanted)}",
                "Have it issued with its own purpose alone: one certificate, one purpose",
            )
        critical = self.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).critical
        if critical and not any(PROFILES[one].extended_critical for one in self.roles):
            yield self._advise(
                "eku_critical",
                "has an extended key usage (2.5.29.37) that is critical, which some programs refuse",
                "Have it issued with an extended key usage that is not critical",
            )
        if not critical and any(PROFILES[one].extended_critical for one in self.roles):
            yield self._advise(
                "eku_not_critical",
                "has an extended key usage (2.5.29.37) that is not critical, as RFC 3161 wants it",
                "Have it issued with that extended key usage critical",
                by=self._by(role),
            )

    def _identifiers(self) -> Iterator[Deviation]:
        classes = {type(one.value) for one in self.certificate.extensions}
        if not self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
            yield self._advise(
                "common_name",
                "has no common name (CN, 2.5.4.3), by which people tell certificates apart",
                "Have it issued with a common name",
            )
        if x509.SubjectKeyIdentifier not in classes:
            yield self._advise(
                "subject_key_identifier",
                "has no subject key identifier (2.5.29.14), by which chains are found where names are alike",
                "Have it issued with one",
            )
        if x509.AuthorityKeyIdentifier not in classes and not self.party.is_self_issued:
            yield self._advise(
                "authority_key_identifier",
                "has no authority key identifier (2.5.29.35), by which chains are found where names are alike"
                + ("; Python 3.13 and later refuse it in TLS" if _TLS & set(self.roles) else ""),
                "Have it issued with one",
            )

    def _issued(self) -> Iterator[Deviation]:
        if not self.issuers or self.party.is_self_issued:
            return
        named = [one for one in self.issuers if one.certificate.subject == self.certificate.issuer]
        role = self.roles[0]
        issuer = self.certificate.issuer.rfc4514_string()[:120]
        if not named:
            sentence = f"{self.name} was issued by {issuer!r}, whose certificate is not among its issuers'"
            yield Deviation(
                ChainIncompleteError.code,
                sentence,
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
            yield _refused(ChainSignatureError.code, f"{self.name} {words}", role, self._by(role))
            return
        last = max(one.certificate.not_valid_after_utc for one in genuine)
        if self.certificate.not_valid_after_utc > last:
            yield self._advise(
                "outlives_issuer",
                f"ends at {to_text(self.certificate.not_valid_after_utc)}, but its issuer at {to_text(last)}",
                _RENEW + ", together with its issuer: nobody accepts it after that",
            )
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
        try:
            paths = find_paths(self.certificate, issuers, policy, kind, source="")
            for path in paths:
                check_path(path, Leniency(), at=self.at, source="")
                check_extended_key_usage(path, policy, Leniency(), source="")
        except UntrustedError:
            return  # said already, or of an issuer
        try:
            for path in paths:
                ask_library(path, Leniency(), kind_oid=self.eku[kind], at=self.at, source="")
        except UntrustedError as refusal:
            yield _refused(refusal.code, refusal.found, role, self._by(role))
