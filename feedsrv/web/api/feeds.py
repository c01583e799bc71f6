"""Feeds and their versions: what was published, by whom, whether agents would believe it, what changed."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from pydantic import Field

from feedsrv.model.feed import EntryState, Feed
from feedsrv.publishing.records import Head, VersionState
from feedsrv.publishing.versions import FeedVersion, Verified, VersionLine
from feedsrv.trust.certificates import name_of
from feedsrv.web.api.paging import Paged
from feedsrv.web.api.routes import Routes, said
from feedsrv.web.api.words import ChannelName, Moment, Number, ProductId, Words
from feedsrv.web.desk import Desk
from feedsrv.web.guard import principal

TAG = "feeds"


class EntryWords(Words):
    """One mitigation as a feed lists it."""

    id: str
    revision: int
    state: EntryState
    digest: str
    size: int
    """In bytes."""
    rollout: int
    """Percent of the fleet."""


class HeadWords(Words):
    """A feed that is current."""

    product: str
    channel: str
    version: int
    issued: Moment
    expires: Moment
    digest: str
    size: int
    """In bytes."""
    mitigations: int
    """How many it lists."""

    @classmethod
    def about(cls, head: Head) -> HeadWords:
        """Of one head."""
        feed = head.feed
        return cls(
            product=feed.product,
            channel=feed.channel,
            version=feed.version,
            issued=feed.issued,
            expires=feed.expires,
            digest=head.digest,
            size=head.size,
            mitigations=len(feed.entries),
        )


class Heads(Words):
    """Every current feed, in order of product and channel."""

    items: list[HeadWords]


class VersionWords(Words):
    """One version in a feed's history."""

    number: int
    state: VersionState
    at: Moment
    digest: str | None
    by: str | None
    """Who published it, as the audit log says."""

    @classmethod
    def about(cls, line: VersionLine) -> VersionWords:
        """Of one line."""
        found = line.version
        return cls(number=found.number, state=found.state, at=found.at, digest=found.digest, by=line.by)


class VersionPageWords(Words):
    """A page of a feed's history, newest first."""

    items: list[VersionWords]
    next: str | None
    """The cursor of the page that follows; null at the end."""


class FeedWords(Words):
    """What a feed says."""

    issued: Moment
    expires: Moment
    previous: str | None
    """Digest of the version before."""
    entries: list[EntryWords]

    @classmethod
    def about(cls, feed: Feed) -> FeedWords:
        """Of one feed."""
        return cls(
            issued=feed.issued,
            expires=feed.expires,
            previous=feed.previous,
            entries=[EntryWords.of(one) for one in feed.entries],
        )


class FeedVersionWords(Words):
    """One version as it lies on the shelf."""

    number: int
    state: VersionState
    at: Moment
    by: str | None
    is_current: bool
    path: str
    """Where it lies, below the public address."""
    size: int | None
    """In bytes; null where they are missing."""
    digest: str | None
    trouble: str | None
    """What is wrong with the bytes; null where nothing is."""
    feed: FeedWords | None
    """Read, not proven; null where it cannot be read."""

    @classmethod
    def about(cls, found: FeedVersion) -> FeedVersionWords:
        """Of one version."""
        return cls(
            number=found.version.number,
            state=found.version.state,
            at=found.version.at,
            by=found.by,
            is_current=found.is_current,
            path=found.path,
            size=found.size,
            digest=found.digest,
            trouble=found.trouble,
            feed=FeedWords.about(found.feed) if found.feed else None,
        )


class VerifiedWords(Words):
    """What an agent would say of one version at this moment."""

    at: Moment
    is_accepted: bool
    """True where an agent would take it now, with everything that it names."""
    is_only_old: bool
    """True where nothing is wrong with it but that its time is over."""
    signer: str | None
    """Who signed it, where that is believed."""
    anchor: str | None
    """The root by which that is believed."""
    believed_until: Moment | None
    """When the first certificate of the chain ends."""
    refusal: str | None
    """Why an agent would not take it."""
    refusal_code: str | None
    not_as_named: list[str]
    """Mitigations whose bytes are missing, or not those that the feed names."""
    trouble: str | None
    """Where the bytes are missing, or are not those that were published."""

    @classmethod
    def about(cls, found: Verified) -> VerifiedWords:
        """Of one judgement."""
        proof, refusal = found.proof, found.refusal
        return cls(
            at=found.at,
            is_accepted=found.is_accepted,
            is_only_old=found.is_only_old,
            signer=name_of(proof.leaf) if proof else None,
            anchor=name_of(proof.anchor) if proof else None,
            believed_until=proof.ends if proof else None,
            refusal=str(refusal) if refusal else None,
            refusal_code=refusal.code if refusal else None,
            not_as_named=list(found.not_as_named),
            trouble=found.trouble,
        )


class EntryChangeWords(Words):
    """What became of one mitigation between two versions."""

    id: str
    kind: str
    """`added`, `removed` or `changed`."""
    before: EntryWords | None
    after: EntryWords | None
    sentences: list[str]


class EntryChanges(Words):
    """What changed from one version to another, in order of id."""

    items: list[EntryChangeWords]


class FeedPath(Words):
    """Which feed."""

    product: ProductId
    channel: ChannelName


class VersionPath(FeedPath):
    """Which version of which feed."""

    number: Number


class TwoVersions(Words):
    """Which versions to compare."""

    before: Annotated[Number, Field(alias="from")]
    """The earlier one."""
    after: Annotated[Number, Field(alias="to")]
    """The later one."""


def add(routes: Routes, desk: Desk) -> None:
    """Everything that can be asked of feeds."""

    @routes.get("/v1/feeds", Heads, tag=TAG)
    def list_feeds() -> Response:
        """List every current feed."""
        heads = desk.workflow(principal()).list_feeds()
        return said(Heads(items=[HeadWords.about(one) for one in heads]))

    @routes.get("/v1/feeds/<product>/<channel>/versions", VersionPageWords, tag=TAG)
    def list_versions(path: FeedPath, query: Paged) -> Response:
        """List the versions of a feed, newest first."""
        listed = f"{TAG} {path.product} {path.channel}"
        page = desk.versions().page(
            path.product, path.channel, before=query.before(listed), limit=query.limit
        )
        items = [VersionWords.about(one) for one in page.items]
        return said(VersionPageWords(items=items, next=query.cursor_after(listed, page.next)))

    @routes.get("/v1/feeds/<product>/<channel>/versions/<number>", FeedVersionWords, tag=TAG)
    def show_version(path: VersionPath) -> Response:
        """Show one version as it lies on the shelf."""
        found = desk.versions().read(path.product, path.channel, path.number)
        return said(FeedVersionWords.about(found))

    @routes.get("/v1/feeds/<product>/<channel>/versions/<number>/verify", VerifiedWords, tag=TAG)
    def verify_version(path: VersionPath) -> Response:
        """Judge one version as an agent would that trusts nothing yet."""
        found = desk.versions().verify(path.product, path.channel, path.number)
        return said(VerifiedWords.about(found))

    @routes.get("/v1/feeds/<product>/<channel>/compare", EntryChanges, tag=TAG)
    def compare_versions(path: FeedPath, query: TwoVersions) -> Response:
        """See what changed from one version to another."""
        found = desk.versions().compare(path.product, path.channel, query.before, query.after)
        return said(EntryChanges(items=[EntryChangeWords.of(one) for one in found]))
