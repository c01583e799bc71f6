"""The catalogue and its cumulative updates: importing, registering and releasing them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from feedsrv.clock import to_text
from feedsrv.codec.catalogue import read_catalogue, write_catalogue
from feedsrv.lints.fixes import left_open, touches
from feedsrv.model.build import Build
from feedsrv.model.catalogue import Catalogue, CumulativeUpdate, Product, UpdateStage
from feedsrv.model.feed import digest_of
from feedsrv.model.mitigation import Mitigation, Status
from feedsrv.publishing.acting import Acting
from feedsrv.publishing.conditions import (
    approved_answers,
    lost_fixes,
    name_of,
    refuse_if_counted_on,
    refuse_if_named,
    refuse_if_public,
    refuse_impossible,
    refuse_less,
    refuse_lost_products,
    refuse_unseen_effects,
    words_that_stand,
)
from feedsrv.publishing.drafting import (
    begin_revision,
    edit_revision,
    refuse_if_on_its_way,
    refuse_if_update_on_its_way,
    submit_revision,
)
from feedsrv.publishing.hands import hands_carried_over
from feedsrv.publishing.ports import Work
from feedsrv.publishing.reading import catalogue_of, draft_of, open_of
from feedsrv.publishing.records import Revision, Update
from feedsrv.publishing.refusals import (
    BadChangeError,
    InWorkError,
    LintRefusedError,
    UnknownUpdateError,
)
from feedsrv.publishing.superseding import contradicts, obliges, superseding, waits_for

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
    kept: tuple[str, ...] = ()
    """Mitigations that stay, though it fixes a part of what they protect from; a sentence each."""


class _NotKeptError(Exception):
    """Ends a unit of work that is only tried."""


class UpdateWork(Acting):
    """The verbs on the catalogue and its cumulative updates."""

    def import_catalogue(self, data: bytes, *, source: str, by: str) -> ImportedCatalogue:
        """Take over products and updates from a catalogue file.

        An update that is known here keeps its stage, and one that the file does not name stays. Where a fix
        turned out not to hold, a new file may say that an update fixes less; a file that was imported before
        takes nothing back that was added since.

        Raises:
            BadInputError: the file is not of its grammar, or contradicts itself.
            LintRefusedError: a product or build is missing that published mitigations are about.
            BadChangeError: a product with feeds is missing; or an update would end published mitigations
                without a word, or is lessened although a revision under way counts on it.
            InWorkError: a publication is under way that releases an update which the file changes.
        """
        actor = self._actor(by, "catalogue.import")
        read = read_catalogue(data, source=source)
        with self._store.begin() as work:
            before = catalogue_of(work)
            refuse_lost_products(work, read, source)
            updates = _as_known(work, before, read.updates, digest_of(data))
            changed = [one for one in updates if one != before.update(one.product, one.build)]

            work.products.replace(read.products.values())
            for update in changed:
                self._take_over(work, update, actor=actor)

            after = catalogue_of(work)
            new = tuple(one for one in changed if before.update(one.product, one.build) is None)
            unchanged = not changed and dict(after.products) == dict(before.products)
            if not unchanged:
                refuse_unseen_effects(words_that_stand(work), before, after, source=source, at=self._now())
                detail = {
                    "source": source,
                    "source_digest": digest_of(data),
                    "products": str(len(read.products)),
                    "updates": str(len(read.updates)),
                    "changed updates": ", ".join(map(name_of, changed)),
                }
                self._log(work, actor, "import", "catalogue", **detail)
        log.info("catalogue.imported", extra={"source": source, "by": actor, "unchanged": unchanged})
        return ImportedCatalogue(after, unchanged, new)

    def register_update(self, update: CumulativeUpdate, *, by: str) -> Registered:
        """Make a cumulative update known here, and draft every superseding revision that it obliges.

        Registering it again drafts what is missing since, and nothing twice. Where an update that is
        released already turns out to fix more, it is registered again with all that it fixes.

        Raises:
            UnknownProductError: its product is not in the catalogue.
            BadInputError: its words cannot stand in a catalogue.
            BadChangeError: it contradicts what is released or published, would fix less than it was
                registered with, lies below a released build of its line, or names an unknown mitigation.
            InWorkError: a revision it obliges is in somebody's hands, or a publication releases it now.
        """
        actor = self._actor(by, "update.register")
        with self._store.begin() as work:
            refuse_impossible(work, update)
            registered = self._register(work, replace(update, stage=UpdateStage.REGISTERED), actor=actor)
            if not registered.unchanged:
                waiting = ", ".join(map(str, registered.revisions))
                sentence = f"{actor} registered {name_of(update)} ({update.name})"
                sentence += f"; waiting for a review: {waiting}" if waiting else ""
                self._tell(work, actor, "update.registered", name_of(update), sentence)
        log.info("update.registered", extra={"update": name_of(update), "by": actor})
        return registered

    def plan_update(self, update: CumulativeUpdate, *, by: str) -> Registered:
        """What `register_update` would do, with the words of each revision it would draft; nothing is kept.

        Raises:
            As `register_update` does.
        """
        actor = self._actor(by, "update.register")
        # As a writer, since a reader that turns writer is refused where somebody else wrote meanwhile.
        with suppress(_NotKeptError), self._store.begin() as work:
            refuse_impossible(work, update)
            plan = self._register(work, replace(update, stage=UpdateStage.REGISTERED), actor=actor)
            raise _NotKeptError
        return plan

    def discard_update(self, product: str, build: Build, *, by: str) -> Update:
        """Forget an update that was registered by mistake, or will not come out.

        Raises:
            UnknownUpdateError: it is not registered.
            BadChangeError: it is released, or its release was asked for.
            InWorkError: a publication releases it now, or a revision under way names it as the fix.
        """
        actor = self._actor(by, "update.discard")
        with self._store.begin() as work:
            found = _find(work, product, build)
            refuse_if_update_on_its_way(work, found.update)
            refuse_if_public(found)
            refuse_if_named(work, found.update)

            work.updates.remove(product, build)
            self._log(work, actor, "discard", name_of(found.update), name=found.update.name)
            sentence = f"{actor} discarded {name_of(found.update)} ({found.update.name})"
            self._tell(work, actor, "update.discarded", name_of(found.update), sentence)
        log.info("update.discarded", extra={"update": name_of(found.update), "by": actor})
        return found

    def release_update(self, product: str, build: Build, *, by: str) -> Update:
        """Have the publication that follows release an update, together with its superseding revisions.

        Raises:
            UnknownUpdateError: it is not registered.
            BadChangeError: it is released already.
            InWorkError: a publication releases it now.
            WaitingForReviewError: a superseding revision is missing or not approved.
            LintRefusedError: the rules object to what would be published.
        """
        actor = self._actor(by, "update.release")
        with self._store.begin() as work:
            found = _find(work, product, build)
            if found.update.stage is UpdateStage.RELEASED:
                raise BadChangeError(f"{name_of(found.update)} is released already")
            refuse_if_update_on_its_way(work, found.update)

            answers = approved_answers(work, found.update)
            # Said now, since at publishing it would hold up others, too.
            if findings := self._lint(work, map(draft_of, answers), releasing=(found.update,)):
                raise LintRefusedError(f"{name_of(found.update)} cannot be released", findings)
            releasing = replace(found, releasing_by=actor)

            work.updates.save(releasing)
            self._log(work, actor, "release", name_of(found.update))
            sentence = f"the next publication releases {name_of(found.update)}, as {actor} asked"
            self._tell(work, actor, "update.releasing", name_of(found.update), sentence)
        log.info("update.releasing", extra={"update": name_of(found.update), "by": actor})
        return releasing

    def _take_over(self, work: Work, update: CumulativeUpdate, *, actor: str) -> None:
        """An update from a file; what it ends without a word is asked when all of them are known."""
        refuse_if_update_on_its_way(work, update)
        known = work.updates.get(update.product, update.build)
        if known is not None and (lost := lost_fixes(known.update, update)):
            refuse_if_counted_on(work, update, lost)
            work.updates.save(Update(update))
        if update.stage is UpdateStage.REGISTERED:
            self._register(work, update, actor=actor)
        else:
            work.updates.save(Update(update))

    def _register(self, work: Work, update: CumulativeUpdate, *, actor: str) -> Registered:
        known = work.updates.get(update.product, update.build)
        product = catalogue_of(work).product(update.product)
        refuse_if_update_on_its_way(work, update)
        if known is not None:
            update = replace(update, stage=known.update.stage)
            refuse_less(known.update, update)
        # Everything that stands in a catalogue obeys its grammar, whichever way it came there.
        write_catalogue(Catalogue.of((product,), (update,)))
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
            self._log(work, actor, "register", name_of(update), **detail)
        for revision in drafted:
            self._log(work, actor, "draft", revision, **{"digest": revision.digest, "for": name_of(update)})
        kept = tuple(_kept(words_that_stand(work), update, catalogue_of(work).updates))
        return Registered(found, drafted, unchanged=found is known and not drafted, kept=kept)

    def _draft_what_it_obliges(
        self, work: Work, update: CumulativeUpdate, product: Product, *, actor: str
    ) -> Iterable[Revision]:
        known = catalogue_of(work).updates
        registered = [one for one in known if one.stage is UpdateStage.REGISTERED]
        standing = words_that_stand(work)
        if disputed := [str(one) for one in standing if contradicts(update, one, known)]:
            raise BadChangeError(
                f"{name_of(update)} cannot fix what {', '.join(disputed)} says begins with that very build: "
                "correct what the update fixes, or publish a revision that begins elsewhere"
            )
        obliged = [one for one in standing if obliges(update, one, known)]
        pairs = [(one, open_of(work, one.id)) for one in obliged]
        in_hands = [
            str(revision)
            for stands, revision in pairs
            if revision is not None
            and obliges(update, revision.mitigation, known)
            and not waits_for(revision.mitigation, stands, registered)
        ]
        if in_hands:
            raise InWorkError(
                f"{name_of(update)} needs new revisions, but {', '.join(in_hands)} "
                f"{'is' if len(in_hands) == 1 else 'are'} unfinished: publish or discard first, then "
                "register again"
            )
        for stands, revision in pairs:
            if revision is None or obliges(update, revision.mitigation, known):
                yield self._supersede(work, stands, revision, update, product, actor=actor)

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
        told = {"source": f"{name_of(update)} at {to_text(self._now())}", "source_digest": "", "by": actor}
        if revision is None:
            begun = begin_revision(replace(draft, mitigation=words), **told)
            drafted = replace(begun, hands=begun.hands | hands_carried_over(base))
        else:
            refuse_if_on_its_way(work, revision)
            drafted = edit_revision(revision, replace(draft, mitigation=words), **told)
            self._end_alarm(work, revision)
        submitted = submit_revision(drafted, by=actor)
        work.revisions.save(submitted)
        return submitted


def _find(work: Work, product: str, build: Build) -> Update:
    found = work.updates.get(product, build)
    if found is None:
        raise UnknownUpdateError(
            f"no cumulative update {build} of {product[:60]} is registered; register it first (`feedsrv cu "
            "register`, or the catalogue's page)"
        )
    return found


def _published(work: Work, mitigation_id: str) -> Revision:
    found = work.revisions.published(mitigation_id)
    assert found is not None, f"{mitigation_id} stands, so it was published"
    return found


def _kept(
    standing: Iterable[Mitigation], update: CumulativeUpdate, known: tuple[CumulativeUpdate, ...]
) -> Iterable[str]:
    for mitigation in standing:
        is_about_it = touches(update, mitigation) and update.product in mitigation.products
        still_open = left_open(mitigation, update, known) if is_about_it else ()
        if mitigation.status is Status.ACTIVE and still_open:
            yield (
                f"{mitigation.id} stays: it protects from {', '.join(still_open)}, too, which this update is "
                "not known to fix"
            )


def _as_known(
    work: Work, before: Catalogue, updates: Iterable[CumulativeUpdate], file: str
) -> list[CumulativeUpdate]:
    """The updates of a file, each at the stage it has here.

    A file that was imported before (each start of `feedsrv run` does it) keeps what was added since.
    """
    pairs = [(one, before.update(one.product, one.build)) for one in updates]
    is_old = any(known and lost_fixes(known, one) for one, known in pairs) and any(
        entry.subject == "catalogue" and entry.detail.get("source_digest") == file
        for entry in work.audit.entries()
    )
    return [
        one
        if known is None
        else replace(one, stage=known.stage, fixes=known.fixes, needless=known.needless)
        if is_old and lost_fixes(known, one)
        else replace(one, stage=known.stage)
        for one, known in pairs
    ]
