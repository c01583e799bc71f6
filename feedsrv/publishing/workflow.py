"""The workflow: one method per verb, each in four beats (find, check, change, record).

The verbs on mitigations are here; those on the catalogue and its updates are in `updates`, and
what people may ask in `reading`. `Workflow` is all three. Publishing itself is `cycle`.
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
from feedsrv.model.lifecycle import Stage, WrongStageError, move
from feedsrv.model.mitigation import PRODUCTION, Draft, Status, review_span
from feedsrv.publishing.audit import record
from feedsrv.publishing.drafting import begin_revision, edit_revision, refuse_if_on_its_way, submit_revision
from feedsrv.publishing.people import checked_name, is_among
from feedsrv.publishing.ports import Work
from feedsrv.publishing.reading import catalogue_of, draft_of, find_revision, newest_of, open_of
from feedsrv.publishing.records import Revision
from feedsrv.publishing.refusals import (
    BadChangeError,
    ChangedContentError,
    InWorkError,
    LintRefusedError,
    NoCatalogueError,
    SamePersonError,
)
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


class Workflow(UpdateWork):
    """Carries a mitigation from its author to the day it can be published, and back again."""

    def import_mitigation(self, data: bytes, *, source: str, by: str) -> Imported:
        """Take over a mitigation from a file: as revision 1, the next revision, or an edit of the open one.

        Raises:
            BadInputError: the file is not of its grammar, contradicts itself, or names a product or build
                that the catalogue does not know.
            NoCatalogueError: there is no catalogue yet.
            BadChangeError: it would leave its channel.
            InWorkError: a publication of the open revision was begun.
        """
        actor = checked_name(by)
        now = self._now()
        first = read_draft(data, revision=1, issued=now, source=source)
        with self._store.begin() as work:
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
            self._record(work, actor, "import", revision, source=source, digest=revision.digest)
        log.info("mitigation.imported", extra=_fields(revision, actor) | {"outcome": outcome.value})
        return Imported(revision, outcome)

    def submit(self, mitigation_id: str, *, by: str) -> Revision:
        """Hand a draft to a reviewer.

        Raises:
            UnknownMitigationError: there is no such mitigation.
            WrongStageError: it is no draft.
        """
        actor = checked_name(by)
        with self._store.begin() as work:
            found = find_revision(work, mitigation_id)

            submitted = submit_revision(found, by=actor)

            work.revisions.save(submitted)
            self._record(work, actor, "submit", submitted, digest=submitted.digest)
        log.info("mitigation.submitted", extra=_fields(submitted, actor))
        return submitted

    def approve(self, mitigation_id: str, *, by: str, digest: str) -> Revision:
        """Approve the very words that have this digest; they are signed as they are.

        Raises:
            UnknownMitigationError: there is no such mitigation.
            WrongStageError: it is not in review.
            ChangedContentError: it holds other words than those the approval names.
            SamePersonError: `by` wrote, edited or submitted it.
        """
        actor = checked_name(by)
        with self._store.begin() as work:
            found = find_revision(work, mitigation_id)

            step = move(found.stage, "approve")
            if digest != found.digest:
                raise ChangedContentError(
                    f"the approval names {digest[:60]}, but {found} now has {found.digest}: look at it again "
                    f"with `feedsrv mitigation diff {found.id}`, then approve what you saw"
                )
            if is_among(actor, found.hands):
                raise SamePersonError(
                    f"{actor} wrote, edited or submitted {found}, so somebody else must approve it"
                )

            approved = replace(found, stage=step.to, approved_by=actor, approved_digest=digest)
            work.revisions.save(approved)
            self._record(work, actor, "approve", approved, digest=digest)
        log.info("mitigation.approved", extra=_fields(approved, actor))
        return approved

    def return_(self, mitigation_id: str, *, by: str, reason: str) -> Revision:
        """Hand a revision back to its authors, with a reason; an approval is void.

        Raises:
            UnknownMitigationError: there is no such mitigation.
            WrongStageError: it is neither in review nor approved.
            InWorkError: a publication of it was begun.
        """
        actor = checked_name(by)
        with self._store.begin() as work:
            found = find_revision(work, mitigation_id)

            step = move(found.stage, "return")
            refuse_if_on_its_way(work, found)

            returned = replace(found, stage=step.to, approved_by=None, approved_digest=None)
            work.revisions.save(returned)
            self._record(work, actor, "return", returned, reason=_sentence(reason))
        log.info("mitigation.returned", extra=_fields(returned, actor))
        return returned

    def discard(self, mitigation_id: str, *, by: str) -> Revision:
        """Give up a draft; what is published stays as it is, and the number is free for the next draft.

        Raises:
            UnknownMitigationError: there is no such mitigation.
            WrongStageError: it is no draft.
            InWorkError: a publication of it was begun.
        """
        actor = checked_name(by)
        with self._store.begin() as work:
            found = find_revision(work, mitigation_id)

            step = move(found.stage, "discard")
            refuse_if_on_its_way(work, found)

            discarded = replace(found, stage=step.to)
            work.revisions.save(discarded)
            self._record(work, actor, "discard", discarded, digest=discarded.digest)
        log.info("mitigation.discarded", extra=_fields(discarded, actor))
        return discarded

    def withdraw(self, mitigation_id: str, *, by: str, reason: str) -> Revision:
        """Draft the revision that takes a mitigation back everywhere, and hand it to a reviewer.

        Raises:
            UnknownMitigationError: there is no such mitigation.
            WrongStageError: nothing of it was published yet.
            BadChangeError: it is withdrawn already.
            InWorkError: a newer revision is unfinished.
        """
        actor = checked_name(by)
        with self._store.begin() as work:
            found = find_revision(work, mitigation_id)
            if found.is_open:
                if work.revisions.published(found.id) is None:
                    raise WrongStageError(found.stage, "withdraw")
                raise InWorkError(
                    f"{found} is unfinished ({found.stage}): publish or discard it, then withdraw {found.id}"
                )
            if found.mitigation.status is Status.WITHDRAWN:
                raise BadChangeError(f"{found} says already that {found.id} is withdrawn")

            now = self._now()
            words = replace(
                found.mitigation,
                revision=found.number + 1,
                issued=now,
                review_by=now.date() + review_span(found.mitigation),
                status=Status.WITHDRAWN,
                change=_sentence(reason),
            )
            draft = replace(draft_of(found), mitigation=words)
            begun = begin_revision(draft, source="withdrawal", source_digest="", by=actor)
            withdrawn = submit_revision(begun, by=actor)
            work.revisions.save(withdrawn)
            self._record(
                work, actor, "withdraw", withdrawn, digest=withdrawn.digest, reason=_sentence(reason)
            )
        log.info("mitigation.withdrawing", extra=_fields(withdrawn, actor))
        return withdrawn

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

    def _record(self, work: Work, actor: str, verb: str, revision: Revision, **detail: str) -> None:
        record(work.audit, self._now(), actor=actor, verb=verb, subject=str(revision), detail=detail)


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


def _sentence(text: str) -> str:
    trimmed = " ".join(text.split())
    if not (trimmed and trimmed.isprintable()):
        raise BadChangeError("say why, in a plain sentence: it is published, or stands in the audit log")
    return trimmed


def _fields(revision: Revision, actor: str) -> dict[str, str]:
    return {"mitigation": revision.id, "revision": str(revision.number), "by": actor}
