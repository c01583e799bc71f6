"""Step 10 of publishing: what was done is kept, written into the audit log, and told to people.

All of it in one unit of work: none of the three is ever there without the others.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from feedsrv.model.catalogue import UpdateStage
from feedsrv.model.lifecycle import move
from feedsrv.model.mitigation import Status
from feedsrv.publishing.audit import record
from feedsrv.publishing.generations import remember_published
from feedsrv.publishing.notices.telling import tell
from feedsrv.publishing.ports import Work
from feedsrv.publishing.proving import Made
from feedsrv.publishing.records import Intent, IntentState
from feedsrv.publishing.rehearsing import Rehearsal
from feedsrv.trust.policy import TrustPolicy


def keep_outcome(  # noqa: PLR0913 -- what was done, by whom, and what it was held to
    work: Work,
    made: Made,
    intent: Intent,
    *,
    by: str,
    policy: TrustPolicy,
    rehearsal: Rehearsal,
    via: str = "",
) -> None:
    """Keep what was published, write it into the audit log, and tell people."""
    at = intent.begun
    for one in made.revisions:
        stage = move(one.revision.stage, "publish").to
        # Words on their way cannot change, but somebody may have countersigned them meanwhile.
        kept = work.revisions.get(one.revision.id, one.revision.number) or one.revision
        work.revisions.save(replace(kept, stage=stage, shelved=True, published=one.published))
    for update in made.updates:
        released = replace(update.update, stage=UpdateStage.RELEASED)
        work.updates.save(replace(update, update=released, releasing_by=None))
    for feed in made.feeds:
        work.feeds.move(feed.head, at=at)
    work.intents.save(replace(intent, state=IntentState.DONE))
    remember_published(work, policy, at=at)
    record(
        work.audit,
        at,
        actor=by,
        verb="publish",
        subject=f"publication {intent.number}",
        detail={
            **{str(one.revision): one.published.digest for one in made.revisions},
            **{f"{one.head.name} {one.head.feed.version}": one.head.digest for one in made.feeds},
            **{f"{one.update.product} {one.update.build}": "released" for one in made.updates},
            **rehearsal.detail,
            **({"via": via} if via else {}),
        },
    )
    _tell_people(work, made, by=by, at=at)


def _tell_people(work: Work, made: Made, *, by: str, at: datetime) -> None:
    """What has changed for administrators; a feed that was only signed anew is no news."""
    for one in made.revisions:
        words = one.revision.mitigation
        withdrawn = words.status is Status.WITHDRAWN
        became = "withdrawn everywhere" if withdrawn else "published"
        tell(
            work,
            at,
            kind="mitigation.withdrawn" if withdrawn else "mitigation.published",
            subject=str(one.revision),
            by=by,
            sentence=f"{one.revision} is {became}: {words.title}",
        )
    for update in made.updates:
        named = f"{update.update.product} {update.update.build}"
        tell(
            work,
            at,
            kind="update.released",
            subject=named,
            by=by,
            sentence=f"{update.update.name} ({named}) is released",
        )
