"""S1 to S3: where ranges begin, what an open end owes, where ranges end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feedsrv.lints.rules_ranges import says_something
from feedsrv.model.action import DoNothing
from feedsrv.model.build import BadRangeError, BuildRange
from feedsrv.model.catalogue import Catalogue, UpdateStage
from feedsrv.model.mitigation import Affects, Mitigation, Status
from tests.unit.lints.examples import (
    CATALOGUE,
    CVE,
    EXCHANGE_2016,
    EXCHANGE_2019,
    GOOD,
    HEARTBEAT,
    NO_UPDATES,
    NOT_YET,
    STILL_OPEN,
    UPDATES_2016,
    UPDATES_2019,
    build,
    find,
    publish,
    span,
    told,
    update,
)


def only(product: str, *ranges: BuildRange, no_fix_yet: str | None = None) -> Mitigation:
    """The good mitigation for these ranges alone."""
    return replace(GOOD, affects=(Affects(product, ranges),), no_fix_yet=no_fix_yet)


class TestS1:
    """Every range names a catalogued product and begins at a released build of it."""

    def test_good_ranges_pass(self) -> None:
        """Released builds of catalogued products are accepted."""
        assert not find("S1", publish(GOOD, STILL_OPEN, HEARTBEAT))

    def test_a_product_outside_the_catalogue_is_named(self) -> None:
        """The finding names mitigation, product and what there is instead."""
        line = told("S1", publish(only("exchange-2013", span("15.0.516.32", "15.0.1497.44"))))

        assert "M0001 revision 1: product exchange-2013 is not in the catalogue" in line
        assert "exchange-2016, exchange-2019" in line

    @pytest.mark.parametrize(
        ("introduced", "nearby"),
        [
            ("15.2.986.6", "15.2.986.5 and 15.2.986.30"),  # one too high
            ("15.2.986.0", "15.2.221.12 and 15.2.986.5"),  # the branch, not a build
            ("15.1.2375.7", "the catalogue has 15.2.221.12"),  # released, but of another product
            ("15.2.2562.17", "the catalogue has 15.2.1118.15"),  # of the product that came after
            ("0.0.0.1", "the catalogue has 15.2.221.12"),  # from the beginning of time
        ],
    )
    def test_a_build_that_was_never_released_is_named(self, introduced: str, nearby: str) -> None:
        """Neither a neighbour nor another product's build will do; released ones nearby are offered."""
        line = told("S1", publish(only("exchange-2019", span(introduced), no_fix_yet=NOT_YET)))

        assert f"the unreleased {introduced}" in line
        assert nearby in line

    def test_the_second_range_is_asked_as_well(self) -> None:
        """A good first range hides nothing."""
        ranges = span("15.2.221.12", "15.2.986.36"), span("15.2.1118.8", "15.2.1118.20")

        assert "15.2.1118.8" in told("S1", publish(only("exchange-2019", *ranges)))

    def test_the_build_of_a_released_update_is_released(self) -> None:
        """Where a fix broke something new, a range may begin at the update that brought it."""
        assert not find("S1", publish(only("exchange-2019", span("15.2.1118.20"), no_fix_yet=NOT_YET)))

    def test_the_build_of_a_registered_update_is_not_released(self) -> None:
        """Nobody can run it yet."""
        registered = update("exchange-2019", "15.2.1118.20", stage=UpdateStage.REGISTERED)
        catalogue = Catalogue.of([EXCHANGE_2019], [registered])

        found = find(
            "S1",
            publish(only("exchange-2019", span("15.2.1118.20"), no_fix_yet=NOT_YET), catalogue=catalogue),
        )

        assert len(found) == 1

    def test_a_catalogue_that_loses_a_product_is_noticed(self) -> None:
        """What stands is read against the catalogue of today."""
        poorer = Catalogue.of([EXCHANGE_2019], UPDATES_2019)

        assert "product exchange-2016 is not in" in told("S1", publish(standing=(GOOD,), catalogue=poorer))

    def test_the_heartbeat_names_every_product(self) -> None:
        """Agents refuse a mitigation that does not name their product, so theirs would never beat."""
        partial = replace(HEARTBEAT, affects=HEARTBEAT.affects[:1])

        assert "does not name exchange-2019, whose agents would refuse it" in told("S1", publish(partial))
        assert not find("S1", publish(replace(partial, id="M0001")))

    def test_the_heartbeat_is_for_every_channel(self) -> None:
        """Only production's mitigations are in all of them."""
        assert "for channel preview alone" in told("S1", publish(replace(HEARTBEAT, channel="preview")))

    def test_a_new_product_is_not_held_up_by_the_heartbeat_that_stands(self) -> None:
        """Its next revision names it; an emergency does not wait for that."""
        partial = replace(HEARTBEAT, affects=HEARTBEAT.affects[:1])

        assert not find("S1", publish(GOOD, standing=(partial,)))


