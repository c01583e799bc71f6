from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from feedsrv.model.build import Build, BuildRange
from feedsrv.model.catalogue import CumulativeUpdate, Product, Release, UpdateStage
from feedsrv.model.mitigation import Affects, Mitigation, Status
from feedsrv.publishing.superseding import obliges, ready_together, superseding, unanswered, waits_for
from tests.pki import sample_mitigation

AT = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
LATER = AT + timedelta(days=40)
CVE = "CVE-2026-1000"


def build(text: str) -> Build:
    """A build."""
    return Build.parse(text)


PRODUCT = Product(
    "exchange-2019",
    "Exchange Server 2019",
    (
        Release(build("15.2.221.12"), "RTM", date(2018, 10, 22)),
        Release(build("15.2.1544.4"), "CU14", date(2024, 2, 13)),
        Release(build("15.2.1748.10"), "CU15", date(2025, 2, 10)),
        Release(build("15.2.1748.20"), "CU15 Mar26SU", date(2026, 3, 10)),
    ),
)


def mitigation(*ranges: tuple[str, str | None], **changes: object) -> Mitigation:
    """A mitigation of one vulnerability on one product."""
    affects = Affects(
        "exchange-2019", tuple(BuildRange(build(low), build(high) if high else None) for low, high in ranges)
    )
    words: dict[str, object] = {
        "revision": 1,
        "change": None,
        "affects": (affects,),
        "vulnerabilities": (CVE,),
        "no_fix_yet": "The fix is being made.",
        "review_by": AT.date() + timedelta(days=60),
    }
    return sample_mitigation(AT, **(words | changes))


def update(text: str = "15.2.1900.1", **changes: object) -> CumulativeUpdate:
    """An update that fixes the vulnerability."""
    made = CumulativeUpdate(
        "exchange-2019",
        build(text),
        "CU16",
        date(2026, 5, 12),
        kb="KB5099999",
        fixes=(CVE,),
        stage=UpdateStage.REGISTERED,
    )
    return replace(made, **changes)  # type: ignore[arg-type] # tests change one field at a time


def ranges_after(words: Mitigation, one: CumulativeUpdate) -> list[str]:
    """The ranges of the superseding revision."""
    after = superseding(words, one, PRODUCT, revision=2, issued=LATER)
    return [str(build_range) for _, build_range in after.ranges()]


class TestObliging:
    """Which mitigations an update asks something of."""

    def test_an_update_obliges_what_it_fixes_and_what_it_makes_needless(self) -> None:
        """By vulnerability, or by name."""
        words = mitigation(("15.2.221.12", None))

        assert obliges(update(), words)
        assert obliges(update(fixes=(), needless=(words.id,)), words)
        assert not obliges(update(fixes=("CVE-2026-2000",)), words)

    def test_a_mitigation_for_two_holes_is_not_obliged_before_both_are_fixed(self) -> None:
        """By one update, or by an earlier one and this."""
        words = mitigation(("15.2.221.12", None), vulnerabilities=(CVE, "CVE-2026-2000"))
        earlier = update("15.2.1748.40", fixes=("CVE-2026-2000",))

        assert not obliges(update(), words)
        assert obliges(update(fixes=(CVE, "CVE-2026-2000")), words)
        assert obliges(update(), words, (earlier,))
        assert not obliges(update(), words, (replace(earlier, product="exchange-2016"),))
        assert not obliges(earlier, words, (update(),))

    def test_what_ends_at_or_below_the_build_is_not_obliged(self) -> None:
        """It is rolled back there already."""
        assert not obliges(update(), mitigation(("15.2.221.12", "15.2.1900.1")))
        assert not obliges(update(), mitigation(("15.2.221.12", "15.2.1748.20")))
        assert obliges(update(), mitigation(("15.2.221.12", "15.2.2000.1")))

    def test_what_begins_above_the_build_is_not_obliged(self) -> None:
        """A fix for an older line says nothing about a newer one."""
        assert not obliges(update("15.2.1544.30"), mitigation(("15.2.1748.10", None)))

    def test_other_products_and_withdrawn_mitigations_are_not_obliged(self) -> None:
        """There is nothing to take back."""
        assert not obliges(update(product="exchange-2016"), mitigation(("15.2.221.12", None)))
        withdrawn = mitigation(("15.2.221.12", None), status=Status.WITHDRAWN)
        assert not obliges(update(), withdrawn)


