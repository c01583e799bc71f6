"""A clock that cannot be believed is found out, by our own records and by others'."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from feedsrv.publishing.watching.results import BOTH, NEITHER, Grade
from feedsrv.publishing.watching.seen import ClockSeen, StoreSeen
from tests.unit.publishing.watching.seeing import AT, URL, act, head, of, well, worst_of


@pytest.mark.parametrize(
    ("behind", "grade", "stops"),
    [
        (timedelta(seconds=59), Grade.OK, NEITHER),
        (timedelta(seconds=61), Grade.WARNING, NEITHER),
        (timedelta(minutes=5, seconds=1), Grade.CRITICAL, BOTH),
    ],
)
def test_a_clock_behind_the_audit_log_is_found_out(
    behind: timedelta, grade: Grade, stops: frozenset[str]
) -> None:
    """Another process may be a little ahead; minutes are another matter, and stop publishing."""
    seen = well(store=StoreSeen((), act(AT + behind), None))

    found = of("clock.behind", seen)["records"]

    assert found.grade is grade
    assert found.stops == stops
    assert found.value == behind.total_seconds()


def test_a_clock_behind_the_last_publication_is_found_out() -> None:
    """The newest feed counts as well, and is named."""
    seen = well(store=StoreSeen((head(issued=AT + timedelta(hours=2)),), act(AT), None))

    found = of("clock.behind", seen)["records"]

    assert found.grade is Grade.CRITICAL
    assert "2 hours before the feed exchange-2019/production of 2026-05-14 14:30 UTC" in found.sentence


def test_feeds_of_a_clock_that_was_ahead_stand_in_nobodys_way() -> None:
    """Once somebody has said so; what is written down from then on still tells."""
    early = StoreSeen((head(issued=AT + timedelta(hours=8)),), act(AT), None, clock_was_ahead=True)
    set_back = replace(early, newest_act=act(AT + timedelta(hours=2)))

    assert of("clock.behind", well(store=early))["records"].grade is Grade.OK
    assert of("clock.behind", well(store=set_back))["records"].grade is Grade.CRITICAL


def test_without_a_database_the_feeds_on_the_shelf_tell() -> None:
    """What agents have seen is a record, too."""
    found = of("clock.behind", well(at=AT - timedelta(days=1), store=None))["records"]

    assert found.grade is Grade.CRITICAL


def test_a_clock_in_1970_is_before_every_certificate() -> None:
    """On a new machine without a record, the certificates tell."""
    lost = datetime(1970, 1, 1, 0, 3, tzinfo=UTC)

    found = of("clock.behind", well(at=lost, store=StoreSeen((), None, None), shelf=None))

    assert list(found) == ["certificates"]
    assert found["certificates"].grade is Grade.CRITICAL
    assert found["certificates"].stops == BOTH
    assert "the clock says 1970-01-01 00:03 UTC" in found["certificates"].sentence


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("off", "grade"),
    [
        (timedelta(seconds=60), Grade.OK),
        (timedelta(seconds=61), Grade.WARNING),
        (timedelta(seconds=301), Grade.CRITICAL),
    ],
)
def test_a_clock_that_differs_from_another_is_told_with_its_direction(
    sign: int, off: timedelta, grade: Grade
) -> None:
    """A minute warns, five are critical, both ways."""
    found = worst_of("clock.skewed", well(clocks=(ClockSeen(URL, sign * off),)))

    assert found.grade is grade
    assert found.value == sign * off.total_seconds()
    assert ("ahead of" if sign > 0 else "behind") in found.sentence


def test_of_several_clocks_the_median_counts() -> None:
    """One source that is wrong by an hour says nothing about our clock."""
    said = (timedelta(seconds=2), timedelta(hours=1), timedelta(seconds=-3))
    clocks = tuple(ClockSeen(f"https://{number}.example", one) for number, one in enumerate(said))

    found = worst_of("clock.skewed", well(clocks=clocks))

    assert found.grade is Grade.OK
    assert found.value == 2


def test_a_source_that_says_nothing_is_named_and_the_others_count() -> None:
    """A warning about the source, and none about the clock."""
    seen = well(
        clocks=(ClockSeen("https://a.example", None, "DNS: no such name"), ClockSeen(URL, timedelta()))
    )

    assert of("clock.silent", seen)["https://a.example"].grade is Grade.WARNING
    assert "DNS: no such name" in of("clock.silent", seen)["https://a.example"].sentence
    assert worst_of("clock.skewed", seen).grade is Grade.OK


def test_without_any_source_it_is_said_that_nobody_was_asked() -> None:
    """Which is no finding, and no lie."""
    found = worst_of("clock.skewed", well(clocks=()))

    assert found.grade is Grade.OK
    assert "no other clock was asked" in found.sentence


def test_a_look_without_the_network_judges_nothing_that_needs_it() -> None:
    """Who could not look knows nothing."""
    seen = replace(well(), public=None, clocks=(), network=False)

    assert of("clock.skewed", seen) == of("clock.silent", seen) == of("public.failing", seen) == {}
