"""Taking back what one person approved alone, where nobody countersigned it in time.

The keeper does it, by a revision of its own, which it alone approves. Neither an open draft nor another
break-glass puts that off; what two people decided does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from feedsrv.model.build import Build
from feedsrv.model.catalogue import CumulativeUpdate, UpdateStage
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import Draft, Mitigation, Status, review_span
from feedsrv.publishing.acting import BREAK_GLASS, KEEPERS_ACT, Acting
from feedsrv.publishing.drafting import begin_revision, is_on_its_way, renumbered, submit_revision
from feedsrv.publishing.emergency import in_force, keepers_withdrawal
from feedsrv.publishing.hands import is_alone, was_seen_by_two
from feedsrv.publishing.notice_records import Notice
from feedsrv.publishing.notices.telling import settle
from feedsrv.publishing.people import KEEPER
from feedsrv.publishing.ports import Work
from feedsrv.publishing.reading import catalogue_of, draft_of, open_of
from feedsrv.publishing.records import Revision
from feedsrv.publishing.superseding import obliges, superseding, waits_for

log: Final = logging.getLogger(__name__)

TAKEN_BACK: Final = "mitigation.withdrawn-unsigned"
"""The notice of what the keeper did."""
UNSIGNED: Final = "withdraw-unsigned"
"""Verb of the keeper's act, in the audit log."""


class TakingBack(Acting):
    """The verb that nobody speaks."""

    def withdraw_due(self, *, by: str = KEEPER) -> tuple[Revision, ...]:
        """Withdraw what one person approved alone and nobody countersigned in time.

        What was published is taken back by a revision that is approved at once, and given again by each
        call until it is published; what was not published yet is a draft again. A draft that lies on
        top steps aside: its words are kept as a discarded revision with the number after it.
        """
        actor = self._actor(by, KEEPERS_ACT)
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
                begun = keepers_withdrawal(work, found)
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

    def _void(self, work: Work, found: Revision, actor: str) -> Revision:
        voided = replace(found, stage=Stage.DRAFT, approved_by=None, approved_digest=None, break_glass=None)
        work.revisions.save(voided)
        self._log(work, actor, UNSIGNED, voided, digest=voided.digest)
        self._end_alarm(work, found)
        sentence = f"{voided} is a draft again: nobody countersigned it in time, and it was not published yet"
        self._tell(work, actor, TAKEN_BACK, voided, sentence)
        return voided

    def _take_back(self, work: Work, found: Revision, above: Revision | None, actor: str) -> Revision:
        detail, kept = {"takes back": str(found)}, ""
        if above is not None:
            aside = replace(renumbered(above, above.number + 1), stage=Stage.DISCARDED)
            work.revisions.save(aside)
            self._end_alarm(work, above)
            detail |= {"set aside": above.digest, "as": str(aside)}
            kept = f" What {above.author} had under way is kept as {aside}, discarded"
        words = self._words_instead(work, found)
        begun = begin_revision(words, source="withdrawal", source_digest="", by=KEEPER)
        # The keeper's, whoever has it look: no person approves what they have drawn up.
        withdrawn = replace(
            submit_revision(begun, by=KEEPER),
            stage=Stage.APPROVED,
            approved_by=KEEPER,
            approved_digest=begun.digest,
        )
        work.revisions.save(withdrawn)
        self._log(work, actor, UNSIGNED, withdrawn, digest=withdrawn.digest, **detail)
        sentence = f"{withdrawn} goes out by itself: {withdrawn.mitigation.change}{kept}"
        self._tell(work, actor, TAKEN_BACK, withdrawn, sentence)
        return withdrawn

    def _words_instead(self, work: Work, found: Revision) -> Draft:
        """What two people stood for before stands again, where the rules allow it; else nothing does.

        So that an hour of one person alone takes away no protection that two had agreed on.
        """
        settled = [one for one in work.revisions.history(found.id) if was_seen_by_two(one)]
        before = settled[-1] if settled else None
        if before is not None and before.mitigation.channel == found.mitigation.channel:
            again = self._again(work, before.mitigation, found.mitigation)
            draft = replace(draft_of(before), mitigation=again)
            is_held = waits_for(again, found.mitigation, _updates(work, UpdateStage.REGISTERED))
            if not (is_held or self._lint(work, (draft,))):
                return draft
        why = f"Withdrawn by itself: nobody countersigned revision {found.number}."
        words = self._renewed(found.mitigation, found.number + 1, why)
        return replace(draft_of(found), mitigation=replace(words, status=Status.WITHDRAWN))

    def _again(self, work: Work, before: Mitigation, found: Mitigation) -> Mitigation:
        """The words of before, ended where an update that is out by now holds the fix."""
        why = f"As in revision {before.revision} again: nobody countersigned revision {found.revision}."
        words = self._renewed(before, found.revision + 1, why)
        released = _updates(work, UpdateStage.RELEASED)
        for update in released:
            if obliges(update, words, released):
                product = catalogue_of(work).product(update.product)
                words = superseding(words, update, product, revision=words.revision, issued=words.issued)
        # Rule S7: whoever starts something again where it had ended names where that was.
        if ends := sorted(_ends(found) - _ends(words)):
            taken = f"That one took {', '.join(map(str, ends))} for the fix."
            words = replace(words, change=f"{words.change} {taken}")
        return words

    def _renewed(self, words: Mitigation, number: int, change: str) -> Mitigation:
        """For as long as they ran, as far as the rules and the signing key allow it."""
        now = self._now()
        last = now.date() + min(review_span(words), self._max_review)
        if self._key_ends is not None:
            last = min(last, self._key_ends.date() - timedelta(days=1))
        return replace(words, revision=number, issued=now, review_by=last, change=change)


def due(work: Work, at: datetime) -> tuple[Revision, ...]:
    """What one person approved alone, nobody countersigned in time, and still stands or could go out.

    A withdrawal that is out is none of them: nothing of it runs anywhere. Nor is what two people have an
    approved revision ready for, which takes its place.
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
        is_over = one.mitigation.status is Status.WITHDRAWN and one.stage is Stage.PUBLISHED
        if glass.until <= at and not (is_over or is_answered):
            yield one


def _alarms_over(work: Work) -> tuple[Notice, ...]:
    """Alarms about what is no longer in force: replaced, withdrawn or discarded since."""
    subjects = {str(one) for one in in_force(work)}
    return tuple(
        one for one in work.notices.alarms() if one.kind == BREAK_GLASS and one.subject not in subjects
    )


def _updates(work: Work, stage: UpdateStage) -> list[CumulativeUpdate]:
    return [one.update for one in work.updates.all() if one.update.stage is stage]


def _ends(words: Mitigation) -> set[Build]:
    return {found.fixed for _, found in words.ranges() if found.fixed is not None}


def _fields(revision: Revision, actor: str) -> dict[str, str]:
    return {"mitigation": revision.id, "revision": str(revision.number), "by": actor}
