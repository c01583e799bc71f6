"""S5 to S7: nothing vanishes, numbers only count up, a moved fix says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from feedsrv.lints.publication import Publication
from feedsrv.model.catalogue import Catalogue
from feedsrv.model.feed import Entry, EntryState
from feedsrv.model.mitigation import Affects, Draft, Mitigation, Status
from tests.unit.lints.examples import (
    AT,
    EXCHANGE_2016,
    EXCHANGE_2019,
    FIRST_DIGEST,
    GOOD,
    HEARTBEAT,
    OPEN,
    OTHER_DIGEST,
    STILL_OPEN,
    entry,
    feed,
    find,
    next_of,
    publish,
    span,
    step,
    told,
)

CURRENT = feed(7, entry("M0001"), entry("PING1"))


def ended(until: date) -> Catalogue:
    """A catalogue that ends support of Exchange 2019 on that day."""
    return Catalogue.of([EXCHANGE_2016, replace(EXCHANGE_2019, supported_until=until)])


class TestS5:
    """What was published once never vanishes."""

    def test_a_feed_that_keeps_everything_passes(self) -> None:
        """More entries are welcome, and states may change."""
        new = feed(8, replace(entry("M0001", 2), state=EntryState.WITHDRAWN), entry("M0002"), entry("PING1"))

        assert not find("S5", step(new, CURRENT))
        assert not find("S5", step(feed(1, previous=None), None, None))

    def test_a_missing_entry_is_named(self) -> None:
        """The finding says which mitigation, from which version to which."""
        line = told("S5", step(feed(8, entry("PING1")), CURRENT))

        assert "feed exchange-2019/production: product exchange-2019: M0001 is in version 7" in line
        assert "would not be in version 8" in line

    def test_an_empty_feed_loses_everything(self) -> None:
        """Each entry is named, the heartbeat too."""
        assert len(find("S5", step(feed(8), CURRENT))) == 2

    def test_another_feed_cannot_take_its_place(self) -> None:
        """A new feed of another channel does not carry this one's entries."""
        other = feed(8, *CURRENT.entries, channel="preview")

        assert len(find("S5", step(other, CURRENT))) == 2

    def test_an_entry_may_go_once_support_has_ended(self) -> None:
        """From the day after the last day of support, and not before."""
        new = ((feed(8, entry("PING1")), CURRENT, FIRST_DIGEST),)
        today = AT.date()

        assert find("S5", publish(feeds=new, catalogue=ended(today)))
        assert not find("S5", publish(feeds=new, catalogue=ended(today - timedelta(days=1))))

    def test_a_product_outside_the_catalogue_is_not_out_of_support(self) -> None:
        """Taking a product out of the catalogue ends nothing."""
        new = ((feed(8, entry("PING1")), CURRENT, FIRST_DIGEST),)

        assert find("S5", publish(feeds=new, catalogue=Catalogue.of([EXCHANGE_2016])))

    def test_a_revision_keeps_every_product(self) -> None:
        """A dropped product would keep what it applied for ever."""
        dropped = next_of(GOOD, affects=GOOD.affects[1:])

        assert "product exchange-2016: M0001 revision 1 names it" in told(
            "S5", publish(dropped, standing=(GOOD,))
        )

    def test_a_withdrawn_revision_keeps_every_product_as_well(self) -> None:
        """Withdrawing reaches only those whose feed has the revision."""
        dropped = replace(next_of(GOOD, affects=GOOD.affects[1:]), status=Status.WITHDRAWN)

        assert find("S5", publish(dropped, standing=(GOOD,)))

    def test_a_product_may_go_once_support_has_ended(self) -> None:
        """The same day counts for revisions as for feeds."""
        dropped = next_of(GOOD, affects=GOOD.affects[:1])
        past = AT.date() - timedelta(days=1)

        assert not find("S5", publish(dropped, standing=(GOOD,), catalogue=ended(past)))

    @pytest.mark.parametrize(
        ("before", "after", "vanishes"),
        [
            ("production", "production", False),
            ("preview", "production", False),  # the preview feed holds production ones, too
            ("production", "preview", True),
            ("preview", "beta", True),
        ],
    )
    def test_leaving_a_channel_is_vanishing(self, before: str, after: str, *, vanishes: bool) -> None:
        """Only the way into production leaves nobody behind."""
        standing = replace(GOOD, channel=before)

        found = find("S5", publish(replace(next_of(standing), channel=after), standing=(standing,)))

        assert bool(found) is vanishes