class TestSuperseding:
    """The words of the revision that answers an update."""

    def test_the_open_range_ends_where_the_fix_begins(self) -> None:
        """Nothing is left unfixed, so nothing says so any more."""
        words = mitigation(("15.2.221.12", None))

        after = superseding(words, update(), PRODUCT, revision=2, issued=LATER)

        assert [str(one) for _, one in after.ranges()] == ["15.2.221.12 up to 15.2.1900.1"]
        assert after.no_fix_yet is None
        assert (after.revision, after.issued) == (2, LATER)
        assert after.change == (
            "CU16 (KB5099999) holds the fix: Exchange Server 2019 from build 15.2.1900.1 on "
            "no longer needs this mitigation."
        )

    def test_a_person_looks_again_after_as_long_as_before(self) -> None:
        """Sixty days from the new revision."""
        after = superseding(mitigation(("15.2.221.12", None)), update(), PRODUCT, revision=2, issued=LATER)

        assert after.review_by == LATER.date() + timedelta(days=60)

    def test_a_line_that_was_out_before_the_update_keeps_its_protection(self) -> None:
        """The security update for CU14 has a lower build than CU15, which does not hold its fix."""
        words = mitigation(("15.2.221.12", None))
        for_cu14 = update("15.2.1544.30")

        after = superseding(words, for_cu14, PRODUCT, revision=2, issued=LATER)

        assert [str(one) for _, one in after.ranges()] == [
            "15.2.221.12 up to 15.2.1544.30",
            "15.2.1748.10 up to any",
        ]
        assert after.no_fix_yet == "The fix is being made."
        assert not obliges(for_cu14, after)

    def test_a_line_that_came_out_after_the_update_holds_its_fix(self) -> None:
        """CU15 is younger than this one for CU14."""
        early = update("15.2.1544.30", released=date(2024, 12, 10))

        assert ranges_after(mitigation(("15.2.221.12", None)), early) == ["15.2.221.12 up to 15.2.1544.30"]

    def test_the_update_for_the_other_line_ends_the_rest(self) -> None:
        """Both registered, one after the other, in either order of release."""
        words = mitigation(("15.2.221.12", "15.2.1544.30"), ("15.2.1748.10", None))

        assert ranges_after(words, update("15.2.1748.40")) == [
            "15.2.221.12 up to 15.2.1544.30",
            "15.2.1748.10 up to 15.2.1748.40",
        ]

    def test_other_products_keep_their_ranges(self) -> None:
        """And say on that one of them has no fix."""
        other = Affects("sfb-2019", (BuildRange(build("7.0.2046.0")),))
        words = mitigation(("15.2.221.12", None))
        both = replace(words, affects=(*words.affects, other))

        after = superseding(both, update(), PRODUCT, revision=2, issued=LATER)

        assert after.affects[1] == other
        assert after.no_fix_yet == "The fix is being made."

    def test_two_updates_on_one_revision_are_both_named(self) -> None:
        """The one that came first is not forgotten."""
        words = mitigation(("15.2.221.12", "15.2.1544.30"), ("15.2.1748.10", None))
        first = replace(words, revision=2, change="CU14 has the fix.")

        after = superseding(first, update("15.2.1748.40"), PRODUCT, revision=2, issued=LATER)

        assert after.change is not None
        assert after.change.startswith("CU14 has the fix. CU16 (KB5099999) holds the fix")


