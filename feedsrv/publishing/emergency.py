"""Break-glass: one person alone approves in an emergency, and somebody else countersigns in time.

Whoever does it names the incident, and the revision is to be looked at again soon (`ReviewBy`). Everybody
is told, until it is settled. Where nobody countersigns, it is taken back by itself (`taking_back`); another
break-glass does not put that off.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from feedsrv.clock import to_text
from feedsrv.model.lifecycle import Stage, move
from feedsrv.model.mitigation import Status
from feedsrv.publishing.acting import BREAK_GLASS, Acting, checked_incident, checked_reason, refuse_if_changed
from feedsrv.publishing.drafting import refuse_if_on_its_way, refuse_other_digest
from feedsrv.publishing.hands import effect_of, refuse_own
from feedsrv.publishing.people import KEEPER
from feedsrv.publishing.ports import Work
from feedsrv.publishing.reading import find_revision, open_of
from feedsrv.publishing.records import BreakGlass, Revision
from feedsrv.publishing.refusals import AloneAgainError, LongReviewError, NothingToCountersignError

log: Final = logging.getLogger(__name__)


class EmergencyWork(Acting):
    """The verbs of an emergency."""

    def break_glass(  # noqa: PLR0913 -- who, what, why, and what they saw
        self,
        mitigation_id: str,
        *,
        by: str,
        digest: str,
        incident: str,
        reason: str,
        seen: str | None = None,
    ) -> Revision:
        """Approve alone, even what one wrote, since waiting would do more harm.

        Somebody else must countersign within a set time, or it is withdrawn by itself. A second time on the
        same mitigation wins no more time.

        Raises:
            UnknownMitigationError: there is no such mitigation.
            ChangedSinceError: it is not what was seen.
            WrongStageError: it is neither a draft nor in review.
            ChangedContentError: it holds other words than those that are named.
            BadChangeError: incident or reason are missing.
            LongReviewError: it would run for too long before a person looks again.
            AloneAgainError: nobody countersigned the same work before.
        """
        actor = self._actor(by, "break-glass")
        about, why = checked_incident(incident), checked_reason(reason)
        with self._store.begin() as work:
            found = find_revision(work, mitigation_id)
            refuse_if_changed(found, seen)

            step = move(found.stage, "break-glass")
            refuse_if_on_its_way(work, found)
            refuse_other_digest(found, digest)
            self._refuse_long_review(found)
            now = self._now()
            until = min((now + self._break_glass_span, *_ends_of(work, found, now)))

            approved = replace(
                found,
                stage=step.to,
                approved_by=actor,
                approved_digest=digest,
                returned=None,
                break_glass=BreakGlass(by=actor, at=now, incident=about, reason=why, until=until),
            )
            work.revisions.save(approved)
            detail = {"digest": digest, "incident": about, "reason": why, "until": to_text(until)}
            self._log(work, actor, "break-glass", approved, **detail)
            sentence = (
                f"{actor} alone approved {approved} for {about}: {why.rstrip('.')}. Somebody else must "
                f"countersign it by {until:%Y-%m-%d %H:%M} UTC, or it is taken back"
            )
            self._tell(work, actor, BREAK_GLASS, approved, sentence)
        log.warning("mitigation.broke_glass", extra=_fields(approved, actor))
        return approved

    def countersign(self, mitigation_id: str, *, by: str, digest: str, seen: str | None = None) -> Revision:
        """Stand, as a second person, for what one person approved alone; the alarm ends.

        What the keeper had begun to withdraw it is given up, unless that is on its way.

        Raises:
            UnknownMitigationError: there is no such mitigation.
            NothingToCountersignError: nothing of it waits for this.
            ChangedSinceError: it is not what was seen.
            ChangedContentError: it holds other words than those that are named.
            SamePersonError: `by` broke the glass, or wrote, edited or submitted it.
            InWorkError: it is being withdrawn at this moment.
        """
        actor = self._actor(by, "countersign")
        with self._store.begin() as work:
            found = _waiting(work, mitigation_id, digest) or find_revision(work, mitigation_id)
            refuse_if_changed(found, seen)

            step = move(found.stage, "countersign")
            glass = found.break_glass
            if glass is None or glass.countersigned_by is not None:
                raise NothingToCountersignError(
                    f"nobody approved {found} alone, or somebody has countersigned it: nothing waits for this"
                )
            refuse_other_digest(found, digest)
            refuse_own(work, actor, found, "countersign")
            begun = keepers_withdrawal(work, found)
            if begun is not None:
                refuse_if_on_its_way(work, begun)

            signed = replace(glass, countersigned_by=actor, countersigned_at=self._now())
            countersigned = replace(found, stage=step.to, break_glass=signed)
            work.revisions.save(countersigned)
            self._log(work, actor, "countersign", countersigned, digest=digest)
            self._end_alarm(work, countersigned)
            sentence = f"{actor} countersigned {countersigned}, which {glass.by} had approved alone"
            self._tell(work, actor, "mitigation.countersigned", countersigned, sentence)
            if begun is not None:
                work.revisions.save(replace(begun, stage=Stage.DISCARDED))
                self._log(work, actor, "discard", begun, digest=begun.digest)
        log.info("mitigation.countersigned", extra=_fields(countersigned, actor))
        return countersigned

    def list_emergencies(self) -> tuple[Revision, ...]:
        """What one person approved alone and nobody countersigned, as far as it still matters."""
        with self._store.look() as work:
            return in_force(work)

    def _refuse_long_review(self, found: Revision) -> None:
        """A withdrawal does not run, so nobody has to look at it again."""
        latest = self._now().date() + self._break_glass_review
        words = found.mitigation
        if words.status is not Status.WITHDRAWN and words.review_by > latest:
            raise LongReviewError(
                f"{found} may run until {words.review_by} before a person looks again; what one person "
                f"publishes alone may do so until {latest} at most: write ReviewWithin "
                f'days="{self._break_glass_review.days}", then try again'
            )


def in_force(work: Work) -> tuple[Revision, ...]:
    """Every break-glass that nobody countersigned, and that still matters: it stands, or is to go out."""
    return tuple(one for one in work.revisions.emergencies() if one.is_open or _stands(work, one))


def _stands(work: Work, revision: Revision) -> bool:
    newest = work.revisions.published(revision.id)
    return newest is not None and newest.number == revision.number


def _waiting(work: Work, mitigation_id: str, digest: str) -> Revision | None:
    """What of a mitigation waits for a second person, or None; of two, the one that is named."""
    waiting = [one for one in in_force(work) if one.id == mitigation_id]
    named = [one for one in waiting if one.digest == digest]
    return next(iter(named or waiting), None)


def keepers_withdrawal(work: Work, found: Revision) -> Revision | None:
    """The withdrawal of this very revision that the keeper has begun, if it has."""
    above = open_of(work, found.id)
    is_it = (
        above is not None
        and above.number == found.number + 1
        and above.stage is Stage.APPROVED
        and above.approved_by == KEEPER
    )
    return above if is_it else None


def _ends_of(work: Work, found: Revision, now: datetime) -> Iterator[datetime]:
    """When time runs out for what this revision follows on.

    Raises:
        AloneAgainError: it has run out, or the same work was published alone under another id.
    """
    before = work.revisions.published(found.id)
    if before is not None and before.approved_by == KEEPER:
        raise AloneAgainError(
            f"{before} took back what one person had published alone, since nobody countersigned it: {found} "
            "needs a second person, who approves it"
        )
    effect = effect_of(found.mitigation)
    for one in work.revisions.emergencies():
        if one.id != found.id and effect_of(one.mitigation) == effect:
            raise AloneAgainError(
                f"{one} does the same, was approved by one person alone, and nobody has countersigned it: "
                f"{found} needs a second person, who approves it"
            )
    for one in in_force(work):
        glass = one.break_glass
        assert glass is not None, "that is what they are"
        if one.id == found.id:
            if glass.until <= now:
                raise AloneAgainError(
                    f"nobody countersigned {one} in time, which {found} follows: a second person must "
                    "approve it, or countersign that"
                )
            yield glass.until


def _fields(revision: Revision, actor: str) -> dict[str, str]:
    return {"mitigation": revision.id, "revision": str(revision.number), "by": actor}
