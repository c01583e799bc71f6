"""Everything that people may ask of the workflow; nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from feedsrv import clock
from feedsrv.clock import Clock
from feedsrv.codec.authoring import read_draft
from feedsrv.lints.finding import Finding
from feedsrv.lints.publication import Publication
from feedsrv.lints.run import lint
from feedsrv.model.catalogue import Catalogue, CumulativeUpdate
from feedsrv.model.mitigation import Draft
from feedsrv.publishing.audit import Chain, verify_chain
from feedsrv.publishing.comparing import Difference, compare
from feedsrv.publishing.permits import May, anybody
from feedsrv.publishing.ports import Store, Work
from feedsrv.publishing.records import AuditEntry, Head, Revision, Update, Version
from feedsrv.publishing.refusals import NoCatalogueError, UnknownFeedError, UnknownMitigationError


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

    def diff(self, mitigation_id: str) -> Difference:
        """The newest revision beside the one that was published before it.

        Raises:
            UnknownMitigationError: there is none.
        """
        with self._store.look() as work:
            newest = find_revision(work, mitigation_id)
            history = work.revisions.history(mitigation_id)
            earlier = [one for one in history if one.published and one.number < newest.number]
            return compare(earlier[-1] if earlier else None, newest)

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

    def verify_audit(self) -> Chain:
        """Follow the audit log's chain from its beginning.

        Raises:
            BrokenChainError: the log was changed after it was written.
        """
        return verify_chain(self.list_audit())

    def _lint(
        self, work: Work, drafts: Iterable[Draft], *, releasing: tuple[CumulativeUpdate, ...] = ()
    ) -> tuple[Finding, ...]:
        return lint(
            Publication(
                catalogue=catalogue_of(work),
                candidates=tuple(drafts),
                standing=tuple(one.mitigation for one in work.revisions.standing()),
                at=self._now(),
                published_revisions=work.revisions.published_numbers(),
                mitigation_key_ends=self._key_ends,
                max_review=self._max_review,
                releasing=releasing,
            )
        )


def catalogue_of(work: Work) -> Catalogue:
    """The catalogue as it is kept; without products before one was imported."""
    return Catalogue.of(work.products.all(), (one.update for one in work.updates.all()))


def draft_of(revision: Revision) -> Draft:
    """A revision as its authors see it, with samples and notes."""
    mitigation = revision.mitigation
    written = read_draft(
        revision.authoring, revision=mitigation.revision, issued=mitigation.issued, source=revision.source
    )
    return Draft(mitigation, written.samples, written.notes)


def newest_of(work: Work, mitigation_id: str) -> Revision | None:
    """The newest revision that is not discarded, or None."""
    history = [one for one in work.revisions.history(mitigation_id) if one.is_open or one.published]
    return history[-1] if history else None


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
