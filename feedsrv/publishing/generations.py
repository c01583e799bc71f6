"""What generations of agents trust: what was published for them to pin, and what customers told.

An agent pins what its administrator was given on the day it was set up, and nobody changes that from here.
So whatever was published once is remembered for ever, and every later change of certificates is judged
by all of it (`strand`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from feedsrv.clock import Clock, to_text
from feedsrv.errors import BadInputError, NotFoundError
from feedsrv.publishing.audit import record
from feedsrv.publishing.people import LONGEST, checked_name
from feedsrv.publishing.ports import Store, Work
from feedsrv.publishing.trust_records import KnownPolicy
from feedsrv.trust.certificates import name_of
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import EKU, Kind, fingerprint

PUBLISHED: Final = "published"
"""The note of what this service published itself; names of such policies begin with this word, too."""

_MOST_NAME: Final = 60


class UnknownPolicyError(NotFoundError):
    """No policy of that name is known."""

    code = "trust.unknown_policy"


class BadPolicyError(BadInputError):
    """A policy of agents cannot be remembered as it was told."""

    code = "trust.bad_policy"


def trust_of(known: KnownPolicy, *, more: Iterable[x509.Certificate] = ()) -> TrustPolicy:
    """The policy as an agent of that generation has it, with `more` anchors that it adopted since."""
    pinned = (x509.load_der_x509_certificate(der) for der in known.anchors)
    return TrustPolicy(
        tuple(dict.fromkeys((*pinned, *more))),
        organisation=known.organisation,
        policy_oid=None if known.policy_oid is None else x509.ObjectIdentifier(known.policy_oid),
        eku={kind: x509.ObjectIdentifier(dotted) for kind, dotted in known.eku.items()},
    )


def short_name(certificate: x509.Certificate) -> str:
    """A certificate in few words: its common name and the beginning of its fingerprint."""
    named = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = str(named[0].value) if named else certificate.subject.rfc4514_string()
    shown = "".join(c if c.isprintable() else "?" for c in text)[:_MOST_NAME] or "no name"
    return f"{shown} ({fingerprint(certificate)[:16]})"


def remember_published(work: Work, policy: TrustPolicy, *, at: datetime) -> None:
    """Remember what agents are told to trust from now on, unless that is known already."""
    told = _known(f"{PUBLISHED} {at:%Y-%m-%d}", policy, since=at, note=PUBLISHED)
    before = {one.name: one for one in work.policies.all()}
    if any(one.note == PUBLISHED and _says(one) == _says(told) for one in before.values()):
        return
    if told.name in before:
        told = _known(f"{PUBLISHED} {to_text(at)}", policy, since=at, note=PUBLISHED)
    work.policies.save(told)


class GenerationsDesk:
    """Remembers what customers say that their agents trust; one method per verb."""

    def __init__(self, store: Store, *, now: Clock) -> None:
        self._store = store
        self._now = now

    def add(  # noqa: PLR0913 -- a policy has a name, anchors, two rules, usages and a source
        self,
        name: str,
        anchors: tuple[x509.Certificate, ...],
        *,
        organisation: str | None,
        by: str,
        policy_oid: x509.ObjectIdentifier | None = None,
        eku: Mapping[Kind, x509.ObjectIdentifier] = EKU,
        note: str = "a customer's word",
    ) -> KnownPolicy:
        """Remember a policy; one of the same name takes its place.

        Raises:
            BadPolicyError: the name cannot be used.
        """
        actor = checked_name(by)
        wanted = _checked(name)
        if note == PUBLISHED:
            raise BadPolicyError(f"the note {PUBLISHED!r} is for what this service published; write another")
        policy = TrustPolicy(anchors, organisation=organisation, policy_oid=policy_oid, eku=eku)
        known = _known(wanted, policy, since=self._now(), note=note)
        with self._store.begin() as work:
            work.policies.save(known)
            record(
                work.audit,
                known.since,
                actor=actor,
                verb="trust.policy.add",
                subject=known.name,
                detail={
                    "anchors": ", ".join(name_of(anchor) for anchor in anchors),
                    "organisation": organisation or "",
                    "policy": known.policy_oid or "",
                    "note": note,
                },
            )
        return known

    def remove(self, name: str, *, by: str) -> KnownPolicy:
        """Forget a policy: agents of it are not asked for any more.

        Raises:
            UnknownPolicyError: there is none of that name.
        """
        actor = checked_name(by)
        with self._store.begin() as work:
            known = {one.name: one for one in work.policies.all()}
            found = known.get(name)
            if found is None:
                raise UnknownPolicyError(
                    f"no policy {name[:LONGEST]!r} is known; `feedsrv trust policy list` shows them"
                )
            work.policies.remove(name)
            record(work.audit, self._now(), actor=actor, verb="trust.policy.remove", subject=name)
        return found

    def list(self) -> tuple[KnownPolicy, ...]:
        """Every policy, the oldest first."""
        with self._store.look() as work:
            return tuple(sorted(work.policies.all(), key=lambda one: (one.since, one.name)))


def _checked(name: str) -> str:
    trimmed = " ".join(name.split())
    if not (trimmed and trimmed.isprintable() and len(trimmed) <= LONGEST):
        raise BadPolicyError(f"{name[:LONGEST]!a} is no name: write 1 to {LONGEST} visible characters")
    if trimmed.startswith(PUBLISHED):
        raise BadPolicyError(
            f"names that begin with {PUBLISHED!r} are for what this service published; write another, such "
            "as the customer's"
        )
    return trimmed


def _known(name: str, policy: TrustPolicy, *, since: datetime, note: str) -> KnownPolicy:
    return KnownPolicy(
        name=name,
        anchors=tuple(anchor.public_bytes(Encoding.DER) for anchor in policy.anchors),
        organisation=policy.organisation,
        policy_oid=None if policy.policy_oid is None else policy.policy_oid.dotted_string,
        eku={kind: oid.dotted_string for kind, oid in policy.eku.items()},
        since=since,
        note=note,
    )


def _says(known: KnownPolicy) -> tuple[object, ...]:
    return frozenset(known.anchors), known.organisation, known.policy_oid, dict(known.eku)
