"""Announcing the next root and the next issuing CAs, long before anything is signed under them.

What an announcement is worth to whoever steals the feed key, which is online: nothing. It informs people and
programs of what is coming. Documents are believed by pinned roots alone, and an agent pins a root that it
only heard of where a voucher stands beside it: a certificate for that root's name and key, issued on purpose
by a root that the agent pins already (`trust.vouching`). To make one takes that root's key, and whoever
has that can sign whatever they like anyway. An issuing CA that is announced is believed, then as now, by
its own certificate under a pinned root.

So a root without a voucher may be announced, too: agents show it, and their administrators pin it by hand.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.clock import Clock, to_text
from feedsrv.errors import BadInputError, NotFoundError
from feedsrv.model.feed import MOST_ANNOUNCED, MOST_VOUCHERS, Announcement, BadFeedError
from feedsrv.publishing.audit import record
from feedsrv.publishing.generations import short_name, trust_of
from feedsrv.publishing.leads import LEADS
from feedsrv.publishing.people import checked_name
from feedsrv.publishing.ports import Store, Work
from feedsrv.publishing.trust_records import AnnouncedCertificate
from feedsrv.trust.certificates import Party, is_issued_by, name_of, read_party
from feedsrv.trust.looking import lint_certificate
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import ISSUERS, Kind, Role, fingerprint, spki_id
from feedsrv.trust.refusals import UntrustedError
from feedsrv.trust.vouching import check_voucher

log: Final = logging.getLogger(__name__)


class UnknownCertificateError(NotFoundError):
    """No certificate of that fingerprint is at hand."""

    code = "trust.unknown_certificate"


class NotAnnouncedError(NotFoundError):
    """That certificate is not announced."""

    code = "trust.not_announced"


class BadAnnouncementError(BadInputError):
    """That certificate cannot be announced so."""

    code = "trust.bad_announcement"


@dataclass(frozen=True, slots=True)
class Announced:
    """What is announced now, and what else should be known of it."""

    certificate: AnnouncedCertificate
    told: tuple[str, ...]
    """Sentences for whoever announced it, the most pressing first."""


class AnnouncingDesk:
    """Announces and takes back; one method per verb."""

    def __init__(self, store: Store, policy: TrustPolicy, *, now: Clock) -> None:
        """Announce to agents that trust `policy`, and to those of every generation known."""
        self._store = store
        self._policy = policy
        self._now = now

    def announce(
        self, wanted: str, among: Sequence[x509.Certificate], *, begins: datetime, by: str
    ) -> Announced:
        """Announce the certificate of that fingerprint; the same one again takes the place of the first.

        `among` is every certificate at hand; those that vouch for the wanted one go out with it.

        Raises:
            UnknownCertificateError: it is not among them.
            BadAnnouncementError: no root or issuing CA of ours, one that agents would refuse, or a begin
                that is not ahead.
        """
        actor, at = checked_name(by), self._now()
        certificate = _find(wanted, among)
        role = _role_of(certificate, self._policy)
        _check_begins(certificate, begins, at)
        with self._store.begin() as work:
            self._check_profile(work, certificate, role, begins)
            vouchers = tuple(self._vouchers(work, certificate, role, among, at))

            announced = _record_of(certificate, role, vouchers, begins=begins, by=actor, at=at)
            others = [one for one in work.announcements.all() if one.fingerprint != announced.fingerprint]
            if len(others) >= MOST_ANNOUNCED:
                raise BadAnnouncementError(
                    f"{len(others)} certificates are announced, which is all that a feed holds: take one "
                    "back with `feedsrv trust unannounce`"
                )
            work.announcements.save(announced)
            self._record(
                work,
                at,
                actor,
                "trust.announce",
                announced,
                subject=name_of(certificate),
                begins=to_text(begins),
                vouchers=", ".join(name_of(voucher) for voucher in vouchers),
            )
        log.info("trust.announced", extra={"certificate": announced.fingerprint, "by": actor})
        return Announced(announced, tuple(_told(certificate, role, vouchers, begins, at)))

    def unannounce(self, wanted: str, *, by: str) -> AnnouncedCertificate:
        """Announce it no longer. Agents that have adopted a root keep it.

        Raises:
            NotAnnouncedError: it is not announced.
        """
        actor, at = checked_name(by), self._now()
        with self._store.begin() as work:
            digits = _digits(wanted)
            found = [one for one in work.announcements.all() if one.fingerprint.startswith(digits)]
            if len(found) != 1:
                raise NotAnnouncedError(
                    f"{len(found) or 'no'} certificates {digits[:16]!r}... are announced; "
                    "`feedsrv trust plan` shows each with its fingerprint"
                )
            work.announcements.remove(found[0].fingerprint)
            self._record(work, at, actor, "trust.unannounce", found[0])
        log.info("trust.unannounced", extra={"certificate": found[0].fingerprint, "by": actor})
        return found[0]

    def _check_profile(self, work: Work, certificate: x509.Certificate, role: Role, begins: datetime) -> None:
        name = short_name(certificate)
        refused = [
            one
            for one in lint_certificate(certificate, (role,), at=begins, eku=self._policy.eku)
            if one.refused
        ]
        if refused:
            listed = "\n".join(f"  {one.code}: {one.sentence}. {one.remedy}." for one in refused)
            raise BadAnnouncementError(f"{name} would be refused; nothing was announced:\n{listed}")
        if role is Role.ROOT:
            return
        roots = [*self._policy.anchors]
        roots += [_read(one) for one in work.announcements.all() if one.role is Role.ROOT]
        if not any(_issued(certificate, root) for root in roots):
            raise BadAnnouncementError(
                f"{name} was issued by {certificate.issuer.rfc4514_string()[:120]!r}, which is neither a "
                "root in force nor announced: announce that root first"
            )

    def _vouchers(
        self,
        work: Work,
        certificate: x509.Certificate,
        role: Role,
        among: Sequence[x509.Certificate],
        at: datetime,
    ) -> list[x509.Certificate]:
        """Those at hand by which some generation of agents would adopt the root; of a CA, its other ones."""
        same = [one for one in dict.fromkeys(among) if one != certificate and _is_same(one, certificate)]
        generations = [self._policy, *map(trust_of, work.policies.all())]
        if role is not Role.ROOT:
            anchors = dict.fromkeys(anchor for policy in generations for anchor in policy.anchors)
            found = [one for one in same if any(_issued(one, anchor) for anchor in anchors)]
        else:
            found = [one for one in same if any(_vouches(certificate, one, each, at) for each in generations)]
        newest = sorted(found, key=lambda one: one.not_valid_after_utc, reverse=True)
        return newest[:MOST_VOUCHERS]

    def _record(
        self, work: Work, at: datetime, actor: str, verb: str, one: AnnouncedCertificate, **detail: str
    ) -> None:
        record(work.audit, at, actor=actor, verb=verb, subject=f"{one.role} {one.fingerprint}", detail=detail)


def _find(wanted: str, among: Sequence[x509.Certificate]) -> x509.Certificate:
    digits = _digits(wanted)
    found = [one for one in dict.fromkeys(among) if fingerprint(one).startswith(digits)]
    if len(found) != 1:
        raise UnknownCertificateError(
            f"{len(found) or 'no'} certificates with the fingerprint {digits[:16]}... are at hand: import it "
            "with `feedsrv key import`, and write at least as many digits as tell it from others"
        )
    return found[0]


def _digits(written: str) -> str:
    digits = written.lower().replace(":", "").replace(" ", "")
    if not (8 <= len(digits) <= 64 and set(digits) <= set("0123456789abcdef")):
        raise UnknownCertificateError(
            f"{written[:80]!r} is no SHA-256 fingerprint: write at least its first 8 hexadecimal digits"
        )
    return digits


def _role_of(certificate: x509.Certificate, policy: TrustPolicy) -> Role:
    """What it could be announced as: a root by its own signature, an issuing CA by its usage."""
    name = short_name(certificate)
    party = _party(certificate)
    if party.is_self_issued:
        return Role.ROOT
    held = party.extended_key_usage or frozenset()
    kinds = [kind for kind in Kind if policy.eku[kind] in held]
    if not party.is_ca or not kinds:
        raise BadAnnouncementError(
            f"{name} is neither a root nor an issuing CA of ours, and nothing else is announced: agents pin "
            "no other certificates, so those may change as they must"
        )
    if len(kinds) > 1:
        raise BadAnnouncementError(
            f"{name} is a voucher: announce the root that it is for, which has the same name and key and "
            "signed itself; the voucher then goes out with it"
        )
    return ISSUERS[kinds[0]]


def _check_begins(certificate: x509.Certificate, begins: datetime, at: datetime) -> None:
    if begins <= at:
        raise BadAnnouncementError(
            f"it is to begin at {to_text(begins)}, and it is {to_text(at)}: an announcement looks ahead"
        )
    if not certificate.not_valid_before_utc <= begins < certificate.not_valid_after_utc:
        raise BadAnnouncementError(
            f"it is to begin at {to_text(begins)}, and {short_name(certificate)} is valid from "
            f"{to_text(certificate.not_valid_before_utc)} to {to_text(certificate.not_valid_after_utc)}"
        )


def _record_of(  # noqa: PLR0913 -- one argument for each thing that is kept
    certificate: x509.Certificate,
    role: Role,
    vouchers: Sequence[x509.Certificate],
    *,
    begins: datetime,
    by: str,
    at: datetime,
) -> AnnouncedCertificate:
    ders = {fingerprint(voucher): voucher.public_bytes(Encoding.DER) for voucher in vouchers}
    ordered = tuple(ders[one] for one in sorted(ders))
    der = certificate.public_bytes(Encoding.DER)
    try:
        Announcement(role.slug, der, begins, ordered)
    except BadFeedError as refusal:
        raise BadAnnouncementError(f"{short_name(certificate)}: {refusal}") from refusal
    return AnnouncedCertificate(fingerprint(certificate), role, der, begins, ordered, by, at)


def _told(
    certificate: x509.Certificate,
    role: Role,
    vouchers: Sequence[x509.Certificate],
    begins: datetime,
    at: datetime,
) -> list[str]:
    told = []
    if role is Role.ROOT and not vouchers:
        told.append(
            "NO VOUCHER: agents are only told of this root, and none will trust it by that. Have a root that "
            "they pin certify its name and key (`feedsrv trust vouch`), and announce it again with "
            "--certificates and that file; or have every administrator pin it by hand"
        )
    told += [f"vouched for by {voucher.issuer.rfc4514_string()[:120]}" for voucher in vouchers]
    if begins - at < LEADS[role]:
        told.append(
            f"it begins in {(begins - at).days} days; a {role} is better announced {LEADS[role].days} days "
            "ahead, since agents and their administrators must meet it first"
        )
    told.append(
        f"every feed says it with its next refresh; it ends {certificate.not_valid_after_utc:%Y-%m-%d}"
    )
    return told


def _vouches(root: x509.Certificate, voucher: x509.Certificate, policy: TrustPolicy, at: datetime) -> bool:
    try:
        check_voucher(root, voucher, policy, at=at, source="voucher")
    except UntrustedError:
        return False
    return True


def _is_same(one: x509.Certificate, other: x509.Certificate) -> bool:
    """True where two certificates are for the same name and key."""
    return one.subject == other.subject and spki_id(one.public_key()) == spki_id(other.public_key())


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    return certificate.issuer == issuer.subject and is_issued_by(certificate, _party(issuer))


def _party(certificate: x509.Certificate) -> Party:
    return read_party(certificate, source="certificate")


def _read(one: AnnouncedCertificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(one.certificate)
