"""Ranges of builds: S1 where they begin, S2 what an open end owes, S3 where they end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from feedsrv.lints.finding import Finding
from feedsrv.lints.fixes import left_open
from feedsrv.lints.publication import Publication
from feedsrv.lints.spans import ranges_of
from feedsrv.model.build import Build
from feedsrv.model.catalogue import CumulativeUpdate
from feedsrv.model.mitigation import HEARTBEAT, PRODUCTION, Mitigation, Status

MIN_LETTERS: Final = 8
"""Fewer letters than this are no explanation in any language: `tbd`, `n/a`, `-`."""


def begins_at_a_released_build(publication: Publication) -> Iterator[Finding]:
    """S1: every range names a catalogued product and begins at a released build of it.

    A slip in a product id or in a build's last number protects nobody, silently. Standing revisions
    are read again, so that a catalogue which lost a product or a build is noticed, too. The heartbeat is
    in every feed, and an agent refuses what does not name its product: so it names them all.
    """
    for draft in publication.candidates:
        if draft.mitigation.id == HEARTBEAT:
            yield from _misses_servers(publication, draft.mitigation)
    for mitigation in publication.after:
        for product in mitigation.products:
            if product not in publication.catalogue.products:
                known = ", ".join(sorted(publication.catalogue.products)) or "no product at all"
                yield Finding(
                    "S1",
                    str(mitigation),
                    f"product {product} is not in the catalogue, which has {known}",
                    "correct the product's id, or add the product to the catalogue first",
                )
                continue
            for build_range in ranges_of(mitigation, product):
                if not publication.has_released(product, build_range.introduced):
                    yield Finding(
                        "S1",
                        str(mitigation),
                        f"product {product}: a range begins at the unreleased {build_range.introduced}",
                        "begin at the first released build that is affected"
                        f"{_near(publication, product, build_range.introduced)}",
                    )


def open_range_says_why(publication: Publication) -> Iterator[Finding]:
    """S2: every range says `fixed`, or the revision says in words that no fix exists yet.

    Without either, nobody can tell a forgotten fix from a missing one. Words that outlive the last open
    range are named as well: they would tell an administrator to keep what can go. A heartbeat protects
    from nothing, so no fix will come; whatever names a vulnerability is no heartbeat.
    """
    for mitigation in publication.active_after:
        if mitigation.is_heartbeat and not mitigation.vulnerabilities:
            continue
        open_ranges = [(product, one) for product, one in mitigation.ranges() if one.fixed is None]
        if not open_ranges and mitigation.no_fix_yet is not None:
            yield Finding(
                "S2",
                str(mitigation),
                "NoFixYet says that no fix exists, but every range names its fixed build",
                "take NoFixYet out",
            )
        elif open_ranges and not says_something(mitigation.no_fix_yet):
            product, build_range = open_ranges[0]
            yield Finding(
                "S2",
                str(mitigation),
                f"product {product}: the range from {build_range.introduced} names no fixed build, "
                "and NoFixYet does not say why",
                "set fixed to the build of the cumulative update with the fix, or say in NoFixYet "
                "(in words) that there is none yet and when one is expected",
            )


def fixed_is_a_registered_update(publication: Publication) -> Iterator[Finding]:
    """S3: `fixed` is the build of a registered cumulative update of that product, above `introduced`.

    At that build agents take the protection away, so the update must be one that we know, of this very
    product, and the fixes known up to it must hold every vulnerability that the mitigation names (or the
    update calls the mitigation needless). That it lies above `introduced` is refused by `BuildRange`
    already. Withdrawn revisions are not asked: agents roll them back whatever their ranges say. What
    stands is not asked either: where a fix turns out not to hold, the catalogue is corrected first, then a
    revision says so (S7), and nothing else must wait for that.
    """
    for draft in publication.candidates:
        mitigation = draft.mitigation
        for product, build_range in mitigation.ranges():
            fixed = build_range.fixed
            if (
                fixed is None
                or product not in publication.catalogue.products
                or mitigation.status is Status.WITHDRAWN
            ):
                continue  # S2 and S1 speak of the first two.
            update = _update(publication, product, fixed)
            if update is None:
                yield Finding(
                    "S3",
                    str(mitigation),
                    f"product {product}: fixed is {fixed}, which is no registered cumulative update of it",
                    "register that cumulative update first, or correct the build",
                )
                continue
            missing = left_open(mitigation, update, (*publication.catalogue.updates, *publication.releasing))
            if missing:
                yield Finding(
                    "S3",
                    str(mitigation),
                    f"product {product}: no registered cumulative update up to {fixed} is known to fix "
                    f"{', '.join(missing)}, yet agents would take the protection away there",
                    f"register the cumulative update {fixed} again with all that it fixes (or with "
                    f"{mitigation.id} among what it makes needless), or correct fixed",
                )


def says_something(words: str | None) -> bool:
    """True where a field holds more than a filler.

    >>> says_something("tbd."), says_something("No fix yet; expected in June")
    (False, True)
    """
    return sum(letter.isalpha() for letter in words or "") >= MIN_LETTERS


def _misses_servers(publication: Publication, heartbeat: Mitigation) -> Iterator[Finding]:
    missing = sorted(set(publication.catalogue.products) - set(heartbeat.products))
    if missing:
        yield Finding(
            "S1",
            str(heartbeat),
            f"the heartbeat does not name {', '.join(missing)}, whose agents would refuse it",
            "add an Affects for each product of the catalogue, from its first build on",
        )
    if heartbeat.channel != PRODUCTION:
        yield Finding(
            "S1",
            str(heartbeat),
            f"the heartbeat is for channel {heartbeat.channel} alone, so other feeds would have none",
            f"give it channel {PRODUCTION}, which is in every feed",
        )


def _near(publication: Publication, product: str, build: Build) -> str:
    """Name the released builds on both sides of a wrong one."""
    releases = [release.build for release in publication.catalogue.product(product).releases]
    below = max((one for one in releases if one < build), default=None)
    above = min((one for one in releases if one > build), default=None)
    sides = [str(one) for one in (below, above) if one is not None]
    return f"; the catalogue has {' and '.join(sides)} nearby"


def _update(publication: Publication, product: str, build: Build) -> CumulativeUpdate | None:
    releasing = (one for one in publication.releasing if (one.product, one.build) == (product, build))
    return publication.catalogue.update(product, build) or next(releasing, None)
