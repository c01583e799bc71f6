"""The catalogue and its cumulative updates: importing, registering and releasing them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from feedsrv.clock import to_text
from feedsrv.codec.catalogue import read_catalogue
from feedsrv.model.build import Build
from feedsrv.model.catalogue import Catalogue, CumulativeUpdate, Product, UpdateStage
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import Mitigation
from feedsrv.publishing.audit import record
from feedsrv.publishing.drafting import (
    begin_revision,
    edit_revision,
    refuse_if_on_its_way,
    submit_revision,
)
from feedsrv.publishing.people import checked_name
from feedsrv.publishing.ports import Work
from feedsrv.publishing.reading import Reading, catalogue_of, draft_of, open_of
from feedsrv.publishing.records import Revision, Update
from feedsrv.publishing.refusals import (
    BadChangeError,
    InWorkError,
    UnknownUpdateError,
    WaitingForReviewError,
)
from feedsrv.publishing.superseding import obliges, superseding, unanswered, waits_for

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ImportedCatalogue:
    """What an import made of the catalogue."""

    catalogue: Catalogue
    unchanged: bool
    new_updates: tuple[CumulativeUpdate, ...]


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered update, and the revisions that were drafted for it."""

    update: Update
    revisions: tuple[Revision, ...]
    """In review; each needs an approval before the update can be released."""
    unchanged: bool


class UpdateWork(Reading):
    """The verbs on the catalogue and its cumulative updates."""

    def import_catalogue(self, data: bytes, *, source: str, by: str) -> ImportedCatalogue:
        """Take over products and updates from a catalogue file.

        An update that is known here keeps its stage, and one that the file does not name stays.

        Raises:
            BadInputError: the file is not of its grammar, or contradicts itself.
            BadChangeError: a product with feeds is missing, or an update would oblige published
                mitigations unseen.
        """
        actor = checked_name(by)
        read = read_catalogue(data, source=source)
        with self._store.begin() as work:
            before = catalogue_of(work)
            _refuse_lost_products(work, read, source)
            changed = [one for one in read.updates if not _is_known(before, one)]

            work.products.replace(read.products.values())
            new = tuple(one for one in changed if before.update(one.product, one.build) is None)
            for update in changed:
                self._take_over(work, update, source=source, actor=actor)

            after = catalogue_of(work)
            unchanged = not changed and dict(after.products) == dict(before.products)
            if not unchanged:
                detail = {
                    "products": str(len(read.products)),
                    "updates": str(len(read.updates)),
                    "changed updates": str(len(changed)),
                }
                record(
                    work.audit, self._now(), actor=actor, verb="import", subject="catalogue", detail=detail
                )
        log.info("catalogue.imported", extra={"source": source, "by": actor, "unchanged": unchanged})
        return ImportedCatalogue(after, unchanged, new)

    def register_update(self, update: CumulativeUpdate, *, by: str) -> Registered:
        """Make a cumulative update known here, and draft every superseding revision that it obliges.

        Registering it again drafts what is missing since, and nothing twice.

        Raises:
            UnknownProductError: its product is not in the catalogue.
            BadChangeError: it is released already, or would fix less than it was registered with.
            InWorkError: a revision it obliges is in somebody's hands.
        """
        actor = checked_name(by)
        with self._store.begin() as work:
            registered = self._register(work, replace(update, stage=UpdateStage.REGISTERED), actor=actor)
        log.info("update.registered", extra={"update": _name(update), "by": actor})
        return registered

    def release_update(self, product: str, build: Build, *, by: str) -> Update:
        """Have the publication that follows release an update, together with its superseding revisions.

        Raises:
            UnknownUpdateError: it is not registered.
            BadChangeError: it is released already.
            WaitingForReviewError: a superseding revision is missing or not approved.
        """
        actor = checked_name(by)
        with self._store.begin() as work:
            found = work.updates.get(product, build)
            if found is None:
                raise UnknownUpdateError(
                    f"no cumulative update {build} of {product[:60]} is registered; register it first with "
                    "`feedsrv cu register`"
                )
            if found.update.stage is UpdateStage.RELEASED:
                raise BadChangeError(f"{_name(found.update)} is released already")

            _refuse_unapproved(work, found.update)
            releasing = replace(found, releasing_by=actor)

            work.updates.save(releasing)
            record(work.audit, self._now(), actor=actor, verb="release", subject=_name(found.update))
        log.info("update.releasing", extra={"update": _name(found.update), "by": actor})
        return releasing

    def _take_over(self, work: Work, update: CumulativeUpdate, *, source: str, actor: str) -> None:
        known = work.updates.get(update.product, update.build)
        stage = known.update.stage if known else update.stage
        if stage is UpdateStage.REGISTERED:
            self._register(work, replace(update, stage=stage), actor=actor)
            return
        obliged = [one.id for one in _standing(work) if obliges(update, one)]
        if obliged:
            raise BadChangeError(
                f"{source}: {_name(update)} would make an end of {', '.join(obliged)} without a revision "
                "that says so; leave it out of the file and use `feedsrv cu register`, which drafts them"
            )
        work.updates.save(Update(replace(update, stage=stage)))

    def _register(self, work: Work, update: CumulativeUpdate, *, actor: str) -> Registered:
        known = work.updates.get(update.product, update.build)
        product = catalogue_of(work).product(update.product)
        if known is not None:
            _refuse_less(known.update, update)
        found = known if known is not None and known.update == update else Update(update)

        work.updates.save(found)
        drafted = tuple(self._draft_what_it_obliges(work, update, product, actor=actor))
        if found is not known:
            detail = {
                "name": update.name,
                "released": update.released.isoformat(),
                "kb": update.kb or "",
                "fixes": " ".join(update.fixes),
                "needless": " ".join(update.needless),
            }
            record(
                work.audit,
                self._now(),
                actor=actor,
                verb="register",
                subject=_name(update),
                detail=detail,
            )
        for revision in drafted:
            record(
                work.audit,
                self._now(),
                actor=actor,
                verb="draft",
                subject=str(revision),
                detail={"digest": revision.digest, "for": _name(update)},
            )
        return Registered(found, drafted, unchanged=found is known and not drafted)

    def _draft_what_it_obliges(
        self, work: Work, update: CumulativeUpdate, product: Product, *, actor: str
    ) -> Iterable[Revision]:
        obliged = [one for one in _standing(work) if obliges(update, one)]
        registered = [one.update for one in work.updates.all() if one.update.stage is UpdateStage.REGISTERED]
        pairs = [(one, open_of(work, one.id)) for one in obliged]
        in_hands = [
            str(revision)
            for standing, revision in pairs
            if revision is not None
            and obliges(update, revision.mitigation)
            and not waits_for(revision.mitigation, standing, registered)
        ]
        if in_hands:
            raise InWorkError(
                f"{_name(update)} needs new revisions, but {', '.join(in_hands)} "
                f"{'is' if len(in_hands) == 1 else 'are'} unfinished: publish or discard first, then "
                "register again"
            )
        for standing, revision in pairs:
            if revision is None or obliges(update, revision.mitigation):
                yield self._supersede(work, standing, revision, update, product, actor=actor)

    def _supersede(  # noqa: PLR0913 -- what stands, what is under way, and what obliges it
        self,
        work: Work,
        standing: Mitigation,
        revision: Revision | None,
        update: CumulativeUpdate,
        product: Product,
        *,
        actor: str,
    ) -> Revision:
        """Draft the next revision, or lay the update over one that waits for another update already."""
        base = revision or _published(work, standing.id)
        draft = draft_of(base)
        words = superseding(
            base.mitigation,
            update,
            product,
            revision=standing.revision + 1,
            issued=self._now(),
        )
        told = {"source": f"{_name(update)} at {to_text(self._now())}", "source_digest": "", "by": actor}
        if revision is None:
            drafted = begin_revision(replace(draft, mitigation=words), **told)
        else:
            refuse_if_on_its_way(work, revision)
            drafted = edit_revision(revision, replace(draft, mitigation=words), **told)
        submitted = submit_revision(drafted, by=actor)
        work.revisions.save(submitted)
        return submitted


