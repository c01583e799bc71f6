"""What a revision means for everything else: other mitigations, and the builds that people run.

Nothing here is kept or fetched: words in, sentences out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from feedsrv.model.build import Build, BuildRange
from feedsrv.model.catalogue import Catalogue, UpdateStage
from feedsrv.model.mitigation import PRODUCTION, Mitigation, Status
from feedsrv.publishing.summaries import BuildLine, Summary

_MOST_NAMED = 6
"""Builds that a sentence names one by one."""


def builds_of(mitigation: Mitigation, catalogue: Catalogue) -> tuple[BuildLine, ...]:
    """Every build that the catalogue knows of a mitigation's products, and where it stands to each."""
    return tuple(line for product in mitigation.products for line in _lines(mitigation, product, catalogue))


def effects(
    before: Mitigation | None,
    after: Mitigation,
    *,
    taken_over: Mapping[str, tuple[str, ...]],
    standing: Mapping[str, Summary],
    catalogue: Catalogue,
) -> tuple[str, ...]:
    """What publishing `after` in the place of `before` does beyond its own words, one sentence each.

    `taken_over` says which active mitigations supersede which now; `standing` holds what is published of
    those that either of the two names.
    """
    return (
        *_on_others(before, after, taken_over, standing),
        *_on_itself(after, taken_over),
        *_on_builds(before, after, catalogue),
    )


def _on_others(
    before: Mitigation | None,
    after: Mitigation,
    taken_over: Mapping[str, tuple[str, ...]],
    standing: Mapping[str, Summary],
) -> Iterator[str]:
    was, now = _superseding(before), _superseding(after)
    for old in sorted(was ^ now):
        others = [one for one in taken_over.get(old, ()) if one != after.id]
        published = standing.get(old)
        if published is None:
            if old in now:
                yield f"{old} is superseded, though nothing of it is published"
        elif published.status is Status.ACTIVE:
            yield _on_one(old, after, is_new=old in now, others=others) + _where(published, before, after)


def _on_one(old: str, after: Mitigation, *, is_new: bool, others: list[str]) -> str:
    if is_new and others:
        return f"{old} is superseded by {after.id}, too; it was already by {', '.join(others)}"
    if is_new:
        return f"{old} is superseded: agents take it back where {after.id} is applied in its place"
    if others:
        return f"{old} stays superseded, by {', '.join(others)}"
    return f"{old} is active again: agents apply it on the builds that it affects"


def _where(old: Summary, before: Mitigation | None, after: Mitigation) -> str:
    """What only one channel is told of changes nothing in the others."""
    channels = {one.channel for one in (before, after) if one is not None}
    return "" if channels & {PRODUCTION, old.channel} else f" (only in channel {after.channel})"


def _superseding(mitigation: Mitigation | None) -> frozenset[str]:
    if mitigation is None or mitigation.status is not Status.ACTIVE:
        return frozenset()
    return frozenset(mitigation.supersedes)


def _on_itself(after: Mitigation, taken_over: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    by = [one for one in taken_over.get(after.id, ()) if one != after.id]
    if by and after.status is Status.ACTIVE:
        yield f"{after.id} itself is superseded by {', '.join(by)}, so no agent applies it"


def _on_builds(before: Mitigation | None, after: Mitigation, catalogue: Catalogue) -> Iterator[str]:
    if after.status is Status.WITHDRAWN:
        if before is None or before.status is Status.ACTIVE:
            yield f"{after.id} is taken back on every server that has it"
        return
    if before is None:
        return
    products = dict.fromkeys((*before.products, *after.products))
    for product in products:
        was, now = _affected(before, product, catalogue), _affected(after, product, catalogue)
        if gone := [name for build, name in was.items() if build not in now]:
            yield f"{product}: no longer affected, so rolled back there: {_named(gone)}"
        if new := [name for build, name in now.items() if build not in was]:
            yield f"{product}: newly affected: {_named(new)}"


def _affected(mitigation: Mitigation, product: str, catalogue: Catalogue) -> dict[Build, str]:
    if mitigation.status is not Status.ACTIVE:
        return {}
    return {
        line.build: f"{line.name} ({line.build})"
        for line in _lines(mitigation, product, catalogue)
        if line.state == "affected"
    }


def _named(builds: list[str]) -> str:
    if len(builds) <= _MOST_NAMED:
        return ", ".join(builds)
    return f"{', '.join(builds[: _MOST_NAMED - 1])} and {len(builds) - _MOST_NAMED + 1} more"


def _lines(mitigation: Mitigation, product_id: str, catalogue: Catalogue) -> Iterator[BuildLine]:
    ranges = [one for product, one in mitigation.ranges() if product == product_id]
    product = catalogue.products.get(product_id)
    known = {one.build: (one.name, one.released, False) for one in product.releases} if product else {}
    for update in catalogue.updates:
        if update.product == product_id:
            is_open = update.stage is UpdateStage.REGISTERED
            known.setdefault(update.build, (update.name, update.released, is_open))
    for build, (name, released, is_open) in sorted(known.items()):
        state = "registered" if is_open else _state(ranges, build)
        yield BuildLine(product_id, build, name, released, state)


def _state(ranges: list[BuildRange], build: Build) -> str:
    if any(one.holds(build) for one in ranges):
        return "affected"
    # Between two ranges, the build is one that the range below it names as fixed.
    return "fixed" if any(one.fixed is not None and one.fixed <= build for one in ranges) else "before"
