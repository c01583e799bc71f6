"""What feeds announce at a moment, and taking it over from a feed that is further on than the database.

Announcing and its rules are in `announcing`.
"""

from __future__ import annotations

from datetime import datetime

from cryptography import x509

from feedsrv.model.feed import Announcement, Feed
from feedsrv.publishing.ports import Work
from feedsrv.publishing.trust_records import AnnouncedCertificate
from feedsrv.trust.profile import role_of


def announced_at(work: Work, at: datetime) -> tuple[Announcement, ...]:
    """What every feed made at that moment carries; a certificate that has ended is not news any more."""
    return tuple(_said(one) for one in work.announcements.all() if _ends(one) > at)


def take_over(work: Work, feed: Feed) -> dict[str, str]:
    """Announce what that feed announces, and nothing older that it does not; says what was changed.

    What was announced here after the feed was issued stays: the feed cannot know of it.
    """
    known = {one.fingerprint: one for one in work.announcements.all()}
    told: dict[str, str] = {}
    for one in feed.announced:
        before = known.pop(one.sha256, None)
        if before is None or (before.at <= feed.issued and _said(before) != one):
            work.announcements.save(
                AnnouncedCertificate(
                    one.sha256,
                    role_of(one.role),
                    one.certificate,
                    one.begins,
                    one.vouchers,
                    by="unknown",
                    at=feed.issued,
                )
            )
            told[f"announced {one.role} {one.sha256}"] = "taken over"
    for ours in known.values():
        # One that has ended was left out of the feed for that alone.
        if ours.at <= feed.issued < _ends(ours):
            work.announcements.remove(ours.fingerprint)
            told[f"announced {ours.role.slug} {ours.fingerprint}"] = "announced no longer"
    return told


def _said(one: AnnouncedCertificate) -> Announcement:
    return Announcement(one.role.slug, one.certificate, one.begins, one.vouchers)


def _ends(one: AnnouncedCertificate) -> datetime:
    return x509.load_der_x509_certificate(one.certificate).not_valid_after_utc