class TestS6:
    """A revision's bytes never change; revisions and versions only count up."""

    def test_the_next_number_passes(self) -> None:
        """The first is 1, then one more each time."""
        assert not find("S6", publish(GOOD, HEARTBEAT))
        assert not find("S6", publish(next_of(GOOD), standing=(GOOD,)))
        assert not find("S6", step(feed(8, *CURRENT.entries), CURRENT))
        assert not find("S6", step(feed(1, entry("PING1"), previous=None), None, None))

    @pytest.mark.parametrize(
        ("revision", "sentence"),
        [
            (1, "published already"),
            (2, "published already"),
            (4, "the next revision"),
            (40, "the next revision"),
        ],
    )
    def test_any_other_revision_is_refused(self, revision: int, sentence: str) -> None:
        """Neither a number that was used nor one that leaves a gap."""
        standing = next_of(GOOD)
        candidate = replace(next_of(standing), revision=revision)

        line = told("S6", publish(candidate, standing=(standing,)))

        assert sentence in line
        assert "make it revision 3" in line

    def test_a_first_revision_is_one(self) -> None:
        """Nothing was published before it."""
        assert "make it revision 1" in told("S6", publish(next_of(GOOD)))

    def test_a_number_is_taken_though_nothing_stands(self) -> None:
        """What was ever published counts, not only what stands."""
        publication = Publication(
            publish().catalogue, (Draft(GOOD),), (), AT, published_revisions={"M0001": (1, 2)}
        )

        assert "make it revision 3" in told("S6", publication)

    def test_two_candidates_of_one_id_are_refused(self) -> None:
        """One of them would silently win."""
        twice = publish(next_of(GOOD), replace(next_of(GOOD), title="Other words"), standing=(GOOD,))

        assert "two candidates" in told("S6", twice)

    @pytest.mark.parametrize("version", [6, 7])
    def test_a_feed_version_counts_up(self, version: int) -> None:
        """Neither the same again nor an older one."""
        line = told("S6", step(feed(version, *CURRENT.entries), CURRENT))

        assert f"version {version} does not follow version 7" in line

    @pytest.mark.parametrize(
        ("previous", "digest"),
        [(None, FIRST_DIGEST), (OTHER_DIGEST, FIRST_DIGEST), (FIRST_DIGEST, None), (None, None)],
    )
    def test_a_feed_names_the_digest_of_the_one_before(
        self, previous: str | None, digest: str | None
    ) -> None:
        """Missing, wrong, or not to be compared at all: each breaks the chain."""
        new = feed(8, *CURRENT.entries, previous=previous)

        assert "as the one before" in told("S6", step(new, CURRENT, digest))

    def test_a_first_feed_names_nothing_before_it(self) -> None:
        """There is nothing it could follow."""
        assert "there is none" in told("S6", step(feed(1, entry("PING1")), None, None))

    def test_a_clock_that_went_back_a_little_holds_up_nothing(self) -> None:
        """Agents ask for versions and expiry, and the new feed outlives the moment of the old one."""
        new = feed(8, *CURRENT.entries, issued=AT - timedelta(hours=3), expires=AT + timedelta(seconds=1))

        assert not find("S6", step(new, CURRENT))

    def test_a_feed_that_ends_before_the_current_one_began_is_refused(self) -> None:
        """One of the two clocks is far out, and with one of them every agent finds a feed that is expired."""
        new = feed(8, *CURRENT.entries, issued=AT - timedelta(days=7), expires=AT)

        assert "set this machine's clock right" in told("S6", step(new, CURRENT))

    def test_an_entry_never_goes_back(self) -> None:
        """An older revision is published as a new one, or not at all."""
        current = feed(7, entry("M0001", 2), entry("PING1"))
        new = feed(8, entry("M0001", 1), entry("PING1"))

        assert "M0001 would go back from revision 2 to 1" in told("S6", step(new, current))

    @pytest.mark.parametrize("other", [entry("M0001", digest=OTHER_DIGEST), entry("M0001", size=1001)])
    def test_the_bytes_of_a_revision_never_change(self, other: Entry) -> None:
        """The same number with another digest or size is another document."""
        new = feed(8, other, entry("PING1"))

        assert "M0001 revision 1 has other bytes" in told("S6", step(new, CURRENT))


def only_2019(*ranges: tuple[str, str | None]) -> tuple[Affects, ...]:
    """Exchange 2019 with these ranges, Exchange 2016 as it was."""
    return GOOD.affects[0], Affects("exchange-2019", tuple(span(*one) for one in ranges))


FIRST = ("15.2.221.12", "15.2.986.36")
SECOND = ("15.2.1118.7", "15.2.1118.20")
WHY = "The fix in 15.2.986.36 does not hold against encoded requests."


