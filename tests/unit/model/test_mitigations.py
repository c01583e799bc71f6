"""Mitigations: right from birth, and able to say whom they concern."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest

from feedsrv.model.action import AppPool, DoNothing
from feedsrv.model.build import Build, BuildRange
from feedsrv.model.mitigation import (
    Affects,
    BadMitigationError,
    Mitigation,
    Severity,
    review_span,
)

RTM, CU = Build.parse("15.2.221.12"), Build.parse("15.2.986.36")
GOOD: Final = Mitigation(
    id="M0001",
    revision=1,
    issued=datetime(2026, 5, 14, 23, 59, tzinfo=UTC),
    severity=Severity.HIGH,
    title="Title",
    description="Description",
    review_by=date(2026, 6, 13),
    affects=(Affects("exchange-2019", (BuildRange(RTM, CU),)), Affects("exchange-se", (BuildRange(CU),))),
    actions=(DoNothing("A1"), AppPool("A2", "Pool")),
)

# What is changed, and words of the refusal.
BAD: Final[tuple[tuple[dict[str, object], str], ...]] = (
    ({"id": "M1"}, "M and four digits"),
    ({"id": "M0001\n"}, "M and four digits"),
    ({"id": "PING2"}, "M and four digits"),
    ({"channel": "Production"}, "lower-case word"),
    ({"channel": ""}, "lower-case word"),
    ({"revision": 0}, "must be 1 or more"),
    ({"revision": 2}, "Change must say"),
    ({"revision": 2, "change": ""}, "Change must say"),
    ({"affects": ()}, "at least one affected product"),
    ({"actions": ()}, "at least one action"),
    ({"affects": (*GOOD.affects, GOOD.affects[0])}, "product exchange-2019 is named more than once"),
    ({"actions": (DoNothing("A1"), AppPool("A1", "Pool"))}, "action id A1 is named more than once"),
    ({"actions": (DoNothing("1"),)}, "a letter, then"),
    ({"actions": (DoNothing("A" * 33),)}, "a letter, then"),
    ({"supersedes": ("M0002", "M0002")}, "M0002 is named more than once"),
    ({"supersedes": ("M0001",)}, "cannot supersede itself"),
    ({"supersedes": ("2",)}, "M and four digits"),
    ({"vulnerabilities": ("2022-41040",)}, "no vulnerability id"),
    ({"vulnerabilities": ("CVE-22-1",)}, "no vulnerability id"),
)


@pytest.mark.parametrize(("changes", "sentence"), BAD)
def test_a_contradiction_cannot_be_made(changes: dict[str, object], sentence: str) -> None:
    """The refusal says which rule was broken."""
    with pytest.raises(BadMitigationError, match=sentence) as refused:
        replace(GOOD, **changes)  # type: ignore[arg-type]  # any field

    assert refused.value.code == "mitigation.contradiction"


@pytest.mark.parametrize("name", ["CVE-2022-41040", "ADV-210022", "GHSA-6vx8-pcwv-xhf4", "CVEX-1", "CV-1"])
def test_vulnerabilities_have_the_names_of_their_publishers(name: str) -> None:
    """CVEs, and vendors' own numbers."""
    assert replace(GOOD, vulnerabilities=(name,)).vulnerabilities == (name,)


OVERLAPS: Final = (
    (BuildRange(RTM, CU), BuildRange(RTM, CU)),
    (BuildRange(RTM), BuildRange(CU)),
    (BuildRange(CU), BuildRange(RTM)),
    (BuildRange(RTM, Build(15, 2, 986, 37)), BuildRange(CU)),
)


@pytest.mark.parametrize("ranges", OVERLAPS)
def test_ranges_of_one_product_do_not_overlap(ranges: tuple[BuildRange, ...]) -> None:
    """In whatever order they are written."""
    with pytest.raises(BadMitigationError, match="overlap"):
        Affects("exchange-2019", ranges)


def test_ranges_may_touch_but_not_be_missing() -> None:
    """One may begin where another is fixed; a product without a range says nothing."""
    touching = Affects("exchange-2019", (BuildRange(CU), BuildRange(RTM, CU)))

    assert touching.holds(RTM)
    assert touching.holds(CU)
    with pytest.raises(BadMitigationError, match="at least one range"):
        Affects("exchange-2019", ())


# product, build, affected
CONCERNED: Final = (
    ("exchange-2019", "15.2.221.12", True),
    ("exchange-2019", "15.2.986.36", False),
    ("exchange-se", "15.2.986.36", True),
    ("exchange-se", "15.2.221.12", False),
    ("exchange-2016", "15.2.221.12", False),
)


@pytest.mark.parametrize(("product", "build", "affected"), CONCERNED)
def test_a_mitigation_knows_whom_it_concerns(product: str, build: str, affected: bool) -> None:
    """By product and build; the ranges of one product say nothing about another."""
    assert GOOD.affects_build(product, Build.parse(build)) is affected


def test_a_mitigation_tells_its_ranges_and_which_are_open() -> None:
    """An open range has no fix yet."""
    closed = replace(GOOD, affects=GOOD.affects[:1])

    assert list(GOOD.ranges()) == [
        ("exchange-2019", BuildRange(RTM, CU)),
        ("exchange-se", BuildRange(CU)),
    ]
    assert GOOD.products == ("exchange-2019", "exchange-se")
    assert GOOD.has_open_range
    assert not closed.has_open_range


def test_a_heartbeat_does_nothing_at_all() -> None:
    """One action that does something makes it a mitigation like another."""
    assert replace(GOOD, actions=(DoNothing("A1"),)).is_heartbeat
    assert not GOOD.is_heartbeat


def test_the_review_span_is_counted_in_days() -> None:
    """From the day of issue, whatever the hour."""
    assert review_span(GOOD) == timedelta(days=30)
