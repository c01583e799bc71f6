"""Which mitigation takes over from which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from feedsrv.model.mitigation import Mitigation, Status


def successors(mitigations: Iterable[Mitigation]) -> dict[str, tuple[str, ...]]:
    """For each superseded id, the ids of the active mitigations that take over from it, in order."""
    found: dict[str, set[str]] = {}
    for mitigation in mitigations:
        if mitigation.status is Status.ACTIVE:
            for old in mitigation.supersedes:
                found.setdefault(old, set()).add(mitigation.id)
    return {old: tuple(sorted(new)) for old, new in found.items()}


def find_cycle(supersedes: Mapping[str, Iterable[str]]) -> tuple[str, ...] | None:
    """A chain of supersession that bites its own tail, or None; the first id stands again at the end.

    >>> find_cycle({"M0001": ["M0002"], "M0002": ["M0003"]}) is None
    True
    """
    try:
        TopologicalSorter(supersedes).prepare()
    except CycleError as found:
        return tuple(reversed(found.args[1]))
    return None
