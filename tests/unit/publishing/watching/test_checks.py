"""The table of checks, and the events that are made from it."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from feedsrv.publishing.watching.checks import CHECKS, Check, examine, judged
from feedsrv.publishing.watching.events import CRITICAL, TABLE, found_by, names_of
from feedsrv.publishing.watching.reaching import PARTS
from feedsrv.publishing.watching.results import BOTH, Grade, NotHealthyError, Result, stops, worst
from feedsrv.publishing.watching.seen import Seen, Trouble
from feedsrv.trust.profile import Kind
from tests.unit.publishing.watching.seeing import AT, SPANS, graver, well


def test_where_all_is_well_nothing_else_is_said() -> None:
    """Every check was judged, and none found anything."""
    seen = well()

    assert graver(seen) == {}
    assert judged(seen) == CHECKS
    assert worst(examine(seen)) is Grade.OK


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_a_checks_results_bear_its_name(check: Check) -> None:
    """By which people look it up."""
    results = list(check.judge(well()))

    assert results
    assert {one.check for one in results} == {check.name}


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_numbers_for_metrics_come_with_a_gauge(check: Check) -> None:
    """A value without a name would be lost, and a gauge without a value promised in vain."""
    values = [one.value for one in check.judge(well())]

    assert any(value is not None for value in values) is (check.gauge is not None)


def test_subjects_are_unique_within_a_check() -> None:
    """Else one would hide the other in metrics and events."""
    subjects = [(one.check, one.subject) for one in examine(well())]

    assert len(subjects) == len(set(subjects))


def test_results_stand_in_order_of_gravity() -> None:
    """The worst first, since that is where people begin."""
    seen = well(at=AT.replace(year=2040))

    grades = [one.grade for one in examine(seen)]

    assert grades[0] is Grade.CRITICAL
    assert all(before >= after for before, after in pairwise(grades))


@pytest.mark.parametrize("part", PARTS)
def test_a_broken_part_is_critical_and_the_rest_is_judged(part: str) -> None:
    """Its code and its sentence are told on."""
    seen = Seen(AT, SPANS, troubles=(Trouble(part, "some.code", "it is gone."),))

    found = {one.subject: one for one in examine(seen) if one.check == "part.broken"}

    assert found[part].grade is Grade.CRITICAL
    assert found[part].sentence == f"the {part} cannot be used [some.code]: it is gone"
    assert {found[other].grade for other in PARTS if other != part} == {Grade.OK}


def test_a_refusal_to_publish_lists_what_was_found() -> None:
    """With what to do about each."""
    found = Result("clock.behind", "records", Grade.CRITICAL, "the clock is wrong", "Set it", stops=BOTH)

    refusal = NotHealthyError([found])

    assert refusal.code == "publish.not_healthy"
    assert refusal.findings == (found,)
    assert "clock.behind: the clock is wrong. Set it." in str(refusal)


def test_only_what_stops_the_kinds_that_are_signed_counts() -> None:
    """A refresh signs feeds alone."""
    results = [
        Result("a", "", Grade.CRITICAL, "", stops=frozenset({Kind.MITIGATION})),
        Result("b", "", Grade.CRITICAL, "", stops=BOTH),
        Result("c", "", Grade.CRITICAL, ""),
    ]

    assert [one.check for one in stops(results)] == ["a", "b"]
    assert [one.check for one in stops(results, frozenset({Kind.FEED}))] == ["b"]


def test_event_numbers_come_in_pairs_of_their_own() -> None:
    """2000 to 2999 are the server's; a begin is even, and its end the number after."""
    begins = [one.begins for one in TABLE]

    assert all(2000 <= number <= 2998 and number % 2 == 0 for number in begins)
    assert len(set(begins)) == len(begins) == len({one.name for one in TABLE})


def test_every_condition_has_a_cause_and_a_resolution() -> None:
    """Whole sentences, for people who read them at night."""
    for one in TABLE:
        assert re.fullmatch(r"[a-z]+(\.[a-z]+)+", one.name)
        assert one.cause.endswith(".")
        assert one.resolution.endswith(".")


def test_every_check_is_a_condition_and_a_graver_one() -> None:
    """So that a warning that becomes critical is told by a number of its own."""
    names = {one.name for one in TABLE}

    assert set(names_of(check.name for check in CHECKS)) <= names
    assert {name.removesuffix(CRITICAL) for name in names if name.endswith(CRITICAL)} == {
        check.name for check in CHECKS
    }


def test_what_is_critical_opens_two_conditions_and_a_warning_one() -> None:
    """By check and subject; what is in order opens none."""
    results = [
        Result("feed.overdue", "a", Grade.CRITICAL, "expired"),
        Result("feed.overdue", "b", Grade.WARNING, "late"),
        Result("feed.overdue", "c", Grade.OK, "fresh"),
    ]

    assert found_by(results) == {
        ("feed.overdue", "a"): "expired",
        ("feed.overdue.critical", "a"): "expired",
        ("feed.overdue", "b"): "late",
    }
