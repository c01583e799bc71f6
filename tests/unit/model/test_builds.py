"""Builds and ranges: the one way in which "affected" is decided."""

from __future__ import annotations

import pytest
from hypothesis import given

from feedsrv.model.build import BadBuildError, BadRangeError, Build, BuildRange
from tests import words
from tests.words import QUICK


@pytest.mark.parametrize(
    "text",
    [
        "",
        "15.2.986",
        "15.2.986.5.1",
        "15.2.986.05",
        "15.2.986.-5",
        "15.2.986.5 ",
        "15.2.986.5\n",
        " 15.2.986.5",
        "15,2,986,5",
        "15.2.986.x",
        "15.2.986.\u0665",
        "15.2.986.1_0",
        "15.2.986.99999999999",
    ],
)
def test_what_is_not_a_build_is_refused(text: str) -> None:
    """Leading zeros too: `036` and `36` would be one build with two names."""
    with pytest.raises(BadBuildError) as refused:
        Build.parse(text)

    assert refused.value.code == "build.malformed"


def test_a_refused_build_is_quoted_in_short() -> None:
    """Whoever sends a megabyte does not get it back."""
    with pytest.raises(BadBuildError) as refused:
        Build.parse("9" * 1_000_000)

    assert len(str(refused.value)) < 250


@QUICK
@given(words.builds())
def test_a_build_reads_as_it_is_written(build: Build) -> None:
    """Text and back."""
    assert Build.parse(str(build)) == build


# introduced, fixed, build, affected
HELD = (
    ("15.2.221.12", "15.2.986.36", "15.2.221.12", True),
    ("15.2.221.12", "15.2.986.36", "15.2.986.35", True),
    ("15.2.221.12", "15.2.986.36", "15.2.986.36", False),
    ("15.2.221.12", "15.2.986.36", "15.2.1118.7", False),
    ("15.2.221.12", "15.2.986.36", "15.2.221.11", False),
    ("15.2.221.12", "15.2.986.36", "15.1.2507.6", False),
    ("15.2.221.12", None, "99.0.0.0", True),
    ("15.2.221.12", None, "15.2.221.11", False),
)


@pytest.mark.parametrize(("introduced", "fixed", "build", "affected"), HELD)
def test_a_range_begins_at_introduced_and_ends_before_fixed(
    introduced: str, fixed: str | None, build: str, affected: bool
) -> None:
    """Numbers are compared as numbers: 986 lies below 1118."""
    one = BuildRange(Build.parse(introduced), None if fixed is None else Build.parse(fixed))

    assert one.holds(Build.parse(build)) is affected


@QUICK
@given(words.builds(), words.builds())
def test_a_range_that_holds_nothing_is_refused(one: Build, other: Build) -> None:
    """The fix lies above the first affected build, or there is no range."""
    low, high = sorted((one, other))

    with pytest.raises(BadRangeError) as refused:
        BuildRange(high, low)

    assert refused.value.code == "build.empty_range"
    assert str(low) in str(refused.value)
    if low < high:
        assert BuildRange(low, high).holds(low)
