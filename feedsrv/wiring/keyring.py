"""From settings to every key that is known: the register's, those that settings name, the development PKI's.

No private key is opened here, and nothing is judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography import x509

from feedsrv.clock import Clock, now
from feedsrv.errors import FeedsrvError
from feedsrv.publishing.key_register.keyring import HeldKey, Keyring, issued
from feedsrv.publishing.key_register.register import KeyDesk
from feedsrv.publishing.permits import May, anybody
from feedsrv.publishing.trust_records import KeyRecord, KeyStage, RevocationList
from feedsrv.settings import BadSettingsError, Settings
from feedsrv.signing import development
from feedsrv.signing.backends import open_chain
from feedsrv.stores.database import file_of, open_database
from feedsrv.stores.shelf_files import FileShelf
from feedsrv.stores.sql import SqlStore
from feedsrv.trust.policy import load_anchors
from feedsrv.trust.profile import ISSUERS, SIGNERS, Kind, Role

DEVELOPMENT_PKI: Final = "development PKI"
"""Who keeps the keys that are made for trying things out."""
_SETTINGS: Final = {Kind.MITIGATION: "FEEDSRV_MITIGATION_SIGNER", Kind.FEED: "FEEDSRV_FEED_SIGNER"}
_ANCHORS: Final = "FEEDSRV_ANCHORS"


def open_keyring(settings: Settings) -> Keyring:
    """Every key that is known.

    Raises:
        FeedsrvError: a file that a setting names cannot be read, or the database cannot.
    """
    records, _ = kept(settings)
    return keyring_of(settings, records)


def keyring_of(settings: Settings, records: tuple[KeyRecord, ...]) -> Keyring:
    """These records, and all that others keep."""
    return Keyring.of(records, outside(settings, records))


def open_desk(settings: Settings, *, clock: Clock = now, may: May = anybody, via: str = "") -> KeyDesk:
    """The key desk over the database in force, which must be there; for whoever `may`, by that door.

    Raises:
        FeedsrvError: a file that a setting names cannot be read, or the database cannot.
    """
    records, _ = kept(settings)
    return KeyDesk(
        SqlStore(open_database(settings.database)),
        now=clock,
        outside=outside(settings, records),
        organisation=settings.organisation,
        shelf=FileShelf(settings.shelf_folder),
        may=may,
        via=via,
    )


def kept(settings: Settings) -> tuple[tuple[KeyRecord, ...], tuple[RevocationList, ...]]:
    """What the register keeps: keys, and revocation lists. Nothing where there is no database yet.

    Raises:
        StoreNotReadyError: the database is of another version, or damaged.
    """
    if not file_of(settings.database).is_file():
        return (), ()
    with open_store(settings) as store, store.look() as work:
        return work.keys.all(), work.revocations.lists()


@contextmanager
def open_store(settings: Settings) -> Iterator[SqlStore]:
    """The store on the database in force, let go of afterwards."""
    store = SqlStore(open_database(settings.database))
    try:
        yield store
    finally:
        store.close()


def uses_development_pki(settings: Settings, records: tuple[KeyRecord, ...]) -> bool:
    """True where agents are told to pin the root of a development PKI that is there."""
    return any(
        one.source == DEVELOPMENT_PKI and one.role is Role.ROOT and one.stage is KeyStage.IN_USE
        for one in outside(settings, records)
    )


def outside(settings: Settings, records: tuple[KeyRecord, ...]) -> tuple[HeldKey, ...]:
    """The keys that the register does not keep."""
    if settings.own_keys is not None:
        return _set(settings)
    folder = settings.development_folder
    if not development.exists(folder):
        return ()
    try:
        return _development(folder, records)
    except FeedsrvError:
        # What is left of a trial must not stop those who sign with keys of their own.
        if signs_alone(records):
            return ()
        raise


def signs_alone(records: tuple[KeyRecord, ...]) -> bool:
    """True where the register has a signer in use for each kind of document."""
    return {one.role for one in records if one.stage is KeyStage.IN_USE} >= set(SIGNERS.values())


def read_file(path: Path) -> bytes:
    """The bytes of a file that a setting names.

    Raises:
        BadSettingsError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadSettingsError(f"{path}: cannot be read ({error.strerror})") from None


def _set(settings: Settings) -> tuple[HeldKey, ...]:
    found = []
    for kind, uri in (
        (Kind.MITIGATION, settings.mitigation_signer),
        (Kind.FEED, settings.feed_signer),
    ):
        if uri is not None:
            chain = open_chain(uri)
            found.append(HeldKey.kept_by(_SETTINGS[kind], SIGNERS[kind], chain, _place_of(uri)))
            if len(chain) > 1:
                found.append(HeldKey.kept_by(_SETTINGS[kind], ISSUERS[kind], chain[1:]))
    if settings.anchors is not None:
        anchors = load_anchors(read_file(settings.anchors), source=str(settings.anchors))
        found += [HeldKey.kept_by(_ANCHORS, Role.ROOT, (anchor,)) for anchor in anchors]
    return _each_once(found)


def _place_of(uri: str) -> str:
    """Where the key of a signer lives: its URI without the file of its certificates."""
    path, _, query = uri.partition("?")
    options = "&".join(one for one in query.split("&") if one and not one.startswith("chain="))
    return f"{path}?{options}" if options else path


def _development(folder: Path, records: tuple[KeyRecord, ...]) -> tuple[HeldKey, ...]:
    root = open_chain(development.uri_of(folder, Role.ROOT))[0]
    used = {one.role for one in records if one.stage is KeyStage.IN_USE}
    ours = [
        x509.load_der_x509_certificate(der)
        for one in records
        if one.stage is KeyStage.IN_USE
        for der in one.chain
    ]
    found = []
    for kind in Kind:
        signer, issuer = SIGNERS[kind], ISSUERS[kind]
        for role in (signer, issuer):
            uri = development.uri_of(folder, role)
            chain = (*open_chain(uri), root)
            name = development.crl_of(folder, role).stem if role is issuer else None
            stage = KeyStage.READY if role in used and role is signer else KeyStage.IN_USE
            found.append(
                HeldKey.kept_by(DEVELOPMENT_PKI, role, chain, _place_of(uri), list_name=name, stage=stage)
            )
    # Whoever signs under a root of their own has nobody pin that of a trial.
    needed = not signs_alone(records) or root in ours or any(issued(one, root) for one in ours)
    found.append(
        HeldKey.kept_by(
            DEVELOPMENT_PKI,
            Role.ROOT,
            (root,),
            _place_of(development.uri_of(folder, Role.ROOT)),
            list_name=development.crl_of(folder, Role.ROOT).stem,
            stage=KeyStage.IN_USE if needed else KeyStage.READY,
        )
    )
    return tuple(found)


def _each_once(keys: list[HeldKey]) -> tuple[HeldKey, ...]:
    return tuple({(one.role, one.id): one for one in keys}.values())
