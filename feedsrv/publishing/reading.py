"""Everything that people may ask of the workflow; nothing here changes anything."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256

from feedsrv import clock
from feedsrv.clock import Clock
from feedsrv.codec.authoring import read_draft
from feedsrv.lints.finding import Finding
from feedsrv.lints.publication import Publication
from feedsrv.lints.run import lint
from feedsrv.model.catalogue import Catalogue, CumulativeUpdate
from feedsrv.model.lifecycle import Role, Stage
from feedsrv.model.mitigation import Draft, Severity
from feedsrv.publishing.affecting import builds_of, effects
from feedsrv.publishing.audit import Chain, verify_chain
from feedsrv.publishing.comparing import Difference, compare
from feedsrv.publishing.permits import May, anybody
from feedsrv.publishing.ports import Store, Work
from feedsrv.publishing.records import AuditEntry, Head, Revision, Update, Version
from feedsrv.publishing.refusals import NoCatalogueError, UnknownFeedError, UnknownMitigationError
from feedsrv.publishing.summaries import (
    MOST_LISTED,
    Asked,
    AuditPage,
    BuildLine,
    Judged,
    Needs,
    Page,
    Shown,
)
from feedsrv.publishing.waiting import REVIEW_SOON, needs_of, shown


class Reading:
    """Looks at what a store keeps."""

    def __init__(  # noqa: PLR0913 -- everything the verbs need is given to them, by name
        self,
        store: Store,
        *,
        now: Clock = clock.now,
        max_review: timedelta = timedelta(days=180),
        key_ends: datetime | None = None,
        may: May = anybody,
        via: str = "",
    ) -> None:
        """Work on `store`.

        `may` is asked by each verb that changes something; `via` is the door that people came by, for the
        audit log.

        `max_review` is how far ahead a `ReviewBy` may lie. `key_ends`, where it is known, is when the
        first certificate of the mitigation signer's chain ends: both are only for the rules at review.
        """
        self._store = store
        self._now = now
        self._max_review = max_review
        self._key_ends = key_ends
        self._may = may
        self._via = via

    def list_mitigations(self) -> tuple[Revision, ...]:
        """The newest revision of each mitigation, in order of id."""
        with self._store.look() as work:
            return work.revisions.newest()

    def show_mitigation(self, mitigation_id: str, number: int | None = None) -> Revision:
        """One revision; the newest where no number is given.

        Raises:
            UnknownMitigationError: there is none.
        """
        with self._store.look() as work:
            return find_revision(work, mitigation_id, number)

    def history(self, mitigation_id: str) -> tuple[Revision, ...]:
        """Every revision of one mitigation, oldest first.

        Raises:
            UnknownMitigationError: there is none.
        """
        with self._store.look() as work:
            find_revision(work, mitigation_id)
            return work.revisions.history(mitigation_id)

    def page(  # noqa: PLR0913 -- each is one thing that a list may be asked for, and all are named
        self,
        *,
        after: str | None = None,
        limit: int = 50,
        stage: Stage | None = None,
        channel: str | None = None,
        severity: Severity | None = None,
        search: str | None = None,
    ) -> Page:
        """A part of the list of mitigations, in order of id: the newest revision of each.

        `after` is the `next` of the page before; `stage` is one as people see it; `search` a part of an id
        or a title. At most `MOST_LISTED` come at once.
        """
        size = min(max(limit, 1), MOST_LISTED)
        asked = Asked(after, size + 1, stage, channel, severity, search)
        with self._store.look() as work:
            found = work.revisions.page(asked)
        return Page(found[:size], found[size - 1].id if len(found) > size else None)

    def ids(self) -> tuple[str, ...]:
        """Every id that was ever given, in order; those of discarded drafts, too."""
        with self._store.look() as work:
            return work.revisions.ids()

    def needs(self, name: str, roles: frozenset[Role]) -> Needs:
        """What waits for somebody of that name who has these roles."""
        today = self._now().date()
        with self._store.look() as work:
            revisions = work.revisions
            alone = revisions.emergencies()
            return needs_of(
                name,
                roles,
                revisions.open_summaries(),
                alone=alone,
                standing=revisions.standing_summaries({one.id for one in alone}) if alone else (),
                review_soon=revisions.due_for_review(today + REVIEW_SOON, MOST_LISTED),
                updates=work.updates.all(),
            )

    def show(self, mitigation_id: str, number: int | None = None) -> Shown:
        """One revision with its history and what can be done with it; the newest where no number is given.

        Raises:
            UnknownMitigationError: there is none.
        """
        with self._store.look() as work:
            found = find_revision(work, mitigation_id, number)
            history = work.revisions.summaries(mitigation_id)
            successors = work.revisions.successors()
        return shown(found, history, successors.get(mitigation_id, ()), tag=tag_of(found))

    def diff(self, mitigation_id: str, number: int | None = None, against: int | None = None) -> Difference:
        """A revision, by default the newest, beside another: by default the one published before it.

        Raises:
            UnknownMitigationError: there is none.
        """
        with self._store.look() as work:
            after = find_revision(work, mitigation_id, number)
            replaced = work.revisions.published(mitigation_id, below=after.number)
            before = replaced if against is None else find_revision(work, mitigation_id, against)
            # Whatever it is laid beside, it takes the place of the one published before it.
            return compare(before, after, effects=_effects(work, replaced, after))

    def draft(self, mitigation_id: str, number: int | None = None) -> Draft:
        """A revision as its authors see it, with samples and notes; the newest where no number is given.

        Raises:
            UnknownMitigationError: there is none.
        """
        return draft_of(self.show_mitigation(mitigation_id, number))

    def builds(self, mitigation_id: str, number: int | None = None) -> tuple[BuildLine, ...]:
        """How a revision stands to every build that the catalogue knows of its products.

        Raises:
            UnknownMitigationError: there is none.
        """
        with self._store.look() as work:
            return builds_of(find_revision(work, mitigation_id, number).mitigation, catalogue_of(work))

    def judge(self, data: bytes, *, source: str) -> Judged:
        """What the rules say of words that are kept nowhere, as if they were published now.

        Raises:
            BadInputError: they are not of the grammar, or contradict themselves.
            GateBrokenError: the samples could not be tried on this machine.
        """
        now = self._now()
        draft = read_draft(data, revision=1, issued=now, source=source)
        with self._store.look() as work:
            before = work.revisions.published(draft.mitigation.id)
            if before is not None:
                draft = read_draft(data, revision=before.number + 1, issued=now, source=source)
            return Judged(draft, self._lint(work, (draft,)))

    def lint(self, mitigation_id: str) -> tuple[Finding, ...]:
        """What the rules would say if the newest revision were published now.

        Raises:
            UnknownMitigationError: there is none.
        """
        with self._store.look() as work:
            newest = find_revision(work, mitigation_id)
            return () if not newest.is_open else self._lint(work, (draft_of(newest),))

    def catalogue(self) -> Catalogue:
        """Products, and every update that is registered or released.

        Raises:
            NoCatalogueError: none was imported yet.
        """
        with self._store.look() as work:
            found = catalogue_of(work)
        if not found.products:
            raise NoCatalogueError
        return found

    def list_updates(self) -> tuple[Update, ...]:
        """Every cumulative update, in order of product and build."""
        with self._store.look() as work:
            return work.updates.all()

    def list_feeds(self) -> tuple[Head, ...]:
        """Every current feed, in order of product and channel."""
        with self._store.look() as work:
            return work.feeds.heads()

    def show_feed(self, product: str, channel: str) -> Head:
        """One current feed.

        Raises:
            UnknownFeedError: there is none.
        """
        with self._store.look() as work:
            head = work.feeds.head(product, channel)
            known = ", ".join(one.name for one in work.feeds.heads()) or "none yet"
        if head is None:
            raise UnknownFeedError(f"no feed {product[:60]}/{channel[:60]} was published; there is {known}")
        return head

    def feed_versions(self, product: str, channel: str) -> tuple[Version, ...]:
        """The history of one feed, oldest first.

        Raises:
            UnknownFeedError: there is none.
        """
        self.show_feed(product, channel)
        with self._store.look() as work:
            return work.feeds.versions(product, channel)

    def list_audit(self, newest: int | None = None) -> tuple[AuditEntry, ...]:
        """The audit log in order, or only that many of its newest entries."""
        with self._store.look() as work:
            return work.audit.entries(newest=newest)

    def audit_page(
        self,
        *,
        before: int | None = None,
        limit: int = 50,
        actor: str | None = None,
        verb: str | None = None,
        subject: str | None = None,
    ) -> AuditPage:
        """A part of the audit log, newest first; `before` is the `next` of the page before.

        `subject` is a whole one, or its first words: `M0001` finds `M0001 revision 2`.
        """
        size = min(max(limit, 1), MOST_LISTED)
        with self._store.look() as work:
            found = work.audit.page(before=before, limit=size + 1, actor=actor, verb=verb, subject=subject)
        return AuditPage(found[:size], found[size - 1].seq if len(found) > size else None)

    def verify_audit(self) -> Chain:
        """Follow the audit log's chain from its beginning.

        Raises:
            BrokenChainError: the log was changed after it was written.
        """
        return verify_chain(self.list_audit())

    def _lint(
        self, work: Work, drafts: Iterable[Draft], *, releasing: tuple[CumulativeUpdate, ...] = ()
    ) -> tuple[Finding, ...]:
        candidates = tuple(drafts)
        return lint(
            Publication(
                catalogue=catalogue_of(work),
                candidates=candidates,
                standing=tuple(one.mitigation for one in work.revisions.standing()),
                at=self._now(),
                published_revisions=work.revisions.published_numbers(
                    {one.mitigation.id for one in candidates}
                ),
                mitigation_key_ends=self._key_ends,
                max_review=self._max_review,
                releasing=releasing,
            )
        )


def tag_of(revision: Revision) -> str:
    """Changes with everything about a revision that a verb depends on; 32 hexadecimal digits."""
    said = (
        revision.id,
        revision.number,
        revision.stage.value,
        revision.digest,
        revision.approved_by,
        revision.approved_digest,
        repr(revision.returned),
        repr(revision.break_glass),
        sorted(revision.hands),
        revision.shelved,
    )
    return sha256(json.dumps(said).encode("ascii")).hexdigest()[:32]


def catalogue_of(work: Work) -> Catalogue:
    """The catalogue as it is kept; without products before one was imported."""
    return Catalogue.of(work.products.all(), (one.update for one in work.updates.all()))


def _effects(work: Work, before: Revision | None, after: Revision) -> tuple[str, ...]:
    named = {*after.mitigation.supersedes, *(before.mitigation.supersedes if before else ())}
    standing = work.revisions.standing_summaries(named) if named else ()
    return effects(
        before.mitigation if before else None,
        after.mitigation,
        taken_over=work.revisions.successors(),
        standing={one.id: one for one in standing},
        catalogue=catalogue_of(work),
    )


def draft_of(revision: Revision) -> Draft:
    """A revision as its authors see it, with samples and notes."""
    mitigation = revision.mitigation
    written = read_draft(
        revision.authoring, revision=mitigation.revision, issued=mitigation.issued, source=revision.source
    )
    return Draft(mitigation, written.samples, written.notes)


def newest_of(work: Work, mitigation_id: str) -> Revision | None:
    """The newest revision that is not discarded, or None."""
    return work.revisions.last(mitigation_id)


def open_of(work: Work, mitigation_id: str) -> Revision | None:
    """The revision that is under way, or None."""
    newest = newest_of(work, mitigation_id)
    return newest if newest is not None and newest.is_open else None


def find_revision(work: Work, mitigation_id: str, number: int | None = None) -> Revision:
    """One revision; the newest that is not discarded where no number is given.

    Raises:
        UnknownMitigationError: there is none.
    """
    newest = newest_of(work, mitigation_id)
    found = newest if number is None else work.revisions.get(mitigation_id, number)
    if found is None:
        which = mitigation_id[:60] if number is None else f"{mitigation_id[:60]} revision {number}"
        raise UnknownMitigationError(
            f"there is no mitigation {which}; `feedsrv mitigation list` shows those that there are"
        )
    return found
