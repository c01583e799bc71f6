"""Beginning the next revision of what was published: other words for it, or its withdrawal."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from feedsrv.model.lifecycle import Stage, WrongStageError, move, stage_now
from feedsrv.model.mitigation import Status, review_span
from feedsrv.publishing.acting import Acting, checked_reason, refuse_if_changed
from feedsrv.publishing.drafting import begin_revision, submit_revision
from feedsrv.publishing.hands import hands_carried_over
from feedsrv.publishing.ports import Work
from feedsrv.publishing.reading import draft_of, find_revision
from feedsrv.publishing.records import Revision
from feedsrv.publishing.refusals import InWorkError

log: Final = logging.getLogger(__name__)


class NextRevisions(Acting):
    """The verbs that begin a revision; what is published stays as it is."""

    def withdraw(self, mitigation_id: str, *, by: str, reason: str, seen: str | None = None) -> Revision:
        """Draft the revision that takes a mitigation back everywhere, and hand it to a reviewer.

        Raises:
            UnknownMitigationError: there is no such mitigation.
            ChangedSinceError: it is not what was seen.
            WrongStageError: nothing of it was published yet, or it is withdrawn already.
            InWorkError: a newer revision is unfinished.
        """
        actor = self._actor(by, "withdraw")
        change = checked_reason(reason)
        with self._store.begin() as work:
            found = self._standing(work, mitigation_id, "withdraw", seen)

            begun = self._begin(found, by=actor, change=change, status=Status.WITHDRAWN, source="withdrawal")
            withdrawn = submit_revision(begun, by=actor)
            work.revisions.save(withdrawn)
            self._log(work, actor, "withdraw", withdrawn, digest=withdrawn.digest, reason=change)
            sentence = f"{actor} asks that {found.id} be withdrawn everywhere: {change}"
            self._tell(work, actor, "mitigation.withdrawing", withdrawn, sentence)
        log.info("mitigation.withdrawing", extra=_fields(withdrawn, actor))
        return withdrawn

    def revise(self, mitigation_id: str, *, by: str, change: str, seen: str | None = None) -> Revision:
        """Begin the next revision with the words that stand: to write on, or to have it signed anew.

        It is issued now, and a person looks again as late as before. What was withdrawn is active in it.
        Words that one person alone stands for stay theirs: somebody else must approve them.

        Raises:
            UnknownMitigationError: there is no such mitigation.
            ChangedSinceError: it is not what was seen.
            WrongStageError: nothing of it was published yet.
            InWorkError: a newer revision is unfinished.
        """
        actor = self._actor(by, "revise")
        why = checked_reason(change, "change")
        with self._store.begin() as work:
            found = self._standing(work, mitigation_id, "revise", seen)

            begun = self._begin(found, by=actor, change=why, status=Status.ACTIVE, source=str(found))
            drafted = replace(begun, hands=begun.hands | hands_carried_over(found))
            work.revisions.save(drafted)
            self._log(work, actor, "revise", drafted, digest=drafted.digest, change=why)
        log.info("mitigation.revised", extra=_fields(drafted, actor))
        return drafted

    def _standing(self, work: Work, mitigation_id: str, verb: str, seen: str | None) -> Revision:
        """What stands of a mitigation, with nothing unfinished on top of it."""
        found = find_revision(work, mitigation_id)
        refuse_if_changed(found, seen)
        if found.is_open:
            if work.revisions.published(found.id) is None:
                raise WrongStageError(found.stage, verb)
            way = (
                "publish or discard it"
                if found.stage is Stage.DRAFT
                else "publish it, or return and discard it"
            )
            raise InWorkError(f"{found} is unfinished ({found.stage}): {way}, then {verb} {found.id}")
        is_withdrawn = found.mitigation.status is Status.WITHDRAWN
        stage = stage_now(
            found.stage, is_newest_published=True, is_withdrawn=is_withdrawn, is_superseded=False
        )
        move(stage, verb)
        return found

    def _begin(self, found: Revision, *, by: str, change: str, status: Status, source: str) -> Revision:
        now = self._now()
        words = replace(
            found.mitigation,
            revision=found.number + 1,
            issued=now,
            review_by=now.date() + review_span(found.mitigation),
            status=status,
            change=change,
        )
        draft = replace(draft_of(found), mitigation=words)
        return begin_revision(draft, source=source, source_digest="", by=by)


def _fields(revision: Revision, actor: str) -> dict[str, str]:
    return {"mitigation": revision.id, "revision": str(revision.number), "by": actor}
