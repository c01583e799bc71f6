"""Looking at the shelf: is what agents are to find there, as it was published, and would they believe it?

Every listed file is read and its digest compared. Of documents that were proven when they were published
and have not changed by a byte, one of each signer tells whether that signer is still believed; a thorough
look opens all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from feedsrv.errors import RefusedProofError
from feedsrv.model.catalogue import PRODUCT_ID
from feedsrv.model.feed import Entry, EntryState, digest_of, feed_path
from feedsrv.model.mitigation import CHANNEL
from feedsrv.publishing.catching_up import Witness
from feedsrv.publishing.listing import INDEX_JSON
from feedsrv.publishing.ports import Shelf
from feedsrv.publishing.records import Head
from feedsrv.publishing.watching.seen import CurrentSeen, FileSeen, RefusedDocument, ShelfSeen
from feedsrv.trust.opening import open_feed, open_mitigation
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.refusals import (
    AnchorUnknownError,
    EkuMissingError,
    ExpiredFeedError,
    IssuerEkuMissingError,
    IssuerOrganisationError,
    IssuerPolicyError,
)

_ABOUT_TRUST: Final = (
    AnchorUnknownError,
    EkuMissingError,
    IssuerEkuMissingError,
    IssuerOrganisationError,
    IssuerPolicyError,
)
_CERTIFICATES: Final = b"X509Data>"


def see_shelf(  # noqa: PLR0913 -- what is looked at, by what, when, and how closely
    shelf: Shelf,
    heads: tuple[Head, ...] | None,
    policy: TrustPolicy | None,
    files: Mapping[str, bytes],
    *,
    at: datetime,
    thorough: bool,
) -> ShelfSeen:
    """Look at everything that the current feeds need; `heads` is None where the database cannot be read.

    Without a policy nothing is opened; without heads, the feeds that the shelf itself lists are followed.

    Raises:
        OperatorError: the shelf cannot be read.
    """
    currents = heads if heads is not None else _heads_on(shelf, policy, at)
    opening = _Opening(policy, at, thorough=thorough)
    astray = []
    entries = _entries(currents)
    for path, entry in entries.items():
        document = shelf.get(path)
        found = None if document is None else digest_of(document)
        if document is None or found != entry.digest:
            astray.append(FileSeen(path, entry.digest, found))
        else:
            opening.mitigation(path, document, entry)
    seen = [_current(shelf, head, opening) for head in currents]
    return ShelfSeen(
        heads=currents,
        currents=tuple(seen),
        mitigations=len(entries),
        astray=tuple(astray),
        other_files=tuple(path for path, data in files.items() if shelf.get(path) != data),
        opened=opening.opened,
        refused=tuple(opening.refused),
    )


def _entries(heads: tuple[Head, ...]) -> dict[str, Entry]:
    """By path. An entry that is active in one of the feeds counts as active."""
    found: dict[str, Entry] = {}
    for entry in (entry for head in heads for entry in head.feed.entries):
        path = f"v1/{entry.href}"
        if path not in found or entry.state is EntryState.ACTIVE:
            found[path] = entry
    return found


def _current(shelf: Shelf, head: Head, opening: _Opening) -> CurrentSeen:
    feed = head.feed
    path = f"v1/{feed_path(feed.product, feed.channel)}"
    document = shelf.get(path)
    if document is not None and digest_of(document) == head.digest:
        opening.feed(path, document)
    kept = f"v1/{feed_path(feed.product, feed.channel, feed.version)}"
    return CurrentSeen(
        head.name,
        feed.version,
        FileSeen(path, head.digest, None if document is None else digest_of(document)),
        _file(shelf, kept, head.digest),
    )


def _file(shelf: Shelf, path: str, wanted: str) -> FileSeen:
    document = shelf.get(path)
    return FileSeen(path, wanted, None if document is None else digest_of(document))


@dataclass
class _Opening:
    """Opens documents as an agent would, and keeps what is refused."""

    policy: TrustPolicy | None
    at: datetime
    thorough: bool

    def __post_init__(self) -> None:
        self.opened = 0
        self.refused: list[RefusedDocument] = []
        self._believed: set[bytes] = set()

    def mitigation(self, path: str, document: bytes, entry: Entry) -> None:
        if self.policy is None or self._is_known(document):
            return
        self.opened += 1
        try:
            open_mitigation(document, self.policy, at=self.at, entry=entry, source=path)
        except RefusedProofError as refusal:
            self.refused.append(
                RefusedDocument(
                    path,
                    refusal.code,
                    str(refusal),
                    is_active=entry.state is EntryState.ACTIVE,
                    is_about_trust=isinstance(refusal, _ABOUT_TRUST),
                )
            )
        else:
            self._believed.add(_signer(document))

    def feed(self, path: str, document: bytes) -> None:
        if self.policy is None:
            return
        self.opened += 1
        try:
            open_feed(document, self.policy, at=self.at, source=path)
        except ExpiredFeedError:
            pass  # its age is told by itself
        except RefusedProofError as refusal:
            # The next publication signs it anew, by whoever is believed then.
            self.refused.append(
                RefusedDocument(
                    path, refusal.code, str(refusal), is_active=True, is_about_trust=False, is_feed=True
                )
            )

    def _is_known(self, document: bytes) -> bool:
        """True where another document of the same certificates was opened, and believed.

        A refusal may lie in that one document alone: then each of its signer's is opened.
        """
        return not self.thorough and _signer(document) in self._believed


def _signer(document: bytes) -> bytes:
    """The bytes of its certificates, which are the same in all documents of one signer."""
    return document.partition(_CERTIFICATES)[2].partition(_CERTIFICATES)[0]


def _heads_on(shelf: Shelf, policy: TrustPolicy | None, at: datetime) -> tuple[Head, ...]:
    """The current feeds by the shelf's own list; it is not signed, so only genuine feeds of it count."""
    if policy is None:
        return ()
    witness = Witness(shelf, policy, at)
    found = (witness.current(name) for name in _listed(shelf))
    return tuple(head for head in found if head is not None)


def _listed(shelf: Shelf) -> Iterator[tuple[str, str]]:
    try:
        listed = json.loads(shelf.get(INDEX_JSON) or b"{}").get("feeds", ())
        names = sorted({(str(one["product"]), str(one["channel"])) for one in listed})
    except (ValueError, TypeError, KeyError, AttributeError):
        return
    for product, channel in names:
        if PRODUCT_ID.fullmatch(product) and CHANNEL.fullmatch(channel):
            yield product, channel
