"""Revocation lists: which are in force, wherever they come from, and how they reach agents."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from feedsrv.clock import to_text
from feedsrv.publishing.key_register.keyring import AUTHORITIES
from feedsrv.publishing.key_register.revoking import Lists
from feedsrv.publishing.refusals import PublishInProgressError, ShelfDamagedError
from feedsrv.publishing.trust_records import RevocationList
from feedsrv.settings import BadSettingsError, Settings
from feedsrv.signing import development
from feedsrv.stores.database import file_of
from feedsrv.stores.lock import lock_beside
from feedsrv.stores.shelf_files import FileShelf
from feedsrv.trust.policy import load_crl
from feedsrv.trust.profile import ISSUERS, Role
from feedsrv.wiring.keyring import (
    DEVELOPMENT_PKI,
    kept,
    open_desk,
    open_store,
    outside,
    read_file,
    uses_development_pki,
)

POLICY: Final = "v1/trust/policy.json"
_CRLS: Final = "v1/trust/crls"
_KEEPER: Final = "keeper"


def lists_in_force(settings: Settings, lists: tuple[RevocationList, ...]) -> dict[str, bytes]:
    """Every list by the name of its file: the operator's own, the development PKI's, the register's.

    A CA of the development PKI that has a list in the register has it under the same name, so that the
    one that revokes nothing never stands beside it.

    Raises:
        BadSettingsError: FEEDSRV_CRLS names no folder.
    """
    return {
        **{path.name: read_file(path) for path in (*_set(settings.crls), *_development(settings))},
        **{f"{one.name}.crl": one.der for one in lists},
    }


def public_lists(lists: dict[str, bytes]) -> dict[str, bytes]:
    """The same by path on the shelf."""
    return {f"{_CRLS}/{name}": data for name, data in lists.items()}


def named(lists: dict[str, bytes]) -> list[str]:
    """As agents are told of them, beside the published policy."""
    return [f"trust/crls/{name}" for name in lists]


def published_policy(shelf: Path) -> dict[str, Any] | None:
    """What agents of a shelf are told about trust; None before the first publication.

    Raises:
        ShelfDamagedError: it does not say which anchors agents pin.
    """
    published = FileShelf(shelf).get(POLICY)
    if published is None:
        return None
    try:
        words: dict[str, Any] = json.loads(published)
        frozenset(words["anchors"])
    except (ValueError, KeyError, TypeError):
        raise ShelfDamagedError(
            f"{shelf / POLICY}: does not say which anchors agents pin; put it back from a backup"
        ) from None
    return words


def renew_lists(settings: Settings, *, now: datetime) -> tuple[str, ...]:
    """Make the register's lists anew where they are due, and publish those in force; a sentence for each.

    A CA whose key is away is logged, and looked for again the next time.

    Raises:
        FeedsrvError: the database, the shelf or a file that a setting names cannot be used.
    """
    if not file_of(settings.database).is_file():
        return ()
    done = open_desk(settings, clock=lambda: now).renew_lists(by=_KEEPER)
    tell_development_pki(settings, now=now)
    # Also where nothing was due: a command may have been killed between a list and the shelf.
    publish_lists(settings, at=now)
    return sentences(done)


def sentences(done: Lists) -> tuple[str, ...]:
    """What was made, for people."""
    return tuple(
        f"the list {one.name}.crl was made, number {one.number}; it holds until {to_text(one.ends)}"
        for one in done.made
    )


def publish_lists(settings: Settings, *, at: datetime) -> bool:
    """Lay the lists in force on the shelf, and name them in the published policy; no key is needed.

    A revocation must reach agents while the revoked key is still the only one there is. False where that
    waits for the next publication: before the first, or while somebody else publishes.

    Raises:
        FeedsrvError: the shelf cannot be written, or a file that a setting names cannot be read.
    """
    if published_policy(settings.shelf_folder) is None:
        return False
    if not _changed(settings):
        return True
    try:
        with lock_beside(file_of(settings.database)).hold():
            # Asked again: until just now, somebody else may have published other anchors, or newer lists.
            FileShelf(settings.shelf_folder).replace(_changed(settings), at=at)
    except PublishInProgressError:
        return False
    return True


def _changed(settings: Settings) -> dict[str, bytes]:
    """The lists, and the policy that names them, as far as the shelf has them otherwise; by path."""
    lists = lists_in_force(settings, kept(settings)[1])
    words = published_policy(settings.shelf_folder) or {}
    policy = json.dumps({**words, "crls": named(lists)}, indent=2).encode() + b"\n"
    files = {**public_lists(lists), POLICY: policy}
    shelf = FileShelf(settings.shelf_folder)
    return {path: data for path, data in files.items() if shelf.get(path) != data}


def tell_development_pki(settings: Settings, *, now: datetime) -> None:
    """Have the development PKI know what was revoked of it, so that it makes a new key in that place.

    Raises:
        FeedsrvError: its folder cannot be used.
    """
    folder = settings.development_folder
    for held in outside(settings, kept(settings)[0]):
        if held.source != DEVELOPMENT_PKI or held.role not in AUTHORITIES:
            continue
        with open_store(settings) as store, store.look() as work:
            revoked = {one.serial: one for one in work.revocations.of(held.key)}
        path = development.crl_of(folder, held.role)
        listed = {one.serial_number for one in load_crl(read_file(path), source=str(path))}
        new = [(one.serial, one.at, one.reason) for serial, one in revoked.items() if serial not in listed]
        if new:
            development.revoke(folder, held.role, new, now=now)


def _development(settings: Settings) -> tuple[Path, ...]:
    folder = settings.development_folder
    if not uses_development_pki(settings, kept(settings)[0]):
        return ()
    return tuple(development.crl_of(folder, role) for role in (Role.ROOT, *ISSUERS.values()))


def _set(folder: Path | None) -> tuple[Path, ...]:
    if folder is None:
        return ()
    # A folder that is not there would publish no list at all, and nobody would be told.
    if not folder.is_dir():
        raise BadSettingsError(f"FEEDSRV_CRLS: {folder} is no folder; name the one with your *.crl files")
    return tuple(sorted(folder.glob("*.crl")))
