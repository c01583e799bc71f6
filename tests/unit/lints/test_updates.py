"""S4: a cumulative update takes effect together with the rollbacks it causes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from feedsrv.lints.finding import Finding
from feedsrv.model.catalogue import Catalogue, CumulativeUpdate, UpdateStage
from feedsrv.model.mitigation import Affects, Mitigation, Status
from tests.unit.lints.examples import (
    CATALOGUE,
    CVE,
    EXCHANGE_2016,
    EXCHANGE_2019,
    GOOD,
    HEARTBEAT,
    NOT_YET,
    STILL_OPEN,
    UPDATES_2016,
    UPDATES_2019,
    find,
    next_of,
    publish,
    span,
    told,
    update,
)

CU22, CU23 = UPDATES_2016
REGISTERED = Catalogue.of(
    [EXCHANGE_2016, EXCHANGE_2019],
    [replace(one, stage=UpdateStage.REGISTERED) for one in (*UPDATES_2016, *UPDATES_2019)],
)


class TestS4:
    """After its release, nothing active that an update fixes still holds the update's build."""

    def test_fixed_everywhere_passes(self) -> None:
        """Each branch ends at its own update."""
        assert not find("S4", publish(GOOD))

    def test_an_open_range_past_a_released_update_is_named(self) -> None:
        """Mitigation, product, build, vulnerability and remedy are all there."""
        findings = find("S4", publish(STILL_OPEN))

        assert len(findings) == 4
        assert "M0001 revision 1: product exchange-2016: the range 15.1.225.42 up to any" in str(findings[0])
        assert "still holds 15.1.2375.37, where update 15.1.2375.37 fixes it (CVE-2022-41040)" in str(
            findings[0]
        )

    def test_a_fix_beyond_the_released_update_is_no_fix(self) -> None:
        """A range that jumps over the update's build would protect a server that is fixed already."""
        jumping = replace(GOOD, affects=(Affects("exchange-2016", (span("15.1.225.42", "15.1.2507.16"),)),))

        assert "still holds 15.1.2375.37" in told("S4", publish(jumping))

    def test_each_branch_waits_for_its_own_update(self) -> None:
        """One branch is fixed, the other still open: the first update obliges only the first."""
        half = replace(
            GOOD,
            affects=(Affects("exchange-2016", (span("15.1.225.42", "15.1.2375.37"), span("15.1.2507.6"))),),
            no_fix_yet=NOT_YET,
        )

        assert not find("S4", publish(half, catalogue=Catalogue.of([EXCHANGE_2016], [CU22])))
        assert "15.1.2507.16" in told("S4", publish(half, catalogue=CATALOGUE))

    def test_a_second_range_around_the_update_does_not_help(self) -> None:
        """Cutting the range in two leaves the update's build in one of them."""
        cut = replace(
            GOOD,
            affects=(Affects("exchange-2016", (span("15.1.225.42", "15.1.2375.32"), span("15.1.2375.32"))),),
        )

        assert find("S4", publish(cut, catalogue=Catalogue.of([EXCHANGE_2016], [CU22])))

    def test_a_registered_update_never_holds_up_an_emergency(self) -> None:
        """Nothing is asked before the release."""
        emergency = replace(STILL_OPEN, id="M0002")

        assert not find("S4", publish(emergency, standing=(STILL_OPEN,), catalogue=REGISTERED))

    def test_releasing_needs_every_draft_it_caused(self) -> None:
        """The mitigation that was left behind is named, with what to do."""
        also = replace(STILL_OPEN, id="M0002")
        releasing = (*UPDATES_2016, *UPDATES_2019)
        drafted = next_of(STILL_OPEN, affects=GOOD.affects)

        findings = find(
            "S4", publish(drafted, standing=(STILL_OPEN, also), catalogue=REGISTERED, releasing=releasing)
        )

        assert {one.subject for one in findings} == {"M0002 revision 1"}
        assert "have the drafted revision that ends there approved" in findings[0].remedy

    def test_releasing_passes_with_all_drafts(self) -> None:
        """All of them, in one publication."""
        also = replace(STILL_OPEN, id="M0002")
        drafted = [next_of(one, affects=GOOD.affects) for one in (STILL_OPEN, also)]

        assert not find(
            "S4",
            publish(
                *drafted,
                standing=(STILL_OPEN, also),
                catalogue=REGISTERED,
                releasing=(*UPDATES_2016, *UPDATES_2019),
            ),
        )

    def test_releasing_one_branch_needs_only_its_draft(self) -> None:
        """The other branch stays open until its own release."""
        half = next_of(
            STILL_OPEN,
            affects=(
                Affects("exchange-2016", (span("15.1.225.42", "15.1.2375.37"), span("15.1.2507.6"))),
                STILL_OPEN.affects[1],
            ),
        )

        assert not find("S4", publish(half, standing=(STILL_OPEN,), catalogue=REGISTERED, releasing=(CU22,)))

    def test_what_turns_out_to_be_fixed_long_ago_holds_up_nothing_else(self) -> None:
        """The revisions for it are drafted; until they are reviewed, others are published."""
        emergency = replace(STILL_OPEN, id="M0002", vulnerabilities=("CVE-2026-42897",))

        assert not find("S4", publish(emergency, standing=(STILL_OPEN,), catalogue=CATALOGUE))
        assert find("S4", publish(next_of(STILL_OPEN), standing=(STILL_OPEN,), catalogue=CATALOGUE))

    def test_a_new_id_for_the_same_vulnerability_is_asked_as_well(self) -> None:
        """A fresh mitigation cannot reopen what an update has fixed."""
        fresh = replace(STILL_OPEN, id="M0042")

        assert {one.subject for one in find("S4", publish(fresh, standing=(GOOD,)))} == {"M0042 revision 1"}

    def test_needless_mitigations_are_named_by_id(self) -> None:
        """An update may make a mitigation needless without fixing a vulnerability it names."""
        needless = update("exchange-2019", "15.2.986.36", fixes=(), needless=("M0001",))
        catalogue = Catalogue.of([EXCHANGE_2016, EXCHANGE_2019], [needless])
        silent = replace(STILL_OPEN, vulnerabilities=())

        assert "it makes M0001 needless" in told("S4", publish(silent, catalogue=catalogue))
        assert not find("S4", publish(replace(silent, id="M0002"), catalogue=catalogue))

    @pytest.mark.parametrize(
        "untouched",
        [
            replace(STILL_OPEN, vulnerabilities=("CVE-2026-42897",)),
            replace(STILL_OPEN, status=Status.WITHDRAWN),
            HEARTBEAT,
        ],
    )
    def test_what_an_update_does_not_concern_is_left_alone(self, untouched: Mitigation) -> None:
        """Other vulnerabilities, what is withdrawn, and the heartbeat."""
        assert not find("S4", publish(untouched))

    def test_another_products_update_obliges_nothing(self) -> None:
        """A build number that happens to lie in the range is not enough."""
        foreign = replace(update("exchange-2016", "15.2.986.36"))
        only_2019 = replace(STILL_OPEN, affects=(STILL_OPEN.affects[1],))

        assert not find(
            "S4", publish(only_2019, catalogue=Catalogue.of([EXCHANGE_2016, EXCHANGE_2019], [foreign]))
        )

    def test_while_one_hole_of_two_is_open_the_protection_stays(self) -> None:
        """And once a later update fixes the other, too, it ends there: updates are cumulative."""
        both = replace(STILL_OPEN, vulnerabilities=("CVE-2022-41082", CVE), affects=(STILL_OPEN.affects[1],))
        second = update("exchange-2019", "15.2.1118.25", fixes=("CVE-2022-41082",))

        def judge(*updates: CumulativeUpdate) -> list[Finding]:
            return find("S4", publish(both, catalogue=Catalogue.of([EXCHANGE_2019], updates)))

        assert not judge(*UPDATES_2019)
        assert not judge(second)
        assert [one.sentence.count("15.2.1118.25") for one in judge(*UPDATES_2019, second)] == [2]

    def test_a_fix_for_an_older_branch_is_not_in_what_came_out_before_it(self) -> None:
        """Though its build is the lower one."""
        both = replace(STILL_OPEN, vulnerabilities=("CVE-2022-41082", CVE), affects=(STILL_OPEN.affects[1],))
        earlier = update("exchange-2019", "15.2.1118.25", fixes=("CVE-2022-41082",))
        late = replace(UPDATES_2019[0], released=earlier.released + timedelta(days=1))

        assert not find("S4", publish(both, catalogue=Catalogue.of([EXCHANGE_2019], [late, earlier])))
        ending = replace(
            both, affects=(Affects("exchange-2019", (span("15.2.221.12", "15.2.1118.25"),)),), no_fix_yet=None
        )
        assert CVE in told("S3", publish(ending, catalogue=Catalogue.of([EXCHANGE_2019], [late, earlier])))
