"""Cumulative updates and the protections they make needless: S4."""

from __future__ import annotations

from collections.abc import Iterator

from feedsrv.lints.finding import Finding
from feedsrv.lints.publication import Publication
from feedsrv.lints.spans import ranges_of
from feedsrv.model.catalogue import CumulativeUpdate
from feedsrv.model.mitigation import Mitigation


def released_update_ends_protection(publication: Publication) -> Iterator[Finding]:
    """S4: once a cumulative update is released, nothing active that it fixes still holds its build.

    An update concerns a mitigation when it fixes one of its vulnerabilities or calls it needless. It
    obliges exactly the range of its product that holds the update's own build, since a server that has
    just installed the update would keep, or get, a protection it no longer needs. Ranges of other
    branches (other cumulative updates of the same product) wait for their own update.

    What stands is judged as well as what is new: a release therefore cannot leave a drafted revision
    behind, and a catalogue cannot release an update past the drafts. An update that is only registered
    obliges nothing, so it never holds up an emergency.
    """
    releasing = {(update.product, update.build) for update in publication.releasing}
    candidates = {draft.mitigation.id for draft in publication.candidates}
    for update in publication.released_updates():
        for mitigation in publication.active_after:
            if not concerns(update, mitigation):
                continue
            for build_range in ranges_of(mitigation, update.product):
                if build_range.holds(update.build):
                    is_left_behind = (update.product, update.build) in releasing and (
                        mitigation.id not in candidates
                    )
                    yield Finding(
                        "S4",
                        str(mitigation),
                        f"product {update.product}: the range {build_range} still holds {update.build}, "
                        f"where {update.name} fixes it ({_why(update, mitigation)})",
                        "have the drafted revision that ends there approved, and release both together"
                        if is_left_behind
                        else f"set fixed to {update.build} or lower; if the fix does not hold, correct in "
                        "the catalogue what that update fixes",
                    )


def concerns(update: CumulativeUpdate, mitigation: Mitigation) -> bool:
    """True where an update fixes something that the mitigation protects from, or calls it needless."""
    return mitigation.id in update.needless or not set(update.fixes).isdisjoint(mitigation.vulnerabilities)


def _why(update: CumulativeUpdate, mitigation: Mitigation) -> str:
    fixed = [one for one in mitigation.vulnerabilities if one in update.fixes]
    return ", ".join(fixed) or f"it makes {mitigation.id} needless"
