"""What a cumulative update asks of mitigations, and the words of the revisions that answer it.

Rule S4 in docs/protocol.md. Nothing here is kept or fetched: words in, words out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from feedsrv.lints.fixes import concerns
from feedsrv.lints.spans import ranges_of
from feedsrv.model.build import Build, BuildRange
from feedsrv.model.catalogue import CumulativeUpdate, Product, UpdateStage
from feedsrv.model.mitigation import Mitigation, Status, review_span


def obliges(update: CumulativeUpdate, mitigation: Mitigation, known: Iterable[CumulativeUpdate] = ()) -> bool:
    """True where an active mitigation must name the update as its fix, and does not yet.

    `known` are the other updates that servers may have.
    """
    return (
        mitigation.status is Status.ACTIVE
        and any(_is_fixed_by(one, update) for one in ranges_of(mitigation, update.product))
        and concerns(update, mitigation, known)
    )


def contradicts(update: CumulativeUpdate, mitigation: Mitigation, known: Iterable[CumulativeUpdate]) -> bool:
    """True where an active mitigation calls the very build of the update the first that is affected."""
    return (
        mitigation.status is Status.ACTIVE
        and any(one.introduced == update.build for one in ranges_of(mitigation, update.product))
        and concerns(update, mitigation, known)
    )


def superseding(
    mitigation: Mitigation, update: CumulativeUpdate, product: Product, *, revision: int, issued: datetime
) -> Mitigation:
    """The mitigation as it stands once the update is out: rolled back where the fix is installed.

    The time until a person looks again is as long as it was.
    """
    affects = tuple(
        replace(one, ranges=tuple(_ended(one.ranges, update, product))) if one.product == product.id else one
        for one in mitigation.affects
    )
    is_open = any(build_range.fixed is None for one in affects for build_range in one.ranges)
    sentence = (
        f"{_named(update)} holds the fix: {product.name} from build {update.build} on "
        "no longer needs this mitigation."
    )
    carries_on = revision == mitigation.revision and mitigation.change
    return replace(
        mitigation,
        revision=revision,
        issued=issued,
        review_by=issued.date() + review_span(mitigation),
        affects=affects,
        no_fix_yet=mitigation.no_fix_yet if is_open else None,
        change=f"{mitigation.change} {sentence}" if carries_on else sentence,
    )


def waits_for(
    mitigation: Mitigation, standing: Mitigation | None, updates: Iterable[CumulativeUpdate]
) -> tuple[CumulativeUpdate, ...]:
    """Those of the unreleased `updates` that this revision is the first to name as a fix.

    Publishing it would make them known, and roll back nobody; so it goes out together with them.
    """
    named = _fixes_named(mitigation) - (_fixes_named(standing) if standing is not None else set())
    return tuple(update for update in updates if (update.product, update.build) in named)


def ready_together(
    candidates: Mapping[str, Mitigation],
    standing: Mapping[str, Mitigation],
    *,
    releasing: Iterable[CumulativeUpdate],
    updates: Iterable[CumulativeUpdate],
) -> tuple[set[str], tuple[CumulativeUpdate, ...]]:
    """Which candidates can go out, and which updates with them, so that no one goes without the other.

    An update waits while anything that would stand does not name it and must; a candidate waits while an
    update it names does. So an emergency goes first, and the update that would fix it waits for its next
    revision. `updates` are all that are known.
    """
    known = tuple(updates)
    unreleased = [one for one in known if one.stage is UpdateStage.REGISTERED]
    going = set(candidates)
    out = tuple(releasing)
    while True:
        held_back = [one for one in unreleased if one not in out]
        going = {one for one in going if not waits_for(candidates[one], standing.get(one), held_back)}
        after = {**standing, **{one: candidates[one] for one in going}}
        others = [one for one in known if one not in held_back]
        ready = tuple(update for update in out if not unanswered(update, after, others))
        if ready == out:
            return going, out
        out = ready


def unanswered(
    update: CumulativeUpdate, after: Mapping[str, Mitigation], known: Iterable[CumulativeUpdate]
) -> tuple[str, ...]:
    """Ids of those that the update obliges, of all that would stand when it is out."""
    return tuple(one for one, mitigation in sorted(after.items()) if obliges(update, mitigation, known))


def _is_fixed_by(build_range: BuildRange, update: CumulativeUpdate) -> bool:
    return build_range.introduced < update.build and build_range.holds(update.build)


def _ended(ranges: Iterable[BuildRange], update: CumulativeUpdate, product: Product) -> Iterator[BuildRange]:
    for build_range in ranges:
        if not _is_fixed_by(build_range, update):
            yield build_range
            continue
        yield BuildRange(build_range.introduced, update.build)
        unfixed = _first_later_line(build_range, update, product)
        if unfixed is not None:
            yield BuildRange(unfixed, build_range.fixed)


def _first_later_line(build_range: BuildRange, update: CumulativeUpdate, product: Product) -> Build | None:
    """The first affected build above the update that was out before it on a line of its own.

    A security update for CU14 has a lower build than CU15, which was released before it and so
    does not hold its fix: rolling back there would leave servers open.
    """
    return next(
        (
            release.build
            for release in product.releases
            if release.build > update.build
            and build_range.holds(release.build)
            and _line(release.build) != _line(update.build)
            and release.released < update.released
        ),
        None,
    )


def _line(build: Build) -> tuple[int, int, int]:
    return build.major, build.minor, build.cumulative


def _fixes_named(mitigation: Mitigation) -> set[tuple[str, Build]]:
    return {
        (product, build_range.fixed)
        for product, build_range in mitigation.ranges()
        if build_range.fixed is not None
    }


def _named(update: CumulativeUpdate) -> str:
    return f"{update.name} ({update.kb})" if update.kb else update.name