class TestS2:
    """Every range says `fixed`, or the revision says in words that no fix exists yet."""

    @pytest.mark.parametrize("good", [GOOD, STILL_OPEN, HEARTBEAT])
    def test_good_content_passes(self, good: Mitigation) -> None:
        """Fixed throughout, open with words, or a heartbeat."""
        assert not find("S2", publish(good, catalogue=NO_UPDATES))

    @pytest.mark.parametrize("words", [None, "", "   ", "-", "n/a", "tbd", "TODO...", "1234567890"])
    def test_an_open_range_needs_words(self, words: str | None) -> None:
        """Fillers and numbers are no words; the finding names product and build."""
        line = told("S2", publish(replace(STILL_OPEN, no_fix_yet=words)))

        assert "product exchange-2016: the range from 15.1.225.42 names no fixed build" in line

    def test_one_open_range_among_many_needs_words(self) -> None:
        """A forgotten second range is not hidden by a fixed first one."""
        ranges = span("15.2.221.12", "15.2.986.36"), span("15.2.1118.7")

        assert "15.2.1118.7" in told("S2", publish(only("exchange-2019", *ranges)))

    def test_words_without_an_open_range_are_left_over(self) -> None:
        """They would tell an administrator to keep what can go."""
        assert "take NoFixYet out" in told("S2", publish(replace(GOOD, no_fix_yet=NOT_YET)))

    def test_doing_nothing_about_a_vulnerability_is_no_heartbeat(self) -> None:
        """A mitigation cannot slip through by posing as one."""
        posing = replace(HEARTBEAT, id="M0009", vulnerabilities=(CVE,))

        assert len(find("S2", publish(posing))) == 1

    @pytest.mark.parametrize("words", [NOT_YET, "修正プログラムはまだありません", "Пока нет"])
    def test_words_may_be_of_any_language(self, words: str) -> None:
        """Letters are counted, not English."""
        assert says_something(words) is (len(words) > 8)


