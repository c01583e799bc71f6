"""Sums with ranges of builds: what two share, and what some leave uncovered."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from feedsrv.model.build import Build, BuildRange
from feedsrv.model.mitigation import Mitigation


def ranges_of(mitigation: Mitigation, product: str) -> tuple[BuildRange, ...]:
    """The affected ranges of one product; empty where the mitigation does not name it."""
    return tuple(build_range for named, build_range in mitigation.ranges() if named == product)


def shared(one: BuildRange, other: BuildRange) -> BuildRange | None:
    """The builds that both hold, or None.

    >>> print(shared(BuildRange(Build(1, 0, 0, 0)), BuildRange(Build(0, 0, 0, 0), Build(2, 0, 0, 0))))
    1.0.0.0 up to 2.0.0.0
    """
    return _between(max(one.introduced, other.introduced), _lower(one.fixed, other.fixed))


def first_gap(wanted: BuildRange, covering: Iterable[BuildRange]) -> BuildRange | None:
    """The first builds of `wanted` that no range of `covering` holds, or None.

    >>> wanted = BuildRange(Build(1, 0, 0, 0), Build(9, 0, 0, 0))
    >>> below, above = BuildRange(Build(0, 9, 0, 0), Build(2, 0, 0, 0)), BuildRange(Build(5, 0, 0, 0))
    >>> print(first_gap(wanted, [above, below]))
    2.0.0.0 up to 5.0.0.0
    """
    begin = wanted.introduced
    for one in sorted(covering, key=attrgetter("introduced")):
        if one.introduced > begin:
            gap = _between(begin, _lower(one.introduced, wanted.fixed))
            if gap is not None:
                return gap
        if one.fixed is None:
            return None
        begin = max(begin, one.fixed)
    return _between(begin, wanted.fixed)


def _lower(one: Build | None, other: Build | None) -> Build | None:
    ends = [end for end in (one, other) if end is not None]
    return min(ends, default=None)


def _between(begin: Build, end: Build | None) -> BuildRange | None:
    return BuildRange(begin, end) if end is None or begin < end else None
