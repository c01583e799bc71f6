"""Steps 6 and 7 of publishing: sign, then open the result as an agent would, and compare.

Two implementations of XML signatures look at every document before anybody else can see it. What
lies on the shelf already is used again where it says exactly what was approved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from feedsrv.codec.feed import write_feed
from feedsrv.model.feed import Entry, Feed, digest_of, feed_path, mitigation_path
from feedsrv.publishing.assembling import Plan, completed
from feedsrv.publishing.ports import Shelf
from feedsrv.publishing.records import Head, Published, Revision, Standing, Update
from feedsrv.publishing.refusals import NotWhatWasApprovedError, SignerEndedError
from feedsrv.signing.crosscheck import cross_check
from feedsrv.signing.documents import sign_document, without_signature
from feedsrv.signing.signer import Signer, SigningError, ends
from feedsrv.trust.opening import TrustedFeed, open_feed, open_mitigation
from feedsrv.trust.policy import TrustPolicy


@dataclass(frozen=True, slots=True)
class Signers:
    """The two keys of a publisher."""

    mitigation: Signer
    feed: Signer


@dataclass(frozen=True, slots=True)
class SignedRevision:
    """A revision and its signed bytes."""

    revision: Revision
    document: bytes
    published: Published

    @property
    def path(self) -> str:
        """Where it lies on the shelf."""
        return f"v1/{mitigation_path(self.revision.id, self.revision.number)}"


@dataclass(frozen=True, slots=True)
class SignedFeed:
    """A feed version and its signed bytes, and the one that was current when it was made."""

    head: Head
    document: bytes
    before: Head | None

    @property
    def path(self) -> str:
        """Where this version lies on the shelf, for ever."""
        feed = self.head.feed
        return f"v1/{feed_path(feed.product, feed.channel, feed.version)}"

    @property
    def current_path(self) -> str:
        """Where the current version lies."""
        return f"v1/{feed_path(self.head.feed.product, self.head.feed.channel)}"


@dataclass(frozen=True, slots=True)
class Made:
    """All that one publication made, signed."""

    revisions: tuple[SignedRevision, ...]
    feeds: tuple[SignedFeed, ...]
    updates: tuple[Update, ...]
    standing: tuple[Standing, ...]
    """What stood before."""

    def documents(self) -> Iterator[tuple[str, bytes]]:
        """Everything that never changes, by path: mitigations first, then the feeds that name them."""
        yield from ((one.path, one.document) for one in self.revisions)
        yield from ((one.path, one.document) for one in self.feeds)


def refuse_ended_keys(signers: Signers, at: datetime, *, feeds_only: bool = False) -> None:
    """No key is used whose certificate, or whose issuer's, has ended.

    Raises:
        SignerEndedError: one has.
    """
    used = {"feed": signers.feed} if feeds_only else {"mitigation": signers.mitigation, "feed": signers.feed}
    for purpose, signer in used.items():
        end = ends(signer)
        if end <= at:
            raise SignerEndedError(purpose, signer.name, end)


def sign(plan: Plan, signers: Signers, shelf: Shelf, *, at: datetime) -> Made:
    """Sign the mitigations, then the feeds that name their digests.

    Raises:
        SigningError: a key could not be used.
        NotWhatWasApprovedError: other words lie on the shelf in the place of a revision.
    """
    revisions = tuple(_signed_revision(one, signers.mitigation, shelf, at) for one in plan.revisions)
    published = {one.revision.id: one.published for one in revisions}
    feeds = tuple(
        _signed_feed(completed(feed, published), before, signers.feed) for feed, before in plan.feeds
    )
    return Made(revisions, feeds, plan.updates, plan.standing)


def prove(made: Made, policy: TrustPolicy, *, at: datetime) -> None:
    """Open everything that was made as an agent would that trusts what is current.

    Raises:
        RefusedProofError: an agent would refuse it.
        NotWhatWasApprovedError: it is genuine, but does not say what was approved.
    """
    for feed in made.feeds:
        prove_feed(feed, policy, at=at)
    entries = {entry.id: entry for feed in made.feeds for entry in feed.head.feed.entries}
    for revision in made.revisions:
        prove_revision(revision, policy, entry=entries.get(revision.revision.id), at=at)


def prove_revision(made: SignedRevision, policy: TrustPolicy, *, entry: Entry | None, at: datetime) -> None:
    """One mitigation: genuine, and word for word what was approved."""
    wanted = made.revision
    opened = open_mitigation(made.document, policy, at=at, entry=entry, source=made.path)
    cross_check(made.document, policy.anchors, at)
    if opened.mitigation != wanted.mitigation or without_signature(made.document) != wanted.unsigned:
        raise NotWhatWasApprovedError(f"{made.path}: genuine, but not word for word what was approved")


def prove_feed(made: SignedFeed, policy: TrustPolicy, *, at: datetime) -> None:
    """One feed: genuine, follows on the current one, and says what was assembled."""
    wanted = made.head.feed
    before = made.before
    trusted = (
        TrustedFeed(wanted.product, wanted.channel, before.feed.version, before.digest) if before else None
    )
    opened = open_feed(made.document, policy, at=at, trusted=trusted, source=made.path)
    cross_check(made.document, policy.anchors, at)
    if opened.feed != wanted:
        raise NotWhatWasApprovedError(f"{made.path}: genuine, but does not say what was assembled")


def describe(document: bytes, at: datetime) -> Published:
    """How agents know these bytes."""
    return Published(digest_of(document), len(document), at)


def _signed_revision(revision: Revision, signer: Signer, shelf: Shelf, at: datetime) -> SignedRevision:
    path = f"v1/{mitigation_path(revision.id, revision.number)}"
    document = shelf.get(path)
    if document is None:
        document = sign_document(revision.unsigned, signer)
    elif not says(document, revision):
        raise NotWhatWasApprovedError(
            f"{path} is on the shelf already with other words than those approved; what was published "
            f"never changes, so have {revision} returned and find out who put it there"
        )
    return SignedRevision(revision, document, describe(document, at))


def says(document: bytes, revision: Revision) -> bool:
    """True where a signed document holds exactly the approved bytes."""
    try:
        return without_signature(document) == revision.unsigned
    except SigningError:
        return False


def _signed_feed(feed: Feed, before: Head | None, signer: Signer) -> SignedFeed:
    document = sign_document(write_feed(feed), signer)
    return SignedFeed(Head(feed, digest_of(document), len(document)), document, before)