class TestGoingTogether:
    """No update without its rollbacks, and no rollback without its update."""

    open_range = mitigation(("15.2.221.12", None))
    answer = mitigation(("15.2.221.12", "15.2.1900.1"))

    def together(
        self, candidates: dict[str, Mitigation], *, releasing: list[CumulativeUpdate]
    ) -> tuple[set[str], int]:
        """What goes out: candidates, and how many updates."""
        standing = {"M0001": self.open_range}
        going, out = ready_together(candidates, standing, releasing=releasing, updates=[update()])
        return going, len(out)

    def test_both_go_out_when_both_are_ready(self) -> None:
        """In one publication."""
        assert self.together({"M0001": self.answer}, releasing=[update()]) == ({"M0001"}, 1)

    def test_an_approved_answer_waits_for_the_release(self) -> None:
        """Else the update would be known before it is out."""
        assert self.together({"M0001": self.answer}, releasing=[]) == (set(), 0)

    def test_a_release_waits_for_its_answer(self) -> None:
        """Else servers with the update would keep what they no longer need."""
        assert self.together({}, releasing=[update()]) == (set(), 0)

    def test_others_wait_for_nobody(self) -> None:
        """An emergency is an emergency."""
        emergency = replace(self.open_range, id="M0002", vulnerabilities=("CVE-2026-2000",))

        assert self.together({"M0002": emergency}, releasing=[update()]) == ({"M0002"}, 0)

    def test_an_emergency_for_the_same_hole_goes_first(self) -> None:
        """It stands without the fix then, so the update and what answers it wait for its next revision."""
        emergency = replace(self.open_range, id="M0002")

        both = {"M0001": self.answer, "M0002": emergency}

        assert self.together(both, releasing=[update()]) == ({"M0002"}, 0)

    def test_one_that_names_two_updates_waits_for_both_and_holds_both_back(self) -> None:
        """Three products are often fixed on one day, and released on three."""
        first, second = update("15.2.1544.30"), update("15.2.1748.40")
        words = mitigation(("15.2.221.12", "15.2.1544.30"), ("15.2.1748.10", "15.2.1748.40"))
        standing = {"M0001": self.open_range}

        def go(releasing: list[CumulativeUpdate]) -> tuple[set[str], tuple[CumulativeUpdate, ...]]:
            return ready_together({"M0001": words}, standing, releasing=releasing, updates=[first, second])

        assert go([first]) == (set(), ())
        assert go([first, second]) == ({"M0001"}, (first, second))

    def test_a_fix_that_completes_what_is_out_already_needs_its_answer(self) -> None:
        """What an earlier update fixes counts, where that one is out."""
        words = replace(self.open_range, vulnerabilities=(CVE, "CVE-2026-2000"))
        earlier = update("15.2.1748.40", fixes=("CVE-2026-2000",), stage=UpdateStage.RELEASED)

        def out(first: CumulativeUpdate) -> int:
            updates = [first, update()]
            return len(ready_together({}, {"M0001": words}, releasing=[update()], updates=updates)[1])

        assert out(earlier) == 0
        assert out(replace(earlier, stage=UpdateStage.REGISTERED)) == 1

    def test_what_stands_already_needs_no_answer(self) -> None:
        """An update that obliges nobody goes out by itself."""
        unrelated = update(fixes=("CVE-2026-2000",))

        going, out = ready_together(
            {}, {"M0001": self.open_range}, releasing=[unrelated], updates=[unrelated]
        )

        assert (going, out) == (set(), (unrelated,))

    def test_a_withdrawal_answers_every_update(self) -> None:
        """What is taken back everywhere needs no fix."""
        withdrawn = replace(self.open_range, status=Status.WITHDRAWN)

        assert self.together({"M0001": withdrawn}, releasing=[update()]) == ({"M0001"}, 1)


@pytest.mark.parametrize(("fixed", "waits"), [("15.2.1900.1", 1), ("15.2.1748.20", 0), (None, 0)])
def test_only_a_newly_named_update_is_waited_for(fixed: str | None, waits: int) -> None:
    """What the standing revision names already is no secret."""
    words = mitigation(("15.2.221.12", fixed))

    assert len(waits_for(words, None, [update()])) == waits
    assert waits_for(words, words, [update()]) == ()


def test_what_an_update_still_misses_is_named() -> None:
    """For the person who wants to release it."""
    standing = {"M0001": mitigation(("15.2.221.12", None))}
    answer = {"M0001": mitigation(("15.2.221.12", "15.2.1900.1"))}

    assert unanswered(update(), standing, ()) == ("M0001",)
    assert unanswered(update(), answer, ()) == ()
