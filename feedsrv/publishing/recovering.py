"""Finishing or clearing a publication that was cut short.

Its intention says what it meant to do. Where every feed version of it lies complete on the shelf,
genuine, as intended and not overtaken, it is finished: nothing is signed for that. Otherwise it is
abandoned. What had reached the shelf stays there and counts: feed version numbers are burnt, and a
revision's words are fixed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from feedsrv.errors import RefusedProofError
from feedsrv.model.feed import digest_of, feed_path, mitigation_path
from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.assembling import intended
from feedsrv.publishing.audit import record
from feedsrv.publishing.catching_up import Witness
from feedsrv.publishing.ports import Shelf, Work
from feedsrv.publishing.proving import (
    Made,
    SignedFeed,
    SignedRevision,
    describe,
    prove_revision,
    says,
)
from feedsrv.publishing.records import (
    Head,
    IntendedFeed,
    IntendedRevision,
    Intent,
    IntentState,
    Published,
    Update,
)
from feedsrv.publishing.refusals import NotWhatWasApprovedError
from feedsrv.signing.crosscheck import CrossCheckError, cross_check
from feedsrv.trust.opening import open_feed
from feedsrv.trust.policy import TrustPolicy


@dataclass(frozen=True, slots=True)
class _Search:
    """What the search for a publication's remains needs."""

    work: Work
    shelf: Shelf
    policy: TrustPolicy
    begun: datetime
    at: datetime


def rebuild(work: Work, shelf: Shelf, policy: TrustPolicy, intent: Intent, *, at: datetime) -> Made | None:
    """Everything the publication made, read back from the shelf; None unless all is there and genuine."""
    standing = work.revisions.standing()
    search = _Search(work, shelf, policy, intent.begun, at)
    try:
        revisions = [_revision(search, one) for one in intent.revisions]
        made = tuple(one for one in revisions if one is not None)
        published = {one.mitigation.id: one.published for one in standing}
        published |= {one.revision.id: one.published for one in made}
        feeds = tuple(found for one in intent.feeds if (found := _feed(search, one, published)) is not None)
        updates = tuple(_updates(work, intent))
    except (RefusedProofError, CrossCheckError, NotWhatWasApprovedError):
        return None
    is_whole = (len(made), len(feeds), len(updates)) == (
        len(intent.revisions),
        len(intent.feeds),
        len(intent.updates),
    )
    return Made(made, feeds, updates, standing) if is_whole else None


def clear(work: Work, shelf: Shelf, intent: Intent, *, by: str, at: datetime) -> None:
    """Abandon a publication; nothing that it had put on the shelf is ever said differently."""
    burnt = []
    for feed in intent.feeds:
        if shelf.get(f"v1/{feed_path(feed.product, feed.channel, feed.version)}") is not None:
            work.feeds.burn(feed.product, feed.channel, feed.version, at=at)
            burnt.append(f"{feed.product}/{feed.channel} {feed.version}")
    for one in intent.revisions:
        revision = work.revisions.get(one.id, one.number)
        document = shelf.get(f"v1/{mitigation_path(one.id, one.number)}")
        if revision is not None and document is not None and says(document, revision):
            work.revisions.save(replace(revision, shelved=True))
    work.intents.save(replace(intent, state=IntentState.ABANDONED))
    record(
        work.audit,
        at,
        actor=by,
        verb="abandon",
        subject=f"publication {intent.number}",
        detail={"burnt": ", ".join(burnt)},
    )


def _revision(search: _Search, intended_revision: IntendedRevision) -> SignedRevision | None:
    one = intended_revision
    document = search.shelf.get(f"v1/{mitigation_path(one.id, one.number)}")
    revision = search.work.revisions.get(one.id, one.number)
    is_as_intended = (
        revision is not None
        and revision.stage is Stage.APPROVED
        and digest_of(revision.unsigned) == revision.approved_digest == one.digest
    )
    if document is None or revision is None or not is_as_intended:
        return None
    signed = SignedRevision(revision, document, describe(document, search.begun))
    prove_revision(signed, search.policy, entry=None, at=search.at)
    return signed


def _feed(search: _Search, wanted: IntendedFeed, published: dict[str, Published]) -> SignedFeed | None:
    path = f"v1/{feed_path(wanted.product, wanted.channel, wanted.version)}"
    document = search.shelf.get(path)
    if document is None:
        return None
    feed = open_feed(document, search.policy, at=search.at, source=path).feed
    cross_check(document, search.policy.anchors, search.at)
    names_what_is_published = all(
        entry.id in published
        and (entry.digest, entry.size) == (published[entry.id].digest, published[entry.id].size)
        for entry in feed.entries
    )
    if intended(feed) != wanted or not names_what_is_published:
        return None
    current = Witness(search.shelf, search.policy, search.at).current((wanted.product, wanted.channel))
    if current is not None and current.feed.version > wanted.version:
        return None  # The database is older than the shelf, and agents have seen what followed.
    before = search.work.feeds.head(wanted.product, wanted.channel)
    return SignedFeed(Head(feed, digest_of(document), len(document)), document, before)


def _updates(work: Work, intent: Intent) -> Iterable[Update]:
    for product, build in intent.updates:
        update = work.updates.get(product, build)
        if update is not None:
            yield update
