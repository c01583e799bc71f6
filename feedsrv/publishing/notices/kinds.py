"""Everything that people are told of, as one table; webhooks choose from it by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from feedsrv.publishing.notice_records import Weight


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """One kind of notice."""

    summary: str
    """What happened, in a few words."""
    weight: Weight = Weight.PLAIN


_ALARM: Final = Weight.ALARM

GIVEN_UP: Final = "webhook.given-up"
"""Told once for an address, until it is reached again; not told to anybody's webhook."""
TEST: Final = "webhook.test"
"""Sent to the one address that is tried, whatever kinds it asked for."""

KINDS: Final[dict[str, NoticeKind]] = {
    "mitigation.submitted": NoticeKind("a revision waits for its review"),
    "mitigation.returned": NoticeKind("a revision was handed back to its authors"),
    "mitigation.approved": NoticeKind("a revision was approved"),
    "mitigation.discarded": NoticeKind("a revision was discarded"),
    "mitigation.withdrawing": NoticeKind("somebody asks that a mitigation be taken back"),
    "mitigation.published": NoticeKind("a revision was published"),
    "mitigation.withdrawn": NoticeKind("a mitigation was taken back everywhere"),
    "mitigation.break-glass": NoticeKind("one person approved alone; a second must countersign", _ALARM),
    "mitigation.countersigned": NoticeKind("a second person countersigned what one had approved alone"),
    "mitigation.withdrawn-unsigned": NoticeKind("nobody countersigned in time: it is being taken back"),
    "update.registered": NoticeKind("a cumulative update was registered"),
    "update.discarded": NoticeKind("a registered cumulative update was discarded"),
    "update.releasing": NoticeKind("the next publication releases a cumulative update"),
    "update.released": NoticeKind("a cumulative update was released"),
    "key.changed": NoticeKind("a key was made, used, retired or imported"),
    "key.revoked": NoticeKind("a key was revoked"),
    "trouble.begun": NoticeKind("something is wrong that the keeper watches", _ALARM),
    "trouble.ended": NoticeKind("something that was wrong is right again"),
    "person.added": NoticeKind("somebody new may sign in"),
    "person.roles": NoticeKind("somebody has other roles"),
    "person.password": NoticeKind("an administrator gave somebody a new password"),
    "person.linked": NoticeKind("an account of the identity provider was linked to a person"),
    "person.removed": NoticeKind("somebody may no longer sign in"),
    "person.restored": NoticeKind("somebody may sign in again"),
    "person.locked": NoticeKind("wrong passwords locked somebody's account for a while"),
    "token.made": NoticeKind("a token was made"),
    "token.revoked": NoticeKind("a token was revoked"),
    "webhook.added": NoticeKind("notices are sent to a further address"),
    "webhook.removed": NoticeKind("notices are no longer sent to an address"),
    GIVEN_UP: NoticeKind("notices did not reach an address, and are no longer sent there"),
    TEST: NoticeKind("somebody tries whether an address is reached"),
}

CHOICES: Final = tuple(kind for kind in KINDS if kind not in {GIVEN_UP, TEST})
"""What a webhook may ask for."""
