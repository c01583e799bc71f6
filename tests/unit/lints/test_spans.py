"""Sums with ranges of builds, against counting builds one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from feedsrv.lints.spans import first_gap, shared
from feedsrv.model.build import Build, BuildRange

ALL = [Build(1, 0, 0, number) for number in range(12)]
ENDLESS = Build(9, 0, 0, 0)  # Stands for every build above: only open ranges hold it.


@st.composite
def ranges(draw: st.DrawFn) -> BuildRange:
    """A range of a few builds, sometimes open."""
    begin = draw(st.integers(0, 9))
    end = draw(st.none() | st.integers(begin + 1, 11))
    return BuildRange(ALL[begin], None if end is None else ALL[end])


def held(one: BuildRange | None) -> set[Build]:
    """The builds a range holds, one by one."""
    return set() if one is None else {build for build in (*ALL, ENDLESS) if one.holds(build)}


@given(ranges(), ranges())
def test_shared_builds_are_those_that_both_hold(one: BuildRange, other: BuildRange) -> None:
    """In whatever order they are given."""
    assert held(shared(one, other)) == held(one) & held(other) == held(shared(other, one))


@given(ranges(), st.lists(ranges(), max_size=4))
def test_the_first_gap_begins_at_the_first_build_left_out(
    wanted: BuildRange, covering: list[BuildRange]
) -> None:
    """It holds nothing that is covered, and there is none exactly where all is covered."""
    left = held(wanted) - set().union(*map(held, covering))

    gap = first_gap(wanted, covering)

    assert held(gap) <= left
    assert (gap is None) == (not left)
    assert gap is None or gap.introduced == min(left)
