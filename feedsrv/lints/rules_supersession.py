"""Taking back and taking over: S8."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from feedsrv.lints.finding import Finding
from feedsrv.lints.publication import Publication
from feedsrv.lints.spans import first_gap, ranges_of
from feedsrv.model.action import Action, AppPool, DoNothing, Place, Service, UrlRewrite
from feedsrv.model.mitigation import HEARTBEAT, Mitigation, Status
from feedsrv.model.supersession import find_cycle

Footprint = tuple[object, ...]
"""What taking an action back would touch; two actions with one footprint undo each other's work."""


def can_be_taken_back(publication: Publication) -> Iterator[Finding]:
    """S8: every action has its inverse; what is superseded exists, stays covered, and forms no circle.

    An inverse belongs to one action: two actions of a mitigation that stop the same pool, or write the
    same rule, could not be taken back one by one. A superseded mitigation is rolled back where its
    successor is in place, so a build that only the old one holds would lose its protection unnoticed.
    The heartbeat has nothing to take back, and nothing takes over from it.
    """
    for draft in publication.candidates:
        yield from _shared_inverses(draft.mitigation)
        if draft.mitigation.id == HEARTBEAT and not draft.mitigation.is_heartbeat:
            yield Finding(
                "S8",
                str(draft.mitigation),
                "the heartbeat goes to every server, whatever it runs, and would change something there",
                "leave DoNothing as its only kind of action, and write a mitigation for the rest",
            )
    after = {mitigation.id: mitigation for mitigation in publication.after}
    for mitigation in publication.active_after:
        for old_id in mitigation.supersedes:
            old = after.get(old_id)
            if old is None:
                yield Finding(
                    "S8",
                    str(mitigation),
                    f"it supersedes {old_id}, which was never published",
                    f"correct the id, or publish {old_id} first or together with it",
                )
            elif old_id == HEARTBEAT:
                yield Finding(
                    "S8",
                    str(mitigation),
                    "it supersedes the heartbeat, which shows on every server that the whole path works",
                    f"take {HEARTBEAT} out of Supersedes",
                )
            elif old.status is Status.ACTIVE:
                yield from _left_uncovered(mitigation, old)
    cycle = find_cycle({one.id: one.supersedes for one in publication.active_after})
    if cycle is not None:
        yield Finding(
            "S8",
            str(after[cycle[0]]),
            f"supersession goes in a circle: {' supersedes '.join(cycle)}",
            "take one Supersedes out, so that one of them is the newest",
        )


def footprint(action: Action) -> Footprint | None:
    """What taking an action back touches; None where there is nothing to take back.

    A new kind of action must say so here before it can be published. Windows and IIS compare
    names without case.
    """
    match action:
        case UrlRewrite(place=place, rule=rule):
            return ("rule", _place_key(place), rule)
        case AppPool(pool=pool):
            return ("application pool", pool.casefold())
        case Service(service=service):
            return ("service", service.casefold())
        case DoNothing():
            return None
        case _:
            assert_never(action)


def _place_key(place: Place) -> tuple[str, ...]:
    return (place.scope, (place.site or "").casefold(), (place.path or "").casefold().rstrip("/"))


def _shared_inverses(mitigation: Mitigation) -> Iterator[Finding]:
    first: dict[Footprint, str] = {}
    for action in mitigation.actions:
        touched = footprint(action)
        if touched is None:
            continue
        if touched in first:
            yield Finding(
                "S8",
                str(mitigation),
                f"actions {first[touched]} and {action.id} make the same change ({touched[0]}), so neither "
                "can be taken back without the other",
                f"take action {action.id} out",
            )
        first.setdefault(touched, action.id)


def _left_uncovered(mitigation: Mitigation, old: Mitigation) -> Iterator[Finding]:
    for product, build_range in old.ranges():
        gap = first_gap(build_range, ranges_of(mitigation, product))
        if gap is not None:
            yield Finding(
                "S8",
                str(mitigation),
                f"product {product}: it supersedes {old.id}, but leaves builds from {gap} uncovered",
                f"cover them too, or end the range of {old.id} first where a fix is out",
            )
