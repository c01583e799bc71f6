"""Ranges of builds: S1 where they begin, S2 what an open end owes, S3 where they end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from feedsrv.lints.finding import Finding
from feedsrv.lints.publication import Publication
from feedsrv.lints.spans import ranges_of
from feedsrv.model.build import Build
from feedsrv.model.mitigation import Mitigation

MIN_LETTERS: Final = 8
"""Fewer letters than this are no explanation in any language: `tbd`, `n/a`, `-`."""


def begins_at_a_released_build(publication: Publication) -> Iterator[Finding]:
    """S1: every range names a catalogued product and begins at a released build of it.

    A slip in a product id or in a build's last number protects nobody, silently. Standing revisions
    are read again, so that a catalogue which lost a product or a build is noticed, too.
    """
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
    already. Withdrawn revisions are not asked: agents roll them back whatever their ranges say.
    """
    for mitigation in publication.active_after:
        for product, build_range in mitigation.ranges():
            fixed = build_range.fixed
            if fixed is None or product not in publication.catalogue.products:
                continue  # S2 and S1 speak of these.
            if not _is_update(publication, product, fixed):
                yield Finding(
                    "S3",
                    str(mitigation),
                    f"product {product}: fixed is {fixed}, which is no registered cumulative update of it",
                    "register that cumulative update first, or correct the build",
                )
                continue
            missing = _not_fixed_by(publication, mitigation, product, fixed)
            if missing:
                yield Finding(
                    "S3",
                    str(mitigation),
                    f"product {product}: no registered cumulative update up to {fixed} is known to fix "
                    f"{', '.join(missing)}, yet agents would take the protection away there",
                    f"add what it fixes to the cumulative update {fixed} in the catalogue (or list "
                    f"{mitigation.id} among what it makes needless), or correct fixed",
                )


def says_something(words: str | None) -> bool:
    """True where a field holds more than a filler.

    >>> says_something("tbd."), says_something("No fix yet; expected in June")
    (False, True)
    """
    return sum(letter.isalpha() for letter in words or "") >= MIN_LETTERS


def _near(publication: Publication, product: str, build: Build) -> str:
    """Name the released builds on both sides of a wrong one."""
    releases = [release.build for release in publication.catalogue.product(product).releases]
    below = max((one for one in releases if one < build), default=None)
    above = min((one for one in releases if one > build), default=None)
    sides = [str(one) for one in (below, above) if one is not None]
    return f"; the catalogue has {' and '.join(sides)} nearby"


def _is_update(publication: Publication, product: str, build: Build) -> bool:
    return publication.catalogue.update(product, build) is not None or any(
        (update.product, update.build) == (product, build) for update in publication.releasing
    )


def _not_fixed_by(
    publication: Publication, mitigation: Mitigation, product: str, fixed: Build
) -> tuple[str, ...]:
    """Vulnerabilities of the mitigation that no known update of the product fixes at or below `fixed`."""
    known = [
        update
        for update in (*publication.catalogue.updates, *publication.releasing)
        if update.product == product and update.build <= fixed
    ]
    if any(update.build == fixed and mitigation.id in update.needless for update in known):
        return ()
    fixes = {vulnerability for update in known for vulnerability in update.fixes}
    return tuple(one for one in mitigation.vulnerabilities if one not in fixes)
