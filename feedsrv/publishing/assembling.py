"""Step 3 of publishing: the next version of each feed that has something new to say.

A feed names the digests of signed mitigations, so until they are signed it holds their unsigned
digests in those places; `completed` puts the real ones in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from feedsrv.clock import to_text
from feedsrv.lints.publication import FeedStep, Publication
from feedsrv.model.catalogue import Catalogue
from feedsrv.model.feed import Announcement, Entry, Feed, Poll, digest_of
from feedsrv.publishing.gathering import Gathered, Line, Listed
from feedsrv.publishing.reading import draft_of
from feedsrv.publishing.records import (
    Head,
    IntendedFeed,
    IntendedRevision,
    Published,
    Revision,
    Standing,
    Update,
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a feed is fresh, and how often agents come back."""

    lifetime: timedelta = timedelta(days=7)
    poll: Poll = field(default_factory=Poll)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one publication is going to do."""

    revisions: tuple[Revision, ...]
    updates: tuple[Update, ...]
    feeds: tuple[tuple[Feed, Head | None], ...]
    """Each next version, and the one that is current now."""
    standing: tuple[Standing, ...]
    """What stands now."""

    def intended_revisions(self) -> tuple[IntendedRevision, ...]:
        """For the intention."""
        return tuple(IntendedRevision(one.id, one.number, one.digest) for one in self.revisions)

    def intended_feeds(self) -> tuple[IntendedFeed, ...]:
        """For the intention."""
        return tuple(intended(feed) for feed, _ in self.feeds)


def assemble(
    gathered: Gathered,
    pace: Pace,
    *,
    at: datetime,
    key_ends: datetime,
    announced: tuple[Announcement, ...] = (),
) -> Plan:
    """Give every feed that changes its next version, which carries what is announced."""
    unsigned = {one.id: Published(one.digest, len(one.unsigned), at) for one in gathered.candidates}
    shared = _Shared(at, min(at + pace.lifetime, key_ends), pace.poll, announced)
    return Plan(
        revisions=gathered.candidates,
        updates=gathered.releasing,
        feeds=tuple((_next(line, unsigned, shared), line.head) for line in gathered.lines if line.is_changed),
        standing=gathered.standing,
    )


def assemble_refresh(  # noqa: PLR0913 -- as `assemble`, and what stands
    lines: Iterable[tuple[Head, int]],
    standing: tuple[Standing, ...],
    pace: Pace,
    *,
    at: datetime,
    key_ends: datetime,
    announced: tuple[Announcement, ...] = (),
) -> Plan:
    """Give each of these feeds a next version that lists the same, later, and what is announced now.

    Each comes with the number of that version.
    """
    return Plan(
        revisions=(),
        updates=(),
        feeds=tuple(
            (
                replace(
                    head.feed,
                    version=number,
                    issued=at,
                    expires=min(at + pace.lifetime, key_ends),
                    previous=head.digest,
                    poll=pace.poll,
                    announced=announced,
                ),
                head,
            )
            for head, number in lines
        ),
        standing=standing,
    )


def publication(plan: Plan, gathered: Gathered, *, at: datetime) -> Publication:
    """The whole as it would stand, for the rules to look at."""
    return Publication(
        catalogue=gathered.catalogue,
        candidates=tuple(draft_of(revision) for revision in plan.revisions),
        standing=tuple(one.mitigation for one in gathered.standing),
        at=at,
        published_revisions=gathered.published_numbers,
        feeds=_steps(plan),
        releasing=tuple(update.update for update in plan.updates),
    )


def refresh_publication(plan: Plan, catalogue: Catalogue, *, at: datetime) -> Publication:
    """A refresh changes no word of any mitigation, so the rules have only feeds to look at."""
    return Publication(catalogue=catalogue, candidates=(), standing=(), at=at, feeds=_steps(plan))


def _steps(plan: Plan) -> tuple[FeedStep, ...]:
    return tuple(
        (feed, head.feed if head else None, head.digest if head else None) for feed, head in plan.feeds
    )


def completed(feed: Feed, signed: Mapping[str, Published]) -> Feed:
    """The feed with the digests and sizes of what was signed for it."""
    entries = (
        replace(entry, digest=signed[entry.id].digest, size=signed[entry.id].size)
        if entry.id in signed
        else entry
        for entry in feed.entries
    )
    return replace(feed, entries=tuple(entries))


def intended(feed: Feed) -> IntendedFeed:
    """What an intention says of a feed; true of it before and after its mitigations are signed."""
    said: list[object] = [
        [entry.id, entry.revision, entry.state.value, entry.rollout] for entry in feed.entries
    ]
    # Only where there are any: what an earlier version intended, and left undone, must stay what it was.
    said += [
        [one.role, to_text(one.begins), one.sha256, *map(digest_of, one.vouchers)] for one in feed.announced
    ]
    return IntendedFeed(
        product=feed.product,
        channel=feed.channel,
        version=feed.version,
        issued=feed.issued,
        expires=feed.expires,
        previous=feed.previous,
        listing=digest_of(json.dumps(said, separators=(",", ":")).encode("ascii")),
    )


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all feeds of one publication say alike."""

    issued: datetime
    expires: datetime
    poll: Poll
    announced: tuple[Announcement, ...]


def _next(line: Line, unsigned: Mapping[str, Published], shared: _Shared) -> Feed:
    return Feed(
        product=line.product,
        channel=line.channel,
        version=line.number,
        issued=shared.issued,
        expires=shared.expires,
        previous=line.head.digest if line.head else None,
        entries=tuple(_entry(one, unsigned) for one in line.listed),
        poll=shared.poll,
        announced=shared.announced,
    )


def _entry(listed: Listed, unsigned: Mapping[str, Published]) -> Entry:
    mitigation = listed.mitigation
    published = listed.published or unsigned[mitigation.id]
    return Entry(
        id=mitigation.id,
        revision=mitigation.revision,
        state=listed.state,
        digest=published.digest,
        size=published.size,
    )