def _standing(work: Work) -> list[Mitigation]:
    return [one.mitigation for one in work.revisions.standing()]


def _published(work: Work, mitigation_id: str) -> Revision:
    found = work.revisions.published(mitigation_id)
    assert found is not None, f"{mitigation_id} stands, so it was published"
    return found


def _is_known(catalogue: Catalogue, update: CumulativeUpdate) -> bool:
    known = catalogue.update(update.product, update.build)
    return known is not None and replace(known, stage=update.stage) == update


def _refuse_lost_products(work: Work, read: Catalogue, source: str) -> None:
    lost = {head.feed.product for head in work.feeds.heads()} - set(read.products)
    lost |= {one.update.product for one in work.updates.all()} - set(read.products)
    if lost:
        raise BadChangeError(
            f"{source}: {', '.join(sorted(lost))} must stay in the catalogue, since feeds or updates of it "
            "are known here; set supportedUntil to end its support"
        )


def _refuse_less(known: CumulativeUpdate, update: CumulativeUpdate) -> None:
    if known.stage is UpdateStage.RELEASED:
        raise BadChangeError(f"{_name(known)} is released already; register a later build instead")
    lost = [*(set(known.fixes) - set(update.fixes)), *(set(known.needless) - set(update.needless))]
    if lost:
        raise BadChangeError(
            f"{_name(known)} was registered with {', '.join(sorted(lost))}, for which revisions may be in "
            "review; name it again, and withdraw the update's build from those revisions instead"
        )


def _refuse_unapproved(work: Work, update: CumulativeUpdate) -> None:
    standing = {one.id: one for one in _standing(work)}
    approved = {one.id: one.mitigation for one in work.revisions.at_stage(Stage.APPROVED)}
    missing = unanswered(update, approved, standing)
    if missing:
        waiting = ", ".join(_state(work, one) for one in missing)
        raise WaitingForReviewError(
            f"{_name(update)} goes out together with the revisions that it obliges, all approved: {waiting}"
        )


def _state(work: Work, mitigation_id: str) -> str:
    revision = open_of(work, mitigation_id)
    if revision is None:
        return f"{mitigation_id} has no new revision yet (register the update again, which drafts it)"
    if revision.stage is Stage.APPROVED:
        return f"{revision} is approved, but does not name the update as its fix (register the update again)"
    return f"{revision} is {revision.stage}"


def _name(update: CumulativeUpdate) -> str:
    return f"{update.product} {update.build}"
