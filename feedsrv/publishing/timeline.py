"""One line of time: every date on which some certificate, list or mitigation here begins or ends to count.

What is known is handed over whole (`Facts`); nothing is read here, and nothing judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from cryptography import x509

from feedsrv.publishing.generations import short_name
from feedsrv.publishing.key_register.keyring import Keyring
from feedsrv.publishing.listed import Listed
from feedsrv.publishing.trust_records import AnnouncedCertificate, KeyStage, KnownPolicy
from feedsrv.trust.certificates import read_party
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import ISSUERS, SIGNERS, Kind, Role, fingerprint, spki_id

PINNED = "pinned"
ANNOUNCED = "announced"


@dataclass(frozen=True)
class Facts:
    """All that is known about certificates here."""

    policy: TrustPolicy
    """What is published for agents to trust."""
    chains: Mapping[Kind, tuple[x509.Certificate, ...]]
    """Of each signer in use: its certificate, then its issuers, as they stand in documents."""
    keyring: Keyring = field(default_factory=lambda: Keyring(()))
    announced: tuple[AnnouncedCertificate, ...] = ()
    policies: tuple[KnownPolicy, ...] = ()
    listed: tuple[Listed, ...] = ()


@dataclass(frozen=True)
class Held:
    """A certificate, what it is for, and how far it has come."""

    certificate: x509.Certificate
    role: Role
    state: str
    """`pinned`, `in use`, `ready` or `announced`."""

    @property
    def key(self) -> str:
        """Its public key; a CA may have two certificates for one."""
        return spki_id(self.certificate.public_key())

    @property
    def fingerprint(self) -> str:
        """SHA-256, as hexadecimal digits."""
        return fingerprint(self.certificate)

    @property
    def ends(self) -> datetime:
        """The last second in which it counts."""
        return self.certificate.not_valid_after_utc

    @property
    def is_at_work(self) -> bool:
        """True where agents meet it today."""
        return self.state in {PINNED, KeyStage.IN_USE.value}

    def __str__(self) -> str:
        return f"{self.role} {short_name(self.certificate)}"


@dataclass(frozen=True)
class Mark:
    """One date on the line."""

    at: datetime
    what: str
    """`ends`, `begins` or `review`."""
    who: str
    state: str = ""
    fingerprint: str | None = None


def held(facts: Facts) -> tuple[Held, ...]:
    """Every certificate that is known, each once; what is at work goes before what is only ready."""
    found: dict[str, Held] = {}
    for one in (*_at_work(facts), *_kept(facts), *_announced(facts)):
        found.setdefault(one.fingerprint, one)
    return tuple(found.values())


def marks(facts: Facts, *, at: datetime) -> tuple[Mark, ...]:
    """Every date that is known, in order."""
    known = held(facts)
    found = [Mark(one.ends, "ends", str(one), one.state, one.fingerprint) for one in known]
    found += [
        Mark(one.certificate.not_valid_before_utc, "begins", str(one), one.state, one.fingerprint)
        for one in known
        if one.certificate.not_valid_before_utc > at
    ]
    found += [
        Mark(one.begins, "use", f"{one.role} {short_name(_read(one))}", ANNOUNCED, one.fingerprint)
        for one in facts.announced
    ]
    found += [
        Mark(crl.next_update_utc, "ends", f"revocation list of {crl.issuer.rfc4514_string()[:80]}", "list")
        for crl in facts.policy.crls
        if crl.next_update_utc is not None
    ]
    found += [Mark(_moment(day), "review", named(subjects)) for day, subjects in _reviews(facts).items()]
    return tuple(sorted(found, key=lambda one: (one.at, one.what, one.who)))


def named(subjects: Iterable[str], *, most: int = 3) -> str:
    """A few names, and how many more there are.

    >>> named(["M0001 revision 2", "M0002 revision 1"], most=1)
    'M0001 revision 2 and 1 more'
    """
    all_ = list(subjects)
    shown = ", ".join(all_[:most])
    return shown if len(all_) <= most else f"{shown} and {len(all_) - most} more"


def _reviews(facts: Facts) -> dict[date, list[str]]:
    found: defaultdict[date, list[str]] = defaultdict(list)
    for one in facts.listed:
        found[one.review_by].append(one.subject)
    return found


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _at_work(facts: Facts) -> Iterator[Held]:
    for anchor in facts.policy.anchors:
        yield Held(anchor, Role.ROOT, PINNED)
    for kind, (signer, *issuers) in facts.chains.items():
        yield Held(signer, SIGNERS[kind], KeyStage.IN_USE.value)
        for one in issuers:
            yield Held(one, _role_of_ca(one, kind, facts), KeyStage.IN_USE.value)


def _role_of_ca(certificate: x509.Certificate, kind: Kind, facts: Facts) -> Role:
    usages = read_party(certificate, source="chain").extended_key_usage or frozenset()
    ours = facts.policy.eku
    # What holds both is a root's, certified under another one.
    is_issuing = ours[kind] in usages and not usages >= frozenset(ours.values())
    return ISSUERS[kind] if is_issuing else Role.ROOT


def _kept(facts: Facts) -> Iterator[Held]:
    for one in facts.keyring.keys:
        if one.certificate is not None and one.stage is not KeyStage.RETIRED:
            yield Held(one.certificate, one.role, one.stage.value)


def _announced(facts: Facts) -> Iterator[Held]:
    for one in facts.announced:
        yield Held(_read(one), one.role, ANNOUNCED)


def _read(one: AnnouncedCertificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(one.certificate)
