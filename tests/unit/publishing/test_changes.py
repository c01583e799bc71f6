"""Two revisions field by field, and what that means for others."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given

from feedsrv.model.action import (
    AbortRequest,
    AppPool,
    Condition,
    CustomResponse,
    Grouping,
    InboundRule,
    Place,
    Scope,
    UrlRewrite,
)
from feedsrv.model.build import Build, BuildRange
from feedsrv.model.catalogue import Catalogue, CumulativeUpdate, Product, Release, UpdateStage
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import Affects, Mitigation, Severity, Status
from feedsrv.publishing.affecting import builds_of, effects
from feedsrv.publishing.changes import Change, changes_between
from feedsrv.publishing.summaries import Summary
from tests.desk import AT
from tests.pki import sample_mitigation
from tests.words import QUICK, mitigations

RULE = UrlRewrite(
    "A1",
    "no way in",
    Place(Scope.SITE, "Default Web Site"),
    InboundRule(".*", AbortRequest(), conditions=(Condition("{REQUEST_URI}", "/way-in"),)),
)
CU13, CU14, CU15 = (Build(15, 2, part, 0) for part in (1300, 1400, 1500))
PRODUCT = Product(
    "exchange-2019",
    "Exchange 2019",
    tuple(
        Release(build, name, date(2024, 1, 1))
        for build, name in ((CU13, "CU13"), (CU14, "CU14"), (CU15, "CU15"))
    ),
)
UPDATE = CumulativeUpdate(
    "exchange-2019", Build(15, 2, 1600, 0), "CU16", date(2026, 6, 1), stage=UpdateStage.REGISTERED
)
CATALOGUE = Catalogue.of([PRODUCT], [UPDATE])


def words(**changes: object) -> Mitigation:
    """A mitigation with one rule."""
    return sample_mitigation(AT, **({"actions": (RULE,)} | changes))


def differing(**changes: object) -> dict[str, tuple[str, str, str]]:
    """What a change of words is called: kind, before and after, by label."""
    found = changes_between(words(), words(**changes))
    return {one.label: (one.kind, one.before, one.after) for one in found}


def published(mitigation_id: str, status: Status = Status.ACTIVE, channel: str = "production") -> Summary:
    """A line of the list, of a published mitigation."""
    today = AT.date()
    return Summary(
        mitigation_id,
        1,
        Stage.PUBLISHED,
        "Title",
        Severity.LOW,
        status,
        channel,
        today,
        "anna",
        "ben",
        1,
        AT,
        has_break_glass=False,
    )


class TestChanges:
    """What a reviewer reads first."""

    def test_an_action_is_compared_by_its_parts(self) -> None:
        """The pattern that changed stands alone, beside what it was."""
        wider = InboundRule(
            ".*",
            CustomResponse(403, 5, "No", "Not here"),
            ignore_case=False,
            grouping=Grouping.ANY,
            conditions=(
                Condition("{UrlDecode:{REQUEST_URI}}", "/way-in"),
                Condition("{QUERY_STRING}", "^x", negate=True),
            ),
        )

        assert differing(actions=(replace(RULE, rule=wider),)) == {
            "action A1: case": ("changed", "ignored", "counts"),
            "action A1: conditions": ("changed", "MatchAll", "MatchAny"),
            "action A1: condition 1": (
                "changed",
                "{REQUEST_URI} matches /way-in (case ignored)",
                "{UrlDecode:{REQUEST_URI}} matches /way-in (case ignored)",
            ),
            "action A1: condition 2": ("added", "", "{QUERY_STRING} does not match ^x (case ignored)"),
            "action A1: outcome": (
                "changed",
                "drop the connection",
                "answer with 403.5, reason 'No', description 'Not here'",
            ),
        }

    def test_an_action_of_another_kind_shows_all_that_goes_and_comes(self) -> None:
        """Nothing of the old one is passed over."""
        found = differing(actions=(AppPool("A1", "OWA"),))

        assert found["action A1: kind"] == ("changed", "inbound URL rewrite rule", "stop an application pool")
        assert found["action A1: application pool"] == ("added", "", "OWA")
        assert found["action A1: pattern"] == ("removed", ".*", "")
        assert found["action A1: place"] == ("removed", "Default Web Site", "")

    def test_what_servers_do_comes_before_what_people_read(self) -> None:
        """The reason first, then status and actions, builds, and last the title."""
        found = changes_between(
            words(),
            words(
                title="Other",
                status=Status.WITHDRAWN,
                change="It broke sign-in.",
                severity=Severity.LOW,
                affects=(Affects("exchange-2019", (BuildRange(CU13),)),),
                no_fix_yet="Being worked on.",
                actions=(RULE, AppPool("A2", "OWA")),
            ),
        )

        assert [one.field for one in found] == [
            "change",
            "status",
            "actions.A2.kind",
            "actions.A2.pool",
            "affects.exchange-2019.15.2.221.12",
            "affects.exchange-2019.15.2.1300.0",
            "no_fix_yet",
            "severity",
            "title",
        ]

    def test_a_range_that_is_fixed_now_reads_as_one_change(self) -> None:
        """Not as one that is gone and another that came."""
        before = words(affects=(Affects("exchange-2019", (BuildRange(CU13),)),))
        after = words(affects=(Affects("exchange-2019", (BuildRange(CU13, CU15),)),))

        assert changes_between(before, after) == (
            Change(
                "affects.exchange-2019.15.2.1300.0",
                "affects exchange-2019",
                "from 15.2.1300.0, no fix yet",
                "from 15.2.1300.0, fixed in 15.2.1500.0",
                "changed",
            ),
        )

    def test_texts_in_another_order_are_no_change(self) -> None:
        """Nobody has to think about that."""
        both = ("https://example.com/a", "https://example.com/b")

        assert changes_between(words(references=both), words(references=both[::-1])) == ()

    @given(one=mitigations(), other=mitigations())
    @QUICK
    def test_every_word_that_differs_is_told(self, one: Mitigation, other: Mitigation) -> None:
        """Whatever a mitigation may say; each field once, and of a first revision, all of it."""
        found = changes_between(one, other)
        first = changes_between(None, other)

        assert changes_between(one, one) == ()
        assert len({change.field for change in found}) == len(found)
        assert {change.kind for change in first} == {"added"}
        told = {change.field: change.after for change in first} | {
            change.field: change.after for change in found if change.kind != "removed"
        }
        assert told == {change.field: change.after for change in first}
        for name in ("title", "description", "severity", "channel", "status", "review_by"):
            is_told = name in {change.field for change in found}
            assert is_told == (getattr(one, name) != getattr(other, name))


class TestEffects:
    """What a reviewer is told beyond the words themselves."""

    def told(
        self,
        before: Mitigation | None,
        after: Mitigation,
        *standing: Summary,
        taken_over: dict[str, tuple[str, ...]] | None = None,
    ) -> tuple[str, ...]:
        """The sentences."""
        return effects(
            before,
            after,
            taken_over=taken_over or {},
            standing={one.id: one for one in standing},
            catalogue=CATALOGUE,
        )

    def test_withdrawing_a_successor_brings_the_superseded_back(self) -> None:
        """An old rule that suddenly applies again must surprise nobody."""
        before = words(id="M0002", supersedes=("M0001",))
        after = replace(before, status=Status.WITHDRAWN)

        assert self.told(before, after, published("M0001"), taken_over={"M0001": ("M0002",)}) == (
            "M0001 is active again: agents apply it on the builds that it affects",
            "M0002 is taken back on every server that has it",
        )

    def test_so_does_a_revision_that_no_longer_names_it(self) -> None:
        """Without any withdrawal."""
        before = words(id="M0002", supersedes=("M0001",))

        assert self.told(before, replace(before, supersedes=()), published("M0001")) == (
            "M0001 is active again: agents apply it on the builds that it affects",
        )

    def test_what_another_one_supersedes_too_stays_so(self) -> None:
        """And what was withdrawn itself comes back by nobody's doing."""
        before = words(id="M0002", supersedes=("M0001", "M0003"))
        after = replace(before, supersedes=())
        standing = (published("M0001"), published("M0003", Status.WITHDRAWN))

        assert self.told(
            before, after, *standing, taken_over={"M0001": ("M0002", "M0007"), "M0003": ("M0002",)}
        ) == ("M0001 stays superseded, by M0007",)

    @pytest.mark.parametrize(
        ("standing", "taken_over", "sentence"),
        [
            (
                [published("M0001")],
                {},
                "M0001 is superseded: agents take it back where M0002 is applied in its place",
            ),
            (
                [published("M0001")],
                {"M0001": ("M0007",)},
                "M0001 is superseded by M0002, too; it was already by M0007",
            ),
            (
                [published("M0001", channel="preview")],
                {},
                "M0001 is superseded: agents take it back where M0002 is applied in its place",
            ),
            ([], {}, "M0001 is superseded, though nothing of it is published"),
        ],
    )
    def test_superseding_is_told(
        self, standing: list[Summary], taken_over: dict[str, tuple[str, ...]], sentence: str
    ) -> None:
        """With who did so already."""
        after = words(id="M0002", supersedes=("M0001",))

        assert self.told(None, after, *standing, taken_over=taken_over) == (sentence,)

    def test_superseding_in_one_channel_says_so(self) -> None:
        """Servers of production go on with the old one."""
        after = words(id="M0002", supersedes=("M0001",), channel="preview")

        (sentence,) = self.told(None, after, published("M0001"))

        assert sentence.endswith(" (only in channel preview)")

    def test_a_mitigation_that_is_superseded_itself_does_nothing(self) -> None:
        """Whoever improves it should know."""
        assert self.told(words(), words(title="Better"), taken_over={"M0001": ("M0005",)}) == (
            "M0001 itself is superseded by M0005, so no agent applies it",
        )

    def test_builds_that_come_and_go_are_named(self) -> None:
        """By the names that people know."""
        before = words(affects=(Affects("exchange-2019", (BuildRange(CU13, CU15),)),))
        after = words(affects=(Affects("exchange-2019", (BuildRange(CU14),)),))

        assert self.told(before, after) == (
            "exchange-2019: no longer affected, so rolled back there: CU13 (15.2.1300.0)",
            "exchange-2019: newly affected: CU15 (15.2.1500.0)",
        )

    def test_a_first_revision_of_its_own_has_no_effect_on_others(self) -> None:
        """What it does is what it says."""
        assert self.told(None, words()) == ()


class TestBuilds:
    """Where a mitigation stands to every build."""

    def test_each_build_has_its_state(self) -> None:
        """Before, affected, fixed; and updates that nobody can install yet."""
        lines = builds_of(words(affects=(Affects("exchange-2019", (BuildRange(CU14, CU15),)),)), CATALOGUE)

        assert [(line.name, line.state) for line in lines] == [
            ("CU13", "before"),
            ("CU14", "affected"),
            ("CU15", "fixed"),
            ("CU16", "registered"),
        ]

    def test_an_unknown_product_has_no_builds(self) -> None:
        """The catalogue may have lost it."""
        assert builds_of(words(affects=(Affects("other", (BuildRange(CU14),)),)), CATALOGUE) == ()
