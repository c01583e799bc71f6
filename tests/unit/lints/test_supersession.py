"""S8: every action has its inverse, and what is superseded exists, stays covered, and forms no circle."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feedsrv.lints.rules_supersession import footprint
from feedsrv.model.action import Action, AppPool, DoNothing, Place, Scope, Service
from feedsrv.model.mitigation import Affects, Status
from tests.unit.lints.examples import (
    FINAL_RULE,
    GOOD,
    HEARTBEAT,
    STILL_OPEN,
    find,
    next_of,
    publish,
    span,
    told,
)

BETTER = replace(GOOD, id="M0002", supersedes=("M0001",))


class TestInverses:
    """An inverse belongs to one action."""

    @pytest.mark.parametrize(
        "actions",
        [
            (FINAL_RULE,),
            (FINAL_RULE, replace(FINAL_RULE, id="A2", place=Place(Scope.SERVER))),
            (AppPool("A1", "MSExchangeOWAAppPool"), Service("A2", "MSExchangeOWAAppPool")),
            (DoNothing("A1"), DoNothing("A2")),
        ],
    )
    def test_different_changes_pass(self, actions: tuple[Action, ...]) -> None:
        """Each can be taken back on its own."""
        assert not find("S8", publish(replace(GOOD, actions=actions)))

    @pytest.mark.parametrize(
        "actions",
        [
            (FINAL_RULE, replace(FINAL_RULE, id="A2", name="another name")),
            (FINAL_RULE, replace(FINAL_RULE, id="A2", place=Place(Scope.SITE, site="default web site"))),
            (AppPool("A1", "MSExchangeOWAAppPool"), AppPool("A2", "msexchangeowaapppool")),
            (Service("A1", "MSExchangeUM"), DoNothing("A2"), Service("A3", "MSEXCHANGEUM")),
        ],
    )
    def test_the_same_change_twice_cannot_be_taken_back(self, actions: tuple[Action, ...]) -> None:
        """Whatever they are called, and whatever their case."""
        line = told("S8", publish(replace(GOOD, actions=actions)))

        assert f"actions A1 and {actions[-1].id} make the same change" in line

    def test_places_are_compared_as_iis_does(self) -> None:
        """`/owa/` and `/OWA` are one application, and an application is not its site."""
        owa = replace(FINAL_RULE, place=Place(Scope.APPLICATION, "Default Web Site", "/owa/"))
        same = replace(FINAL_RULE, place=Place(Scope.APPLICATION, "Default Web Site", "/OWA"))

        assert footprint(owa) == footprint(same) != footprint(FINAL_RULE)

    def test_the_heartbeat_changes_nothing(self) -> None:
        """It goes to every server, whatever is said of builds."""
        harmful = replace(HEARTBEAT, actions=(DoNothing("A1"), AppPool("A2", "MSExchangeOWAAppPool")))

        assert "would change something there" in told("S8", publish(harmful))


class TestSupersession:
    """A better mitigation takes over, and nobody is left without."""

    def test_taking_over_passes(self) -> None:
        """What stands, what comes together with it, what is wider, and what was withdrawn."""
        wider = replace(STILL_OPEN, id="M0003", supersedes=("M0001",))
        narrow = replace(BETTER, affects=GOOD.affects[:1])

        assert not find("S8", publish(BETTER, standing=(GOOD,)))
        assert not find("S8", publish(BETTER, GOOD))
        assert not find("S8", publish(wider, standing=(GOOD,)))
        assert not find("S8", publish(narrow, standing=(replace(GOOD, status=Status.WITHDRAWN),)))
        assert not find("S8", publish(HEARTBEAT))

    def test_superseding_nothing_is_named(self) -> None:
        """A slip in the id would leave the old one in place."""
        assert "it supersedes M0011, which was never published" in told(
            "S8", publish(replace(BETTER, supersedes=("M0011",)), standing=(GOOD,))
        )

    def test_nothing_takes_over_from_the_heartbeat(self) -> None:
        """Else it would fall silent on the servers that are best protected."""
        greedy = replace(STILL_OPEN, supersedes=("PING1",))

        assert "it supersedes the heartbeat" in told("S8", publish(greedy, standing=(HEARTBEAT,)))

    @pytest.mark.parametrize(
        ("ranges", "gap"),
        [
            (
                (("15.2.986.5", "15.2.986.36"), ("15.2.1118.7", "15.2.1118.20")),
                "15.2.221.12 up to 15.2.986.5",
            ),
            (
                (("15.2.221.12", "15.2.986.30"), ("15.2.1118.7", "15.2.1118.20")),
                "15.2.986.30 up to 15.2.986.36",
            ),
            ((("15.2.221.12", "15.2.986.36"),), "15.2.1118.7 up to 15.2.1118.20"),
            ((("15.2.221.12", "15.2.986.5"), ("15.2.986.6", None)), "15.2.986.5 up to 15.2.986.6"),
        ],
    )
    def test_a_build_left_uncovered_is_named(
        self, ranges: tuple[tuple[str, str | None], ...], gap: str
    ) -> None:
        """At either end, a whole branch, or one build in the middle."""
        affects = GOOD.affects[0], Affects("exchange-2019", tuple(span(*one) for one in ranges))

        line = told("S8", publish(replace(BETTER, affects=affects), standing=(GOOD,)))

        assert (
            f"M0002 revision 1: product exchange-2019: it supersedes M0001, but leaves builds from {gap}"
            in line
        )

    def test_a_product_left_uncovered_is_named(self) -> None:
        """The same builds of another product do not count."""
        swapped = replace(BETTER, affects=(replace(GOOD.affects[1], product="exchange-2016"),))

        assert len(find("S8", publish(swapped, standing=(GOOD,)))) == 4

    def test_a_fix_does_not_cover_what_is_open(self) -> None:
        """Beyond the new one's fix, the old one still protects."""
        assert "15.1.2375.37 up to" in str(find("S8", publish(BETTER, standing=(STILL_OPEN,)))[0])

    def test_two_ranges_that_meet_cover_together(self) -> None:
        """Nothing lies between the end of one and the beginning of the next."""
        meeting = replace(
            BETTER,
            affects=(
                GOOD.affects[0],
                Affects("exchange-2019", (span("15.2.221.12", "15.2.986.5"), span("15.2.986.5"))),
            ),
        )

        assert not find("S8", publish(meeting, standing=(GOOD,)))

    def test_the_old_one_cannot_grow_out_of_its_successor(self) -> None:
        """A new revision of the superseded is held against the successor that stands."""
        grown = next_of(GOOD, affects=STILL_OPEN.affects)

        findings = find("S8", publish(grown, standing=(GOOD, BETTER)))

        assert {one.subject for one in findings} == {"M0002 revision 1"}

    def test_a_circle_of_two_is_named(self) -> None:
        """Each would wait for the other to be in place."""
        back = replace(next_of(GOOD), supersedes=("M0002",))

        line = told("S8", publish(back, standing=(GOOD, BETTER)))

        assert "supersession goes in a circle" in line
        assert (
            "M0001 supersedes M0002 supersedes M0001" in line or "M0002 supersedes M0001 supersedes" in line
        )

    def test_a_longer_circle_is_named(self) -> None:
        """Closed by one candidate, through two that stand."""
        third = replace(GOOD, id="M0003", supersedes=("M0002",))
        closing = replace(next_of(GOOD), supersedes=("M0003",))

        assert "circle" in told("S8", publish(closing, standing=(GOOD, BETTER, third)))

    def test_what_is_withdrawn_takes_over_nothing(self) -> None:
        """Neither does it close a circle."""
        back = replace(next_of(GOOD), supersedes=("M0002",))
        withdrawn = replace(next_of(BETTER), status=Status.WITHDRAWN)

        assert not find("S8", publish(back, withdrawn, standing=(GOOD, BETTER)))
