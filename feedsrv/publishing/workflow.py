"""The workflow: one method per verb, each in four beats (find, check, change, record).

The verbs from a file to an approved revision are here; those that follow on what is published in
`next_revisions`, those of an emergency in `emergency` and `taking_back`, those on the catalogue and its
updates in `updates`, and what people may ask in `reading`. `Workflow` is all of them. Publishing itself is
`cycle`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from feedsrv.codec.authoring import read_draft
from feedsrv.lints.publication import Publication
from feedsrv.lints.rules_ranges import begins_at_a_released_build
from feedsrv.model.feed import digest_of
from feedsrv.model.lifecycle import Stage, move
from feedsrv.model.mitigation import PRODUCTION, Draft
from feedsrv.publishing.acting import checked_reason, refuse_if_changed
from feedsrv.publishing.drafting import (
    begin_revision,
    edit_revision,
    refuse_if_on_its_way,
    refuse_other_digest,
    submit_revision,
)
from feedsrv.publishing.emergency import EmergencyWork
from feedsrv.publishing.hands import AUTHOR, is_news_of, refuse_own, work_of
from feedsrv.publishing.next_revisions import NextRevisions
from feedsrv.publishing.ports import Work
from feedsrv.publishing.reading import catalogue_of, draft_of, find_revision, newest_of, open_of
from feedsrv.publishing.records import Returned, Revision
from feedsrv.publishing.refusals import BadChangeError, LintRefusedError, NoCatalogueError
from feedsrv.publishing.taking_back import TakingBack
from feedsrv.publishing.updates import ImportedCatalogue, Registered, UpdateWork

__all__ = ["ImportOutcome", "Imported", "ImportedCatalogue", "Registered", "Workflow"]

log: Final = logging.getLogger(__name__)


class ImportOutcome(StrEnum):
    """What an import made of a mitigation."""

    CREATED = "created"
    """A new draft."""
    EDITED = "edited"
    """An open revision has new words, and needs its review again."""
    UNCHANGED = "unchanged"
    """These words are known here; nothing was done."""


@dataclass(frozen=True, slots=True)
class Imported:
    """The revision that holds what was imported, and what was done for that."""

    revision: Revision
    outcome: ImportOutcome


class Workflow(UpdateWork, NextRevisions, EmergencyWork, TakingBack):
    """Carries a mitigation from its author to the day it can be published, and back again."""

    def import_mitigation(self, data: bytes, *, source: str, by: str, seen: str | None = None) -> Imported:
        """Take over a mitigation from a file: as revision 1, the next revision, or an edit of the open one.

        `seen` is the tag of the newest revision, open or published, that its author started from.

        Raises:
            ChangedSinceError: that is not the newest any more, or not as it was.
            BadInputError: the file is not of its grammar, contradicts itself, or names a product or build
                that the catalogue does not know.
            NoCatalogueError: there is no catalogue yet.
            BadChangeError: it would leave its channel.
            InWorkError: a publication of the open revision was begun.
        """
        actor = self._actor(by, "mitigation.import")
        now = self._now()
        first = read_draft(data, revision=1, issued=now, source=source)
        with self._store.begin() as work:
            refuse_if_changed(newest_of(work, first.mitigation.id), seen)
            known = _known_words(work, data, first, source)
            if known is not None:
                return Imported(known, ImportOutcome.UNCHANGED)
            before = work.revisions.published(first.mitigation.id)
            opened = open_of(work, first.mitigation.id)

            number = before.number + 1 if before else 1
            draft = first if number == 1 else read_draft(data, revision=number, issued=now, source=source)
            self._refuse_bad_draft(work, draft, before, source)
            told = {"source": source, "source_digest": digest_of(data), "by": actor}
            if opened is None:
                revision, outcome = begin_revision(draft, **told), ImportOutcome.CREATED
            else:
                refuse_if_on_its_way(work, opened)
                revision, outcome = edit_revision(opened, draft, **told), ImportOutcome.EDITED

            work.revisions.save(revision)
            brought = work_of(revision.mitigation)
            if is_news_of(work, actor, brought):
                self._log(work, actor, AUTHOR, brought, first=str(revision))
            self._log(work, actor, "import", revision, source=source, digest=revision.digest)
            if opened is not None:
                self._end_alarm(work, opened)
        log.info("mitigation.imported", extra=_fields(revision, actor) | {"outcome": outcome.value})
        return Imported(revision, outcome)

    def submit(self, mitigation_id: str, *, by: str, seen: str | None = None) -> Revision:
        """Hand a draft to a reviewer.

        Raises:
            UnknownMitigationError: there is no such mitigation.
            ChangedSinceError: it is not what was seen.
            WrongStageError: it is no draft.
        """
        actor = self._actor(by, "submit")
        with self._store.begin() as work:
            found = find_revision(work, mitigation_id)
            refuse_if_changed(found, seen)

            submitted = submit_revision(found, by=actor)

            work.revisions.save(submitted)
            self._log(work, actor, "submit", submitted, digest=submitted.digest)
            sentence = f"{actor} asks for a review of {submitted}: {submitted.mitigation.title}"
            self._tell(work, actor, "mitigation.submitted", submitted, sentence)
        log.info("mitigation.submitted", extra=_fields(submitted, actor))
        return submitted

    def approve(self, mitigation_id: str, *, by: str, digest: str, seen: str | None = None) -> Revision:
        """Approve the very words that have this digest; they are signed as they are.

        Raises:
            UnknownMitigationError: there is no such mitigation.
            ChangedSinceError: it is not what was seen.
            WrongStageError: it is not in review.
            ChangedContentError: it holds other words than those the approval names.
            SamePersonError: `by` wrote, edited or submitted it, or brought the same work here first.
        """
        actor = self._actor(by, "approve")
        with self._store.begin() as work:
            found = find_revision(work, mitigation_id)
            refuse_if_changed(found, seen)

            step = move(found.stage, "approve")
            refuse_other_digest(found, digest)
            refuse_own(work, actor, found)

            approved = replace(found, stage=step.to, approved_by=actor, approved_digest=digest, returned=None)
            work.revisions.save(approved)
            self._log(work, actor, "approve", approved, digest=digest)
            sentence = f"{actor} approved {approved}: {approved.mitigation.title}"
            self._tell(work, actor, "mitigation.approved", approved, sentence)
        log.info("mitigation.approved", extra=_fields(approved, actor))
        return approved

    def return_(self, mitigation_id: str, *, by: str, reason: str, seen: str | None = None) -> Revision:
        """Hand a revision back to its authors, with a reason; an approval is void.

        Raises:
            UnknownMitigationError: there is no such mitigation.
            ChangedSinceError: it is not what was seen.
            WrongStageError: it is neither in review nor approved.
            InWorkError: a publication of it was begun.
        """
        actor = self._actor(by, "return")
        why = checked_reason(reason)
        with self._store.begin() as work:
            found = find_revision(work, mitigation_id)
            refuse_if_changed(found, seen)

            step = move(found.stage, "return")
            refuse_if_on_its_way(work, found)

            returned = replace(
                found,
                stage=step.to,
                approved_by=None,
                approved_digest=None,
                returned=Returned(by=actor, at=self._now(), reason=why),
                break_glass=None,
            )
            work.revisions.save(returned)
            self._log(work, actor, "return", returned, reason=why)
            self._end_alarm(work, found)
            self._tell(work, actor, "mitigation.returned", returned, f"{actor} returned {returned}: {why}")
        log.info("mitigation.returned", extra=_fields(returned, actor))
        return returned

    def discard(self, mitigation_id: str, *, by: str, seen: str | None = None) -> Revision:
        """Give up a draft; what is published stays as it is, and the number is free for the next draft.

        Raises:
            UnknownMitigationError: there is no such mitigation.
            ChangedSinceError: it is not what was seen.
            WrongStageError: it is no draft.
            InWorkError: a publication of it was begun.
        """
        actor = self._actor(by, "discard")
        with self._store.begin() as work:
            found = find_revision(work, mitigation_id)
            refuse_if_changed(found, seen)

            step = move(found.stage, "discard")
            refuse_if_on_its_way(work, found)

            discarded = replace(found, stage=step.to)
            work.revisions.save(discarded)
            self._log(work, actor, "discard", discarded, digest=discarded.digest)
            self._tell(work, actor, "mitigation.discarded", discarded, f"{actor} discarded {discarded}")
        log.info("mitigation.discarded", extra=_fields(discarded, actor))
        return discarded

    def _refuse_bad_draft(self, work: Work, draft: Draft, before: Revision | None, source: str) -> None:
        """What no later step could mend is said while the file is at hand."""
        catalogue = catalogue_of(work)
        if not catalogue.products:
            raise NoCatalogueError
        findings = begins_at_a_released_build(Publication(catalogue, (draft,), (), self._now()))
        if listed := tuple(findings):
            raise LintRefusedError(f"{source}: nothing was imported", listed)
        channel = draft.mitigation.channel
        if before is not None and channel not in {PRODUCTION, before.mitigation.channel}:
            raise BadChangeError(
                f"{source}: {draft.mitigation.id} is published in channel {before.mitigation.channel} and "
                f"can only move to production, not to {channel}: withdraw it and write a new one"
            )


def _known_words(work: Work, data: bytes, first: Draft, source: str) -> Revision | None:
    """The revision that holds these words already, or None."""
    digest = digest_of(data)
    history = work.revisions.history(first.mitigation.id)
    same_file = [one for one in history if one.stage is not Stage.DISCARDED and one.source_digest == digest]
    if same_file:
        return same_file[-1]
    newest = newest_of(work, first.mitigation.id)
    if newest is None or (newest.number > 1 and first.mitigation.change is None):
        return None
    # With the moments of the one at hand, only a change of words makes a difference.
    again = read_draft(data, revision=newest.number, issued=newest.mitigation.issued, source=source)
    return newest if again == draft_of(newest) else None


def _fields(revision: Revision, actor: str) -> dict[str, str]:
    return {"mitigation": revision.id, "revision": str(revision.number), "by": actor}