class TestS3:
    """`fixed` is the build of a registered cumulative update of that product."""

    def test_fixes_of_registered_updates_pass(self) -> None:
        """Whether they are released yet or not."""
        registered = [replace(one, stage=UpdateStage.REGISTERED) for one in (*UPDATES_2016, *UPDATES_2019)]

        assert not find("S3", publish(GOOD))
        assert not find(
            "S3", publish(GOOD, catalogue=Catalogue.of([EXCHANGE_2016, EXCHANGE_2019], registered))
        )

    def test_an_update_that_is_just_being_released_counts(self) -> None:
        """It may be given beside the catalogue."""
        mitigation = only("exchange-2019", span("15.2.1118.7", "15.2.1118.20"))

        assert find("S3", publish(mitigation, catalogue=NO_UPDATES))
        assert not find("S3", publish(mitigation, catalogue=NO_UPDATES, releasing=UPDATES_2019))

    @pytest.mark.parametrize(
        "fixed",
        [
            "15.2.986.35",  # one too low
            "15.2.986.30",  # released, but no update
            "15.2.1118.21",  # one too high
            "15.10.0.0",  # far away, so as never to end
        ],
    )
    def test_any_other_build_is_named(self, fixed: str) -> None:
        """Near misses and released builds are no updates."""
        line = told("S3", publish(only("exchange-2019", span("15.2.221.12", fixed))))

        assert f"product exchange-2019: fixed is {fixed}, which is no registered cumulative update" in line

    def test_another_products_update_is_no_update(self) -> None:
        """The build must be this very product's."""
        swapped = Catalogue.of(
            [EXCHANGE_2016, EXCHANGE_2019], [replace(one, product="exchange-2016") for one in UPDATES_2019]
        )
        mitigation = only("exchange-2019", span("15.2.1118.7", "15.2.1118.20"))

        assert len(find("S3", publish(mitigation, catalogue=swapped))) == 1

    def test_an_update_that_fixes_something_else_is_named(self) -> None:
        """Agents would take the protection away where the hole is still open."""
        other = Catalogue.of([EXCHANGE_2019], [update("exchange-2019", "15.2.986.36", fixes=("CVE-2022-1",))])
        mitigation = only("exchange-2019", span("15.2.221.12", "15.2.986.36"))

        assert f"is known to fix {CVE}" in told("S3", publish(mitigation, catalogue=other))

    def test_an_update_must_fix_every_vulnerability(self) -> None:
        """Half fixed is not fixed."""
        both = replace(GOOD, vulnerabilities=(CVE, "CVE-2022-41082"))

        assert {"CVE-2022-41082" in str(one) for one in find("S3", publish(both))} == {True}

    def test_later_updates_hold_earlier_fixes(self) -> None:
        """Updates are cumulative: each vulnerability may be fixed by another one."""
        first = update("exchange-2019", "15.2.986.36")
        second = update("exchange-2019", "15.2.986.41", fixes=("CVE-2022-41082",))
        mitigation = replace(
            only("exchange-2019", span("15.2.221.12", "15.2.986.41")),
            vulnerabilities=(CVE, "CVE-2022-41082"),
        )

        assert not find("S3", publish(mitigation, catalogue=Catalogue.of([EXCHANGE_2019], [first, second])))

    def test_an_update_may_make_a_mitigation_needless(self) -> None:
        """It then says so of that mitigation by its id, and only of that one."""
        needless = update("exchange-2019", "15.2.986.36", fixes=(), needless=("M0001",))
        mitigation = only("exchange-2019", span("15.2.221.12", "15.2.986.36"))
        catalogue = Catalogue.of([EXCHANGE_2019], [needless])

        assert not find("S3", publish(mitigation, catalogue=catalogue))
        assert find("S3", publish(replace(mitigation, id="M0002"), catalogue=catalogue))

    def test_fixed_lies_above_introduced(self) -> None:
        """Such a range cannot even be written down."""
        with pytest.raises(BadRangeError):
            BuildRange(build("15.2.1118.20"), build("15.2.1118.20"))

    def test_what_stands_does_not_hold_up_others_when_its_fix_is_called_back(self) -> None:
        """The catalogue is corrected at once, and the revision that says so comes when it is approved."""
        emergency = replace(STILL_OPEN, id="M0002")

        assert not find("S3", publish(emergency, standing=(GOOD,), catalogue=NO_UPDATES))

    def test_a_withdrawn_revision_is_not_asked(self) -> None:
        """Withdrawing must always be possible, even when an update was called back."""
        withdrawn = replace(GOOD, status=Status.WITHDRAWN)

        assert not find("S3", publish(withdrawn, catalogue=NO_UPDATES))
        assert find("S3", publish(GOOD, catalogue=NO_UPDATES))

    def test_a_mitigation_without_vulnerability_takes_any_registered_update(self) -> None:
        """An exercise, say; the build must still be an update's."""
        exercise = replace(GOOD, vulnerabilities=(), actions=(DoNothing("A1"),))

        assert not find("S3", publish(exercise, catalogue=CATALOGUE))
        assert find("S3", publish(exercise, catalogue=NO_UPDATES))
