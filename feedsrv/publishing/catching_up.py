"""Where the database and the shelf do not say the same: one of them was restored from a backup.

Agents saw the shelf, and all that matters on it is signed. So where the shelf is further on, the database
takes over from it, and numbers count on from there. Where the shelf is not, the next publication puts
the feeds back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from feedsrv.errors import RefusedProofError
from feedsrv.model.catalogue import PRODUCT_ID
from feedsrv.model.feed import Entry, Feed, digest_of, feed_path
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import CHANNEL, Draft, Mitigation
from feedsrv.publishing.announced import take_over
from feedsrv.publishing.audit import record
from feedsrv.publishing.drafting import begin_revision
from feedsrv.publishing.listing import INDEX_JSON
from feedsrv.publishing.notices.telling import tell
from feedsrv.publishing.ports import Shelf, Work
from feedsrv.publishing.records import Head, Published, Revision
from feedsrv.publishing.refusals import StoreBehindError
from feedsrv.signing.documents import without_signature
from feedsrv.trust.opening import open_feed, open_mitigation
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.refusals import ExpiredFeedError

FeedName = tuple[str, str]
"""Product and channel."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is current by the database, and where the shelf shows something else."""

    heads: tuple[Head, ...]
    """In order of product and channel."""
    astray: frozenset[FeedName] = frozenset()
    """Feeds whose current bytes are not on the shelf."""
    ahead: tuple[Head, ...] = ()
    """Genuine feeds on the shelf that are further on than the database knows."""


@dataclass(frozen=True, slots=True)
class Witness:
    """The shelf, believed as far as an agent would believe it at some moment."""

    shelf: Shelf
    policy: TrustPolicy
    at: datetime

    def current(self, name: FeedName) -> Head | None:
        """The current feed, if it is a genuine one, expired or not."""
        path = f"v1/{feed_path(*name)}"
        document = self.shelf.get(path)
        if document is None:
            return None
        try:
            feed = open_feed(document, self.policy, at=self.at, source=path).feed
        except ExpiredFeedError as expired:
            feed = expired.feed
        except RefusedProofError:
            return None
        if (feed.product, feed.channel) != name:
            return None
        return Head(feed, digest_of(document), len(document))

    def mitigation(self, entry: Entry) -> tuple[Mitigation, bytes]:
        """What a feed's entry names, and its bytes.

        Raises:
            StoreBehindError: it is not there, or not genuine.
        """
        path = f"v1/{entry.href}"
        document = self.shelf.get(path)
        try:
            if document is not None:
                opened = open_mitigation(document, self.policy, at=self.at, entry=entry, source=path)
                return opened.mitigation, document
            why = f"{path} is not there"
        except RefusedProofError as refusal:
            why = str(refusal)
        raise StoreBehindError(
            f"the database is older than the shelf, and {entry.id} revision {entry.revision} cannot be taken "
            f"over from there: {why}. Restore a newer database, or that file"
        )


def sight(work: Work, witness: Witness) -> Sighting:
    """Lay the current feeds beside those on the shelf; as a rule, that is one digest for each."""
    heads = {(head.feed.product, head.feed.channel): head for head in work.feeds.heads()}
    astray, ahead = set(), []
    for name in sorted({*heads, *_listed(witness.shelf)}):
        head = heads.get(name)
        document = witness.shelf.get(f"v1/{feed_path(*name)}")
        if head is not None and document is not None and digest_of(document) == head.digest:
            continue
        astray.add(name)
        found = witness.current(name)
        if found is not None and (head is None or found.feed.version > head.feed.version):
            ahead.append(found)
    return Sighting(tuple(heads.values()), frozenset(astray), tuple(ahead))


def free_number(work: Work, shelf: Shelf, product: str, channel: str) -> int:
    """The next version number of a feed: above all that are known, and free on the shelf."""
    number = work.feeds.last_number(product, channel) + 1
    while shelf.get(f"v1/{feed_path(product, channel, number)}") is not None:
        number += 1
    return number


def catch_up(work: Work, witness: Witness, ahead: Iterable[Head], *, by: str) -> str:
    """Take over from the shelf what the database does not know of; says what.

    Raises:
        StoreBehindError: something that these feeds list cannot be taken over.
    """
    told = []
    # The oldest first: of what is announced, the newest feed has the last word.
    for head in sorted(ahead, key=lambda one: one.feed.issued):
        taken = dict(_take_over(work, witness, head.feed, by=by)) | take_over(work, head.feed)
        work.feeds.move(head, at=head.feed.issued)
        record(
            work.audit,
            witness.at,
            actor=by,
            verb="catch up",
            subject=f"{head.name} {head.feed.version}",
            detail={"feed": head.digest, **taken},
        )
        told += [f"feed {head.name} version {head.feed.version}", *taken]
    return f"the database was older than the shelf, and took over from it: {', '.join(told)}"


def _listed(shelf: Shelf) -> Iterator[FeedName]:
    """Feeds that the list on the shelf names; it is not signed, so it only says where to look."""
    try:
        listed = json.loads(shelf.get(INDEX_JSON) or b"{}").get("feeds", ())
        names = [(str(one["product"]), str(one["channel"])) for one in listed]
    except (ValueError, TypeError, KeyError, AttributeError):
        return
    for product, channel in names:
        if PRODUCT_ID.fullmatch(product) and CHANNEL.fullmatch(channel):
            yield product, channel


def _take_over(work: Work, witness: Witness, feed: Feed, *, by: str) -> Iterator[tuple[str, str]]:
    """Keep the revisions that a feed lists and the database lacks; gives each with its digest."""
    for entry in feed.entries:
        known = work.revisions.published(entry.id)
        if known is None or known.number < entry.revision:
            mitigation, document = witness.mitigation(entry)
            found = work.revisions.get(mitigation.id, mitigation.revision)
            is_known = found is not None and found.unsigned == without_signature(document)
            kept = _published(found if is_known else None, mitigation, document, at=feed.issued)
            work.revisions.save(kept)
            is_lost = found is not None and found.is_open and not is_known
            if kept.approved_by is None:
                _tell_of(work, kept, witness.at, by=by)
            yield f"{mitigation}{' in place of other words under way' if is_lost else ''}", entry.digest


def _tell_of(work: Work, taken: Revision, at: datetime, *, by: str) -> None:
    """Perhaps one person alone had approved it, and the alarm about that is forgotten."""
    sentence = (
        f"{taken} is published, as the shelf shows, but who approved it is forgotten here, and whether that "
        "was one person alone: have somebody else than its author look at it, and withdraw it where need be"
    )
    tell(work, at, kind="mitigation.published", subject=str(taken), by=by, sentence=sentence)


def _published(found: Revision | None, mitigation: Mitigation, document: bytes, *, at: datetime) -> Revision:
    """The revision of these words, published; with its samples and people where they are known."""
    unsigned = without_signature(document)
    if found is None:
        found = begin_revision(Draft(mitigation), source="the shelf", source_digest="", by="unknown")
    return replace(
        found,
        stage=Stage.PUBLISHED,
        unsigned=unsigned,
        digest=digest_of(unsigned),
        approved_digest=digest_of(unsigned),
        shelved=True,
        published=Published(digest_of(document), len(document), at),
    )
