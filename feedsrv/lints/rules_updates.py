"""Cumulative updates and the protections they make needless: S4."""

from __future__ import annotations

from collections.abc import Iterator

from feedsrv.lints.finding import Finding
from feedsrv.lints.fixes import concerns
from feedsrv.lints.publication import Publication
from feedsrv.lints.spans import ranges_of
from feedsrv.model.catalogue import CumulativeUpdate
from feedsrv.model.mitigation import Mitigation


def released_update_ends_protection(publication: Publication) -> Iterator[Finding]:
    """S4: once a cumulative update is released, nothing active that it ends still holds its build.

    It obliges exactly the range of its product that holds the update's own build, since a server that has
    just installed the update would keep, or get, a protection it no longer needs. Ranges of other
    branches (other cumulative updates of the same product) wait for their own update.

    What is new is judged by every released update. What stands is judged by those that this publication
    releases, so that no release leaves a drafted revision behind. That an update released long ago turns
    out to fix more is no reason to hold up an emergency: registering it again drafts the revisions, and
    importing a catalogue is refused where it would end what stands without a word. An update that is only
    registered obliges nothing.
    """
    known = tuple(publication.released_updates())
    releasing = {(update.product, update.build) for update in publication.releasing}
    ids = {draft.mitigation.id for draft in publication.candidates}
    active = publication.active_after
    new = tuple(mitigation for mitigation in active if mitigation.id in ids)
    for update in known:
        is_releasing = (update.product, update.build) in releasing
        for mitigation in active if is_releasing else new:
            if not concerns(update, mitigation, known):
                continue
            for build_range in ranges_of(mitigation, update.product):
                if build_range.holds(update.build):
                    yield Finding(
                        "S4",
                        str(mitigation),
                        f"product {update.product}: the range {build_range} still holds {update.build}, "
                        f"where {update.name} fixes it ({_why(update, mitigation)})",
                        f"set fixed to {update.build} or lower; if the fix does not hold, correct in "
                        "the catalogue what that update fixes"
                        if mitigation.id in ids
                        else "have the drafted revision that ends there approved, and release both together",
                    )


def _why(update: CumulativeUpdate, mitigation: Mitigation) -> str:
    fixed = [one for one in mitigation.vulnerabilities if one in update.fixes]
    return ", ".join(fixed) or f"it makes {mitigation.id} needless"
