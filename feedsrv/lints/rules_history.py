"""What was published before: S5 nothing vanishes, S6 numbers only count up, S7 a moved fix says why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import attrgetter

from feedsrv.lints.finding import Finding
from feedsrv.lints.publication import Publication
from feedsrv.lints.rules_ranges import says_something
from feedsrv.lints.spans import ranges_of, shared
from feedsrv.model.build import Build, BuildRange
from feedsrv.model.feed import Feed
from feedsrv.model.mitigation import PRODUCTION, Mitigation


def nothing_vanishes(publication: Publication) -> Iterator[Finding]:
    """S5: what was published stays in its feeds, until support of the product has ended.

    Agents keep what is missing from a feed, so whatever vanished could never be taken back. It must
    stay, as active, superseded or withdrawn. At review the same is said of a revision that drops a
    product or moves out of production; at publishing the feeds themselves are compared.
    """
    for draft in publication.candidates:
        standing = publication.stood(draft.mitigation.id)
        if standing is not None:
            yield from _leaves_nobody_behind(publication, standing, draft.mitigation)
    for new, current, _ in publication.feeds:
        if current is None or _is_out_of_support(publication, current.product):
            continue
        for entry in current.entries:
            if (new.product, new.channel) != (current.product, current.channel) or not new.entry(entry.id):
                yield Finding(
                    "S5",
                    _feed_name(current),
                    f"product {current.product}: {entry.id} is in version {current.version} but would not be "
                    f"in version {new.version} of {new.product}/{new.channel}",
                    f"keep {entry.id}; to take it back, publish a revision of it that is withdrawn",
                )


def numbers_count_up(publication: Publication) -> Iterator[Finding]:
    """S6: a revision's bytes never change, and revisions and feed versions only count up.

    A number that is used twice, or a feed that does not follow from the one before, is what an agent
    must refuse as a replay. Revisions leave no gap, so that a missing one is noticed; feed versions may,
    since a version that was begun and never finished is not used again.
    """
    seen: set[str] = set()
    for draft in publication.candidates:
        mitigation = draft.mitigation
        if mitigation.id in seen:
            yield Finding(
                "S6",
                str(mitigation),
                "there are two candidates with this id",
                "publish one, then draft the next revision from it",
            )
        seen.add(mitigation.id)
        yield from _is_next_revision(publication, mitigation)
    for new, current, digest in publication.feeds:
        for sentence, remedy in _breaks_with(new, current, digest):
            yield Finding("S6", _feed_name(new), sentence, remedy)


def moved_fix_says_why(publication: Publication) -> Iterator[Finding]:
    """S7: moving `fixed` up, or taking it away, says why: agents will apply the mitigation again.

    It is asked of every build from an old `fixed` to where the next old range begins: does the new revision
    hold builds there, which the standing one took for fixed? Whether that comes from a later `fixed`, from
    none, or from a second range in a later branch makes no difference to the servers, nor does a detour by
    a withdrawn revision. That a reason is a good one, only a reviewer can say; what can be checked is that
    Change names each old fixed build, so that it speaks of this very move, and has words besides.
    """
    for draft in publication.candidates:
        mitigation = draft.mitigation
        standing = publication.stood(mitigation.id)
        if standing is None:
            continue
        for product, build_range in standing.ranges():
            fixed = build_range.fixed
            again = None if fixed is None else _held_again(standing, mitigation, product, fixed)
            if fixed is not None and again is not None and not _speaks_of(mitigation.change, fixed):
                yield Finding(
                    "S7",
                    str(mitigation),
                    f"product {product}: {standing} ended at {fixed}, yet this revision applies again from "
                    f"{again.introduced}, and Change does not say why",
                    f"say in Change why the fix in {fixed} does not hold (name that build), or end the range "
                    "there",
                )


def _leaves_nobody_behind(
    publication: Publication, standing: Mitigation, mitigation: Mitigation
) -> Iterator[Finding]:
    for product in standing.products:
        if product not in mitigation.products and not _is_out_of_support(publication, product):
            yield Finding(
                "S5",
                str(mitigation),
                f"product {product}: {standing} names it and this revision does not, so it would vanish from "
                "that product's feeds and stay applied",
                f"keep Affects for {product}, with fixed where there is a fix; or withdraw {mitigation.id} "
                "and write a new mitigation for the other products",
            )
    if mitigation.channel not in {standing.channel, PRODUCTION}:
        yield Finding(
            "S5",
            str(mitigation),
            f"it would leave channel {standing.channel} for {mitigation.channel}, and so its feeds",
            f"keep channel {standing.channel}, or give what {mitigation.channel} needs an id of its own",
        )


def _is_out_of_support(publication: Publication, product_id: str) -> bool:
    """True where the catalogue has ended support for every build of the product."""
    product = publication.catalogue.products.get(product_id)
    return (
        product is not None
        and product.supported_until is not None
        and product.supported_until < publication.at.date()
    )


def _is_next_revision(publication: Publication, mitigation: Mitigation) -> Iterator[Finding]:
    standing = publication.stood(mitigation.id)
    published = set(publication.published_revisions.get(mitigation.id, ()))
    if standing is not None:
        published.add(standing.revision)
    expected = max(published, default=0) + 1
    if mitigation.revision in published:
        yield Finding(
            "S6",
            str(mitigation),
            "that revision is published already, and its bytes never change",
            f"make it revision {expected}",
        )
    elif mitigation.revision != expected:
        yield Finding(
            "S6",
            str(mitigation),
            f"the next revision of {mitigation.id} is {expected}",
            f"make it revision {expected}",
        )


def _breaks_with(new: Feed, current: Feed | None, digest: str | None) -> Iterator[tuple[str, str]]:
    """How a new feed fails to follow from the one before: sentence and remedy."""
    if current is None:
        if new.previous is not None:
            yield (
                f"version {new.version} names {new.previous} as the one before, but there is none",
                "leave previous out of the first feed of a product and channel",
            )
        return
    if new.version <= current.version:
        yield (
            f"version {new.version} does not follow version {current.version}, which is current",
            f"make it version {current.version + 1}",
        )
    if new.expires <= current.issued:
        # A clock that was set back a little does no harm, and must not hold up an emergency.
        yield (
            (
                f"version {new.version} would expire before version {current.version} was issued, on "
                f"{current.issued:%Y-%m-%d %H:%M} UTC"
            ),
            (
                "set this machine's clock right; if it was wrong then and is right now, let feeds live "
                "longer until that day has come"
            ),
        )
    if digest is None or new.previous != digest:
        yield (
            f"version {new.version} names {new.previous} as the one before, which is {digest}",
            "name the digest of the current feed's bytes",
        )
    for before in current.entries:
        after = new.entry(before.id)
        if after is not None and after.revision < before.revision:
            yield (
                f"{before.id} would go back from revision {before.revision} to {after.revision}",
                "publish what is to hold as a new revision",
            )
        elif (
            after is not None
            and after.revision == before.revision
            and (after.digest, after.size) != (before.digest, before.size)
        ):
            yield (
                f"{before.id} revision {before.revision} has other bytes in version {current.version}",
                "restore the published bytes; publish any change as a new revision",
            )


def _held_again(standing: Mitigation, new: Mitigation, product: str, fixed: Build) -> BuildRange | None:
    """Builds from a fix up to the next range of the standing revision, that the new one holds."""
    later = [one.introduced for one in ranges_of(standing, product) if one.introduced >= fixed]
    end = min(later, default=None)
    if end == fixed:
        return None
    taken_for_fixed = BuildRange(fixed, end)
    overlaps = (shared(one, taken_for_fixed) for one in ranges_of(new, product))
    return min((one for one in overlaps if one is not None), key=attrgetter("introduced"), default=None)


def _speaks_of(change: str | None, build: Build) -> bool:
    """True where a sentence names a build, whole, and says something besides."""
    named = re.compile(rf"(?<![0-9.]){re.escape(str(build))}(?!\.?[0-9])")
    return change is not None and named.search(change) is not None and says_something(change)


def _feed_name(feed: Feed) -> str:
    return f"feed {feed.product}/{feed.channel}"