class TestS7:
    """Moving `fixed` up or taking it away says why."""

    @pytest.mark.parametrize(
        "ranges",
        [
            (FIRST, SECOND),  # unchanged
            (("15.2.221.12", "15.2.986.30"), SECOND),  # fixed earlier than thought
            (FIRST, ("15.2.1118.7", "15.2.1118.15")),
            (FIRST,),  # a branch that turned out not to be affected
            (("15.2.986.5", "15.2.986.36"), SECOND),  # begins later
            (("15.2.221.12", "15.2.986.36"), ("15.2.1118.15", "15.2.1118.20")),  # the later branch, too
        ],
    )
    def test_other_changes_need_no_reason(self, ranges: tuple[tuple[str, str | None], ...]) -> None:
        """Nothing is applied again where it was taken away."""
        assert not find("S7", publish(next_of(GOOD, affects=only_2019(*ranges)), standing=(GOOD,)))

    @pytest.mark.parametrize(
        "ranges",
        [
            (("15.2.221.12", "15.2.986.37"), SECOND),  # up by one
            (("15.2.221.12", "15.2.1118.20"),),  # up over the branch
            (("15.2.221.12", None),),  # taken away
            (FIRST, ("15.2.986.36", "15.2.986.41"), SECOND),  # a second range from there
            (FIRST, ("15.2.986.40", "15.2.986.41"), SECOND),  # a second range further up the branch
            (("15.2.986.36", None),),  # the old range gone, the rest of the world in
            (FIRST, SECOND),  # a later branch, which was taken for fixed
            (FIRST, ("15.2.1118.15", None)),  # from somewhere in it
        ],
    )
    def test_applying_again_needs_a_reason(self, ranges: tuple[tuple[str, str | None], ...]) -> None:
        """However it is written down, the finding names product, old fix and where it applies again."""
        standing = replace(GOOD, affects=only_2019(FIRST))
        moved = next_of(standing, affects=only_2019(*ranges))

        line = told("S7", publish(moved, standing=(standing,)))

        assert "M0001 revision 2: product exchange-2019: M0001 revision 1 ended at 15.2.986.36" in line

    def test_a_reason_that_names_the_old_fix_passes(self) -> None:
        """It stands in Change, where administrators read it."""
        moved = next_of(GOOD, affects=only_2019(("15.2.221.12", "15.2.986.41"), SECOND), change=WHY)

        assert not find("S7", publish(moved, standing=(GOOD,)))

    @pytest.mark.parametrize(
        "change",
        [
            "Range adjusted.",
            "fixed moved",
            "The fix did not hold.",  # which one?
            "15.2.986.36",  # and?
            "15.2.986.36 -> 15.2.986.41",
            "The fix in 15.2.986.360 does not hold.",
            "The fix in 15.2.986.3 does not hold.",
            "The fix in 115.2.986.36 does not hold.",
            "The fix in 15.2.986.36.1 does not hold.",
            "The fix in 15.2.1118.20 does not hold.",  # another one
        ],
    )
    def test_a_reason_must_speak_of_this_fix(self, change: str) -> None:
        """Generic words, bare numbers and other builds are no reason."""
        moved = next_of(GOOD, affects=only_2019(("15.2.221.12", "15.2.986.41"), SECOND), change=change)

        assert len(find("S7", publish(moved, standing=(GOOD,)))) == 1

    def test_each_moved_fix_needs_its_reason(self) -> None:
        """Opening two branches of two products moves four fixes; one was explained."""
        moved = next_of(GOOD, affects=OPEN, change=WHY)

        assert len(find("S7", publish(moved, standing=(GOOD,)))) == 3

    @pytest.mark.parametrize("status", list(Status))
    def test_a_detour_by_a_withdrawn_revision_does_not_help(self, status: Status) -> None:
        """The range cannot be moved while nobody looks, and activated later."""
        detour = replace(
            next_of(GOOD, affects=only_2019(("15.2.221.12", "15.2.986.41"), SECOND)), status=status
        )

        assert find("S7", publish(detour, standing=(GOOD,)))

    @pytest.mark.parametrize("standing", [STILL_OPEN, replace(GOOD, status=Status.WITHDRAWN)])
    def test_closing_a_range_needs_no_reason(self, standing: Mitigation) -> None:
        """This is what a cumulative update drafts by itself."""
        assert not find("S7", publish(next_of(standing, affects=GOOD.affects), standing=(standing,)))

    def test_a_range_that_goes_on_where_another_ends_moves_nothing(self) -> None:
        """Between the two, nothing was taken for fixed."""
        meeting = replace(
            GOOD, affects=only_2019(("15.2.221.12", "15.2.986.36"), ("15.2.986.36", "15.2.1118.20"))
        )

        assert not find("S7", publish(next_of(meeting), standing=(meeting,)))

    def test_a_first_revision_moves_nothing(self) -> None:
        """There is nothing it could have moved."""
        assert not find("S7", publish(GOOD))
