"""What must hold before the catalogue or an update changes: a check each, and its refusal.

Everything here looks at what is kept, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from feedsrv.lints.fixes import left_open
from feedsrv.lints.publication import Publication
from feedsrv.lints.rules_ranges import begins_at_a_released_build
from feedsrv.lints.spans import ranges_of
from feedsrv.model.build import Build
from feedsrv.model.catalogue import Catalogue, CumulativeUpdate, UpdateStage
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import Mitigation
from feedsrv.publishing.ports import Work
from feedsrv.publishing.reading import catalogue_of, open_of
from feedsrv.publishing.records import Revision, Update
from feedsrv.publishing.refusals import BadChangeError, InWorkError, LintRefusedError, WaitingForReviewError
from feedsrv.publishing.superseding import obliges, unanswered


def name_of(update: CumulativeUpdate) -> str:
    """For people and the audit log, such as `exchange-2019 15.2.1118.20`."""
    return f"{update.product} {update.build}"


def words_that_stand(work: Work) -> list[Mitigation]:
    """The newest published revision of each mitigation."""
    return [one.mitigation for one in work.revisions.standing()]


def refuse_lost_products(work: Work, read: Catalogue, source: str) -> None:
    """What has feeds or updates here stays in the catalogue.

    Raises:
        BadChangeError: it would not.
    """
    lost = {head.feed.product for head in work.feeds.heads()} - set(read.products)
    lost |= {one.update.product for one in work.updates.all()} - set(read.products)
    if lost:
        raise BadChangeError(
            f"{source}: {', '.join(sorted(lost))} must stay in the catalogue, since feeds or updates of it "
            "are known here; set supportedUntil to end its support"
        )


def refuse_unseen_effects(
    standing: Sequence[Mitigation], before: Catalogue, after: Catalogue, *, source: str, at: datetime
) -> None:
    """A file changes nothing of what stands: neither the ground it stands on, nor where it ends.

    Raises:
        LintRefusedError: a product or a build would be gone that a standing revision is about.
        BadChangeError: a released update would make an end of one without a revision that says so.
    """
    objections, known = (
        tuple(begins_at_a_released_build(Publication(catalogue, (), tuple(standing), at)))
        for catalogue in (after, before)
    )
    said = {(one.subject, one.sentence) for one in known}
    if lost := [one for one in objections if (one.subject, one.sentence) not in said]:
        raise LintRefusedError(f"{source}: nothing was imported", lost)
    ended = _obligations(after, standing) - _obligations(before, standing)
    if ended:
        update = min(name for name, _ in ended)
        ids = ", ".join(sorted(one for name, one in ended if name == update))
        raise BadChangeError(
            f"{source}: {update} would make an end of {ids} without a revision that says so; leave it "
            "(or what it newly fixes) out of the file and register it (`feedsrv cu register`, or the "
            "catalogue's page), which drafts them"
        )


def _obligations(catalogue: Catalogue, standing: Iterable[Mitigation]) -> set[tuple[str, str]]:
    """Each released update that what stands should name, and the id of what should name it."""
    released = [one for one in catalogue.updates if one.stage is UpdateStage.RELEASED]
    return {
        (name_of(update), one.id) for one in standing for update in released if obliges(update, one, released)
    }


def lost_fixes(known: CumulativeUpdate, update: CumulativeUpdate) -> list[str]:
    """What an update was known to fix or to make needless, and is not any more."""
    return sorted({*known.fixes, *known.needless} - {*update.fixes, *update.needless})


def refuse_impossible(work: Work, update: CumulativeUpdate) -> None:
    """What somebody types may be mistyped: an update lies where one can lie, and ends what exists.

    Raises:
        UnknownProductError: its product is not in the catalogue.
        BadChangeError: a later build of its line was released before, or it names an unknown mitigation.
    """
    product = catalogue_of(work).product(update.product)
    line = [one for one in product.releases if _line(one.build) == _line(update.build)]
    newest = line[-1] if line else product.releases[0]
    if update.build < newest.build and not product.has_released(update.build):
        raise BadChangeError(
            f"{name_of(update)} lies below {newest.build} ({newest.name}), which was released on "
            f"{newest.released}, and was never released itself: check the build"
        )
    if unknown := [one for one in update.needless if not work.revisions.history(one)]:
        raise BadChangeError(
            f"{name_of(update)}: there is no mitigation {', '.join(unknown)} to make needless"
        )


def _line(build: Build) -> tuple[int, int, int]:
    """What security updates of one cumulative update share."""
    return build.major, build.minor, build.cumulative


def refuse_less(known: CumulativeUpdate, update: CumulativeUpdate) -> None:
    """Whoever registers an update again may add to it: an option is too easily forgotten.

    Raises:
        BadChangeError: it would fix less than is known, or is released and would become another.
    """
    if known.stage is UpdateStage.RELEASED and known != replace(
        update, fixes=known.fixes, needless=known.needless
    ):
        raise BadChangeError(
            f"{name_of(known)} is released already, as {known.name} of {known.released}"
            f"{f' ({known.kb})' if known.kb else ''}: register a later build instead, or the same name, day "
            "and article with what else it fixes"
        )
    if lost := lost_fixes(known, update):
        raise BadChangeError(
            f"{name_of(known)} is known with {', '.join(lost)}, too: name all that it fixes. If that fix "
            "does not hold, correct the catalogue file and import it"
        )


def refuse_if_counted_on(work: Work, update: CumulativeUpdate, lost: list[str]) -> None:
    """A revision under way that ends at the update must still have a reason to.

    Raises:
        BadChangeError: one would have none.
    """
    known = [one.update for one in work.updates.all() if one.update.build != update.build]
    counting = [
        str(one)
        for one in work.revisions.newest()
        if one.is_open
        and any(found.fixed == update.build for found in ranges_of(one.mitigation, update.product))
        and left_open(one.mitigation, update, known)
    ]
    if counting:
        raise BadChangeError(
            f"{name_of(update)} would no longer fix {', '.join(lost)}, but {', '.join(counting)} "
            f"{'ends' if len(counting) == 1 else 'end'} there: return and discard, then import again"
        )


def refuse_if_public(found: Update) -> None:
    """An update is forgotten only while nobody outside can know of it.

    Raises:
        BadChangeError: it is released, or the next publication releases it.
    """
    if found.update.stage is UpdateStage.RELEASED:
        raise BadChangeError(f"{name_of(found.update)} is released: what is public stays in the catalogue")
    if found.releasing_by is not None:
        raise BadChangeError(
            f"{name_of(found.update)} goes out with the next publication, as {found.releasing_by} asked: it "
            "is not discarded any more"
        )


def refuse_if_named(work: Work, update: CumulativeUpdate) -> None:
    """No revision under way may end at an update that nobody knows.

    Raises:
        InWorkError: one would.
    """
    naming = [
        str(one)
        for one in work.revisions.newest()
        if one.is_open
        and any(found.fixed == update.build for found in ranges_of(one.mitigation, update.product))
    ]
    if naming:
        raise InWorkError(
            f"{', '.join(naming)} {'names' if len(naming) == 1 else 'name'} {name_of(update)} as the fix: "
            f"return (where needed) and discard {'that' if len(naming) == 1 else 'those'} first, then "
            "discard the update"
        )


def approved_answers(work: Work, update: CumulativeUpdate) -> list[Revision]:
    """The approved revisions that go out together with the update.

    Raises:
        WaitingForReviewError: there are not all of them.
    """
    known = catalogue_of(work).updates
    standing = {one.id: one for one in words_that_stand(work)}
    approved = {one.id: one for one in work.revisions.at_stage(Stage.APPROVED)}
    after = {**standing, **{one: revision.mitigation for one, revision in approved.items()}}
    missing = unanswered(update, after, known)
    if missing:
        waiting = ", ".join(_state(work, one) for one in missing)
        raise WaitingForReviewError(
            f"{name_of(update)} goes out together with the revisions that it obliges, all approved: {waiting}"
        )
    return [approved[one] for one in unanswered(update, standing, known)]


def _state(work: Work, mitigation_id: str) -> str:
    revision = open_of(work, mitigation_id)
    if revision is None:
        return f"{mitigation_id} has no new revision yet (register the update again, which drafts it)"
    if revision.stage is not Stage.APPROVED:
        return f"{revision} is {revision.stage}"
    if work.revisions.published(mitigation_id) is None:
        return f"{revision} is approved, but does not name the update (publish it, then register again)"
    return f"{revision} is approved, but does not name the update as its fix (register the update again)"
