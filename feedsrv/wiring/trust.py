"""From settings to what plans and announcements of certificates need; no private key is opened."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from cryptography import x509

from feedsrv.clock import Clock
from feedsrv.publishing.announcing import AnnouncingDesk, UnknownCertificateError
from feedsrv.publishing.generations import GenerationsDesk
from feedsrv.publishing.key_register.keyring import digits_of, without_roots
from feedsrv.publishing.listed import listed_on
from feedsrv.publishing.planning import Switch
from feedsrv.publishing.timeline import Facts
from feedsrv.publishing.vouching import VouchingDesk
from feedsrv.settings import BadSettingsError, Settings
from feedsrv.signing.receiving import read_certificates
from feedsrv.stores.database import open_database
from feedsrv.stores.shelf_files import FileShelf
from feedsrv.stores.sql import SqlStore
from feedsrv.trust.profile import SIGNERS, fingerprint
from feedsrv.wiring.desk import require_current
from feedsrv.wiring.keys import open_keyring, read_trust


def read_facts(settings: Settings) -> Facts:
    """All that is known about certificates.

    Raises:
        OperatorError: the database, a file or a setting cannot be read.
    """
    store = _store(settings)
    seen = read_trust(settings)
    with store.look() as work:
        announced, policies = work.announcements.all(), work.policies.all()
        standing = work.revisions.standing()
    return Facts(
        policy=seen.policy,
        chains=seen.chains,
        keyring=open_keyring(settings),
        announced=announced,
        policies=policies,
        listed=listed_on(FileShelf(settings.shelf_folder), standing),
    )


def switch_to(facts: Facts, *, use: str | None, drop: str | None, on: datetime) -> Switch:
    """The switch to a signer of the register, and away from an anchor, by fingerprint.

    Raises:
        UnknownKeyError, BadFingerprintError: there is no such key.
        UnknownCertificateError: it is no signer's, or no anchor's.
    """
    switch = Switch(on=on, dropped=None if drop is None else _anchor(facts, drop))
    if use is None:
        return switch
    held = facts.keyring.find(use)
    kinds = [kind for kind, role in SIGNERS.items() if role is held.role]
    if not (kinds and held.chain):
        raise UnknownCertificateError(
            f"{held} signs no documents: name a signer, since agents are judged by what it signs"
        )
    return Switch(on=on, chain=without_roots(held.chain), kind=kinds[0], dropped=switch.dropped)


def announcing(settings: Settings, *, now: Clock) -> AnnouncingDesk:
    """The desk that announces."""
    return AnnouncingDesk(_store(settings), read_trust(settings).policy, now=now)


def vouching(settings: Settings, *, now: Clock) -> VouchingDesk:
    """The desk that certifies under another root; a key is opened only then."""
    return VouchingDesk(_store(settings), open_keyring(settings), now=now)


def generations(settings: Settings, *, now: Clock) -> GenerationsDesk:
    """The desk that knows what agents pin."""
    return GenerationsDesk(_store(settings), now=now)


def certificates(settings: Settings, files: Iterable[Path]) -> tuple[x509.Certificate, ...]:
    """Every certificate at hand: those of the register and in force, and those in files."""
    found = [*open_keyring(settings).certificates()]
    for file in files:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise BadSettingsError(f"{file}: cannot be read ({error.strerror})") from None
        found += read_certificates(data, source=str(file))
    return tuple(dict.fromkeys(found))


def _anchor(facts: Facts, written: str) -> x509.Certificate:
    digits = digits_of(written)
    found = [one for one in facts.policy.anchors if fingerprint(one).startswith(digits)]
    if len(found) != 1:
        raise UnknownCertificateError(
            f"no anchor {digits[:16]}... is published; `feedsrv trust plan` shows them"
        )
    return found[0]


def _store(settings: Settings) -> SqlStore:
    require_current(settings.database)
    return SqlStore(open_database(settings.database))
