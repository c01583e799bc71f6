"""Break-glass: one person alone approves in an emergency, and somebody else countersigns in time.

Whoever does it names the incident, and the revision is to be looked at again soon (`ReviewBy`). Everybody
is told, until it is settled. Where nobody countersigns, the keeper withdraws it: a revision of its own,
which it alone may approve. Neither an open draft nor another break-glass puts that off.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from feedsrv.clock import to_text
from feedsrv.model.catalogue import CumulativeUpdate, UpdateStage
from feedsrv.model.lifecycle import Stage, move
from feedsrv.model.mitigation import Draft, Status, review_span
from feedsrv.publishing.acting import BREAK_GLASS, Acting, checked_incident, checked_reason, refuse_if_changed
from feedsrv.publishing.drafting import (
    begin_revision,
    is_on_its_way,
    refuse_if_on_its_way,
    refuse_other_digest,
    renumbered,
    submit_revision,
)
from feedsrv.publishing.hands import effect_of, is_alone, refuse_own, was_seen_by_two
from feedsrv.publishing.notice_records import Notice
from feedsrv.publishing.notices.telling import settle
from feedsrv.publishing.people import KEEPER
from feedsrv.publishing.ports import Work
from feedsrv.publishing.reading import draft_of, find_revision, open_of
from feedsrv.publishing.records import BreakGlass, Revision
from feedsrv.publishing.refusals import (
    AloneAgainError,
    LongReviewError,
    NothingToCountersignError,
)
from feedsrv.publishing.superseding import waits_for

log: Final = logging.getLogger(__name__)

TAKEN_BACK: Final = "mitigation.withdrawn-unsigned"
"""The notice of what the keeper did."""
UNSIGNED: Final = "withdraw-unsigned"
"""Verb of the keeper's act, in the audit log."""


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
                f"countersign it until {until:%Y-%m-%d %H:%M} UTC, or it is withdrawn"
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
            begun = _keepers(work, found)
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

    def withdraw_due(self, *, by: str = KEEPER) -> tuple[Revision, ...]:
        """Withdraw what one person approved alone and nobody countersigned in time.

        What was published is taken back by a revision that is approved at once, and given again by each
        call until it is published; what was not published yet is a draft again. A draft that lies on
        top steps aside: its words are kept as a discarded revision with the number after it.
        """
        actor = self._actor(by, "unsigned.withdraw")
        with self._store.look() as work:
            if not (due(work, self._now()) or _alarms_over(work)):
                return ()
        done = []
        # Of two revisions of one mitigation the older comes first: what follows it steps aside for it.
        with self._store.begin() as work:
            for alarm in _alarms_over(work):
                settle(work, self._now(), kind=alarm.kind, subject=alarm.subject)
            overdue = {one.id: one for one in reversed(due(work, self._now()))}
            for found in (overdue[one] for one in sorted(overdue)):
                above = open_of(work, found.id)
                begun = _keepers(work, found)
                if begun is not None:
                    done.append(begun)
                elif above is not None and is_on_its_way(work, above):
                    log.warning("mitigation.withdrawal_waits", extra=_fields(found, actor))
                elif found.stage is Stage.APPROVED:
                    done.append(self._void(work, found, actor))
                else:
                    done.append(self._take_back(work, found, above, actor))
        for one in done:
            log.warning("mitigation.withdrawn_unsigned", extra=_fields(one, actor))
        return tuple(done)

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

    def _void(self, work: Work, found: Revision, actor: str) -> Revision:
        voided = replace(found, stage=Stage.DRAFT, approved_by=None, approved_digest=None, break_glass=None)
        work.revisions.save(voided)
        self._log(work, actor, UNSIGNED, voided, digest=voided.digest)
        self._end_alarm(work, found)
        sentence = f"{voided} is a draft again: nobody countersigned it in time, and it was not published yet"
        self._tell(work, actor, TAKEN_BACK, voided, sentence)
        return voided

    def _take_back(self, work: Work, found: Revision, above: Revision | None, actor: str) -> Revision:
        detail = {"takes back": str(found)}
        if above is not None:
            aside = replace(renumbered(above, above.number + 1), stage=Stage.DISCARDED)
            work.revisions.save(aside)
            detail |= {"set aside": above.digest, "as": str(aside)}
        begun = begin_revision(
            self._words_instead(work, found), source="withdrawal", source_digest="", by=actor
        )
        withdrawn = replace(
            submit_revision(begun, by=actor),
            stage=Stage.APPROVED,
            approved_by=actor,
            approved_digest=begun.digest,
        )
        work.revisions.save(withdrawn)
        self._log(work, actor, UNSIGNED, withdrawn, digest=withdrawn.digest, **detail)
        sentence = f"{withdrawn} goes out by itself: {withdrawn.mitigation.change}"
        self._tell(work, actor, TAKEN_BACK, withdrawn, sentence)
        return withdrawn

    def _words_instead(self, work: Work, found: Revision) -> Draft:
        """What two people stood for before stands again, where the rules allow it; else nothing does.

        So that an hour of one person alone takes away no protection that two had agreed on.
        """
        now = self._now()
        number = found.number + 1
        settled = [one for one in work.revisions.history(found.id) if was_seen_by_two(one)]
        before = settled[-1] if settled else None
        if before is not None and before.mitigation.channel == found.mitigation.channel:
            span = min(review_span(before.mitigation), self._max_review)
            again = replace(
                before.mitigation,
                revision=number,
                issued=now,
                review_by=now.date() + span,
                change=f"As in revision {before.number} again: nobody countersigned revision {found.number}.",
            )
            draft = replace(draft_of(before), mitigation=again)
            is_held = waits_for(again, found.mitigation, _unreleased(work))
            if not (is_held or self._lint(work, (draft,))):
                return draft
        words = replace(
            found.mitigation,
            revision=number,
            issued=now,
            review_by=now.date() + min(review_span(found.mitigation), self._max_review),
            status=Status.WITHDRAWN,
            change=f"Withdrawn by itself: nobody countersigned revision {found.number}.",
        )
        return replace(draft_of(found), mitigation=words)


