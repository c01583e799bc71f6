"""Looking again in time: S9."""

from __future__ import annotations

from collections.abc import Iterator

from feedsrv.lints.finding import Finding
from feedsrv.lints.publication import Publication
from feedsrv.model.mitigation import Mitigation, Status


def is_looked_at_again(publication: Publication) -> Iterator[Finding]:
    """S9: `ReviewBy` lies ahead, not too far, and before the signing key's certificate ends.

    A mitigation is temporary, and looking again means a new revision under the key of that day: so no
    active one outlives its certificate, and no feed its own. Only what is new is asked. A standing one
    whose day has passed needs a reminder, and must not hold up an emergency.
    """
    for draft in publication.candidates:
        if draft.mitigation.status is Status.ACTIVE:
            yield from _review_date(publication, draft.mitigation)
    for new, _, _ in publication.feeds:
        name = f"feed {new.product}/{new.channel}"
        if new.expires <= publication.at:
            yield Finding(
                "S9",
                name,
                f"version {new.version} would have expired on {new.expires:%Y-%m-%d}, before it is published",
                "let it expire later; is this machine's clock right?",
            )
        if publication.feed_key_ends is not None and new.expires > publication.feed_key_ends:
            yield Finding(
                "S9",
                name,
                f"version {new.version} would expire on {new.expires:%Y-%m-%d %H:%M} UTC, after the feed "
                f"signer's certificate ends on {publication.feed_key_ends:%Y-%m-%d %H:%M} UTC",
                "renew the feed signer's certificate, or let feeds expire sooner",
            )


def _review_date(publication: Publication, mitigation: Mitigation) -> Iterator[Finding]:
    today = publication.at.date()
    if mitigation.review_by <= today:
        yield Finding(
            "S9",
            str(mitigation),
            f"ReviewBy {mitigation.review_by} does not lie ahead of {today}",
            "choose the day on which a person looks again",
        )
    latest = (publication.at + publication.max_review).date()
    if mitigation.review_by > latest:
        yield Finding(
            "S9",
            str(mitigation),
            f"ReviewBy {mitigation.review_by} lies more than {publication.max_review.days} days ahead",
            f"choose {latest} or earlier: a mitigation is temporary",
        )
    ends = publication.mitigation_key_ends
    if ends is not None and mitigation.review_by >= ends.date():
        yield Finding(
            "S9",
            str(mitigation),
            f"ReviewBy {mitigation.review_by} is not before {ends.date()}, when the mitigation signer's "
            "certificate ends",
            "choose an earlier day, or renew the mitigation signer's certificate",
        )
