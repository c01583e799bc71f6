"""What every verb about keys needs: the store, the time, what others keep, and a line in the audit log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.x509 import Certificate, ObjectIdentifier

from feedsrv import clock
from feedsrv.clock import Clock, to_text
from feedsrv.errors import FeedsrvError
from feedsrv.model.lifecycle import ACTS
from feedsrv.publishing.audit import record
from feedsrv.publishing.key_register.keyring import HeldKey, Keyring
from feedsrv.publishing.key_register.refusals import ClockError, RevokedKeyError
from feedsrv.publishing.notices.telling import tell
from feedsrv.publishing.people import checked_name
from feedsrv.publishing.permits import May, anybody
from feedsrv.publishing.ports import Shelf, Store, Work
from feedsrv.publishing.trust_records import KeyStage, Revocation
from feedsrv.trust.certificates import name_of
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import EKU, Kind, spki_id

log: Final = logging.getLogger(__name__)

ANCHORED: Final = (KeyStage.READY, KeyStage.IN_USE)
"""The stages at which a root is good enough to hold a new certificate against."""

COMPROMISED: Final = frozenset({"key_compromise", "ca_compromise", "aa_compromise"})
"""Reasons that speak of the key, and not of one certificate."""
_WRITTEN: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Before that there was no program that could ask for the time."""
_CLOCKS_DIFFER: Final = timedelta(days=1)
"""By so much a clock may go back, or two machines on one database differ."""


def _nothing(step: str) -> None:
    """What happens after a step, as a rule."""


class Desk:
    """Holds what the verbs share."""

    def __init__(  # noqa: PLR0913 -- everything the desk needs is given to it, by name
        self,
        store: Store,
        *,
        now: Clock = clock.now,
        outside: Sequence[HeldKey] = (),
        organisation: str | None = None,
        eku: Mapping[Kind, ObjectIdentifier] = EKU,
        shelf: Shelf | None = None,
        may: May = anybody,
        via: str = "",
        after: Callable[[str], None] = _nothing,
    ) -> None:
        """Keep keys in `store`.

        `may` is asked by each act; `via` is the door that people came by, for the audit log.

        `outside` are keys that settings name or a development PKI keeps. `organisation` is what agents are
        told to ask of issuing CAs, where that is set. On the `shelf` lies what was signed so far. `after` is
        called with the name of each step after which a process might be killed.
        """
        self._store = store
        self._now = now
        self._outside = tuple(outside)
        self._organisation = organisation
        self._eku = eku
        self._shelf = shelf
        self._may = may
        self._via = via
        self._after = after

    def _admitted(self, by: str, *, clock_is_right: bool = False) -> str:
        """Who acts, and not at a time that cannot be: certificates and lists would carry it into the world.

        With `clock_is_right`, what was written down at a later time is no witness.

        Raises:
            BadNameError: nobody could be named so.
            NotAllowedError: they may not touch keys.
            ClockError: this machine's clock is wrong.
        """
        actor, at = checked_name(by), self._now()
        self._may(actor, ACTS["key.change"])
        with self._store.look() as work:
            last = work.audit.last()
        known = _WRITTEN if last is None or clock_is_right else max(_WRITTEN, last.at)
        if at < known - _CLOCKS_DIFFER:
            raise ClockError(
                f"this machine's clock says {to_text(at)}, but it was {to_text(known)} already: set the "
                "clock, then do this again. Where it is right and was ahead then, say so once with `feedsrv "
                "key crl --clock-is-right`"
            )
        return actor

    def keyring(self) -> Keyring:
        """All that is known now."""
        with self._store.look() as work:
            return self._ring(work)

    def _ring(self, work: Work) -> Keyring:
        return Keyring.of(work.keys.all(), self._outside)

    def _policy(self, anchors: Sequence[Certificate]) -> TrustPolicy:
        """What agents would ask of a new certificate; revocation is asked of the register itself."""
        return TrustPolicy(tuple(anchors), organisation=self._organisation, eku=self._eku)

    def _write(self, work: Work, at: datetime, by: str, verb: str, subject: str, **detail: str) -> None:
        door = {"via": self._via} if self._via else {}
        record(work.audit, at, actor=by, verb=verb, subject=subject, detail=detail | door)
        if verb in _TOLD:
            kind = "key.revoked" if verb == "key.revoke" else "key.changed"
            sentence = f"{by} {_TOLD[verb]} {subject}"
            tell(work, at, kind=kind, subject=subject, by=by, sentence=sentence)

    @contextmanager
    def _told(self, by: str, verb: str, subject: str) -> Iterator[None]:
        """Write a refusal into the audit log, too: a key was touched, or was to be."""
        try:
            yield
        except FeedsrvError as refusal:
            try:
                with self._store.begin() as work:
                    self._write(work, self._now(), by, f"{verb}.refused", subject, code=refusal.code)
            except FeedsrvError:
                # Where the database is the trouble, its refusal is the one to be told.
                log.warning("audit.not_written", extra={"verb": verb, "subject": subject})
            raise


# What people are told of; refused acts, and lists that are renewed, stand in the audit log alone.
_TOLD: Final = {
    "key.request": "made a key and requested a certificate:",
    "key.import": "imported a certificate:",
    "key.issue": "issued a certificate:",
    "key.use": "put to use:",
    "key.export": "wrote out",
    "key.retire": "retired",
    "key.revoke": "revoked",
}


def revocations_of(work: Work, chain: Sequence[Certificate], ring: Keyring) -> tuple[Revocation, ...]:
    """What the register knows to be revoked in a chain."""
    found = []
    for certificate in chain:
        for issuer in ring.issuers_of(certificate):
            key = spki_id(issuer.public_key())
            found += [one for one in work.revocations.of(key) if one.serial == certificate.serial_number]
    return tuple(dict.fromkeys(found))


def refuse_revoked(work: Work, chain: Sequence[Certificate], ring: Keyring) -> None:
    """Nothing is done with a chain in which something was revoked, or whose keys are in wrong hands.

    Raises:
        RevokedKeyError: something was, or they are.
    """
    revoked = {one.serial: one for one in revocations_of(work, chain, ring)}
    for certificate in chain:
        known = revoked.get(certificate.serial_number)
        if known is not None:
            raise RevokedKeyError(
                f"{name_of(certificate)} was revoked on {known.at:%Y-%m-%d %H:%M} UTC by {known.by} "
                f"({known.reason.replace('_', ' ')}): nothing signed under it is believed. Request a new key "
                "with `feedsrv key request`"
            )
        refuse_compromised(work, spki_id(certificate.public_key()), ring)


def refuse_compromised(work: Work, key: str, ring: Keyring) -> None:
    """A key that is in wrong hands gets no other certificate, and no other is used.

    Raises:
        RevokedKeyError: one of its certificates was revoked because of that.
    """
    for held in ring.keys:
        if held.key == key and held.chain:
            for known in revocations_of(work, held.chain[:1], ring):
                if known.reason in COMPROMISED:
                    raise RevokedKeyError(
                        f"the key {key[:16]} of {name_of(held.chain[0])} is in wrong hands, as was said on "
                        f"{known.at:%Y-%m-%d %H:%M} UTC by {known.by}: no certificate makes it good again. "
                        "Request a new key with `feedsrv key request`"
                    )