def due(work: Work, at: datetime) -> tuple[Revision, ...]:
    """What one person approved alone, nobody countersigned in time, and still stands or could go out.

    A withdrawal is none of them: nothing of it runs anywhere. Nor is what two people have an approved
    revision ready for, which takes its place.
    """
    return tuple(_due(work, at))


def _due(work: Work, at: datetime) -> Iterator[Revision]:
    for one in in_force(work):
        glass = one.break_glass
        assert glass is not None, "that is what they are"
        above = open_of(work, one.id)
        is_answered = (
            one.stage is Stage.PUBLISHED
            and above is not None
            and above.stage is Stage.APPROVED
            and above.approved_by != KEEPER
            and not is_alone(above)
        )
        if glass.until <= at and one.mitigation.status is Status.ACTIVE and not is_answered:
            yield one


def in_force(work: Work) -> tuple[Revision, ...]:
    """Every break-glass that nobody countersigned, and that still matters: it stands, or is to go out."""
    return tuple(one for one in work.revisions.emergencies() if one.is_open or _stands(work, one))


def _stands(work: Work, revision: Revision) -> bool:
    newest = work.revisions.published(revision.id)
    return newest is not None and newest.number == revision.number


def _unreleased(work: Work) -> list[CumulativeUpdate]:
    return [one.update for one in work.updates.all() if one.update.stage is UpdateStage.REGISTERED]


def _alarms_over(work: Work) -> tuple[Notice, ...]:
    """Alarms about what is no longer in force: replaced, withdrawn or discarded since."""
    subjects = {str(one) for one in in_force(work)}
    return tuple(
        one for one in work.notices.alarms() if one.kind == BREAK_GLASS and one.subject not in subjects
    )


def _waiting(work: Work, mitigation_id: str, digest: str) -> Revision | None:
    """What of a mitigation waits for a second person, or None; of two, the one that is named."""
    waiting = [one for one in in_force(work) if one.id == mitigation_id]
    named = [one for one in waiting if one.digest == digest]
    return next(iter(named or waiting), None)


def _keepers(work: Work, found: Revision) -> Revision | None:
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
            f"{before} withdrew what one person had published alone, since nobody countersigned it: {found} "
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
