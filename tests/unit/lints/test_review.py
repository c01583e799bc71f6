"""S9: looking again in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from feedsrv.model.mitigation import Mitigation, Status
from tests.unit.lints.examples import AT, GOOD, HEARTBEAT, entry, feed, find, publish, step, told

TODAY = AT.date()


def reviewed(day: date) -> Mitigation:
    """The good mitigation, looked at again on that day."""
    return replace(GOOD, review_by=day)


class TestMitigations:
    """`ReviewBy` lies ahead, not too far, and before the certificate ends."""

    @pytest.mark.parametrize("days", [1, 30, 180])
    def test_a_day_ahead_passes(self, days: int) -> None:
        """From tomorrow to the last day that is allowed."""
        assert not find("S9", publish(reviewed(TODAY + timedelta(days=days)), HEARTBEAT))

    @pytest.mark.parametrize("days", [0, -1, -400])
    def test_a_day_that_does_not_lie_ahead_is_refused(self, days: int) -> None:
        """Today is too late: nobody would look again."""
        assert "does not lie ahead of 2022-10-07" in told(
            "S9", publish(reviewed(TODAY + timedelta(days=days)))
        )

    @pytest.mark.parametrize("day", [TODAY + timedelta(days=181), date(9999, 12, 31)])
    def test_a_day_too_far_ahead_is_refused(self, day: date) -> None:
        """One day too many, or never."""
        assert "more than 180 days ahead; choose 2023-04-05 or earlier" in told("S9", publish(reviewed(day)))

    def test_how_far_is_a_setting(self) -> None:
        """Counted from the day of publication, not from when it was written."""
        late = replace(reviewed(TODAY + timedelta(days=31)), issued=AT - timedelta(days=365))

        assert find("S9", publish(late, max_review=timedelta(days=30)))
        assert not find("S9", publish(late, max_review=timedelta(days=31)))

    @pytest.mark.parametrize(("days", "refused"), [(59, False), (60, True), (61, True)])
    def test_review_comes_before_the_certificate_ends(self, days: int, *, refused: bool) -> None:
        """At the latest on the day before."""
        ends = AT + timedelta(days=60)

        found = find("S9", publish(reviewed(TODAY + timedelta(days=days)), mitigation_key_ends=ends))

        assert bool(found) is refused
        assert all("renew the mitigation signer's certificate" in one.remedy for one in found)

    def test_a_withdrawn_revision_needs_no_review(self) -> None:
        """Taking back must be possible with whatever days are left."""
        withdrawn = replace(reviewed(TODAY), status=Status.WITHDRAWN)

        assert not find("S9", publish(withdrawn, mitigation_key_ends=AT + timedelta(days=1)))

    def test_what_is_overdue_does_not_hold_up_an_emergency(self) -> None:
        """Only what is new is asked."""
        overdue = replace(reviewed(TODAY - timedelta(days=1)), id="M0002")

        assert not find("S9", publish(GOOD, standing=(overdue,)))


class TestFeeds:
    """A feed never expires after its own certificate."""

    @pytest.mark.parametrize(("seconds", "refused"), [(0, False), (-1, True)])
    def test_a_feed_ends_with_its_certificate(self, seconds: int, *, refused: bool) -> None:
        """To the second."""
        new = feed(1, entry("PING1"), previous=None)
        ends = new.expires + timedelta(seconds=seconds)

        found = find("S9", publish(feeds=((new, None, None),), feed_key_ends=ends))

        assert bool(found) is refused
        assert all("renew the feed signer's certificate" in one.remedy for one in found)

    def test_the_other_key_does_not_count(self) -> None:
        """The mitigation key's end says nothing of feeds."""
        new = feed(1, entry("PING1"), previous=None)

        assert not find("S9", publish(feeds=((new, None, None),), mitigation_key_ends=AT))

    def test_a_feed_that_expired_before_it_was_published_is_refused(self) -> None:
        """A clock that is wrong, or a job that hung."""
        stale = feed(1, entry("PING1"), previous=None, issued=AT - timedelta(days=9), expires=AT)

        assert "would have expired" in told("S9", step(stale, None, None))
