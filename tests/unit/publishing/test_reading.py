from __future__ import annotations

from dataclasses import replace

import pytest

from feedsrv.errors import NotFoundError
from feedsrv.model.build import Build
from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.refusals import (
    UnknownFeedError,
    UnknownMitigationError,
)
from feedsrv.publishing.workflow import Workflow
from feedsrv.stores.memory import MemoryStore
from tests.desk import Desk
from tests.publisher import PRODUCT, cumulative_update, written

BUILD = Build.parse("15.2.1900.1")


class TestAsking:
    """What people look at."""

    def test_a_difference_shows_bytes_and_says_what_they_mean(self, desk: Desk) -> None:
        """For the reviewer of a superseding revision."""
        desk.publish(written())
        desk.workflow.register_update(cumulative_update(), by="carl")

        difference = desk.workflow.diff("M0001")

        assert (difference.before, difference.after) == (1, 2)
        assert '+    <Range introduced="15.2.221.12" fixed="15.2.1900.1"/>' in difference.text
        assert "no longer affects exchange-2019 15.2.221.12 up to any" in difference.summary
        assert "affects exchange-2019 15.2.221.12 up to 15.2.1900.1" in difference.summary

    def test_the_first_revision_differs_from_nothing(self, desk: Desk) -> None:
        """All of it is new."""
        desk.bring(written())

        difference = desk.workflow.diff("M0001")

        assert difference.before is None
        assert difference.summary[0] == "new: No way in"
        assert all(line.startswith(("+", "---", "@@")) for line in difference.text.splitlines())

    def test_a_difference_is_to_what_was_published_last(self, desk: Desk) -> None:
        """Though a number in between is not known here, as after a restore."""
        desk.publish(written())
        desk.bring(written(title="Better", change="Covers more."))
        with desk.store.begin() as work:
            second = work.revisions.get("M0001", 2)
            assert second is not None
            work.revisions.save(replace(second, stage=Stage.DISCARDED))
            third = replace(second.mitigation, revision=3)
            work.revisions.save(replace(second, mitigation=third))

        difference = desk.workflow.diff("M0001")

        assert (difference.before, difference.after) == (1, 3)
        assert "title: No way in -> Better" in difference.summary

    def test_the_rules_speak_at_review(self, desk: Desk) -> None:
        """Before anybody approves."""
        desk.bring(written(supersedes="M0099"))

        assert [one.code for one in desk.workflow.lint("M0001")] == ["S8"]

    def test_what_is_not_there_is_named(self, desk: Desk) -> None:
        """Each question has its refusal."""
        for ask in (desk.workflow.show_mitigation, desk.workflow.history, desk.workflow.diff):
            with pytest.raises(UnknownMitigationError, match="M0042"):
                ask("M0042")
        desk.bring(written())
        with pytest.raises(UnknownMitigationError, match="M0001 revision 7"):
            desk.workflow.show_mitigation("M0001", 7)
        with pytest.raises(UnknownFeedError, match="there is none yet"):
            desk.workflow.show_feed(PRODUCT, "production")
        with pytest.raises(NotFoundError):
            Workflow(MemoryStore()).catalogue()

    def test_history_keeps_every_revision(self, desk: Desk) -> None:
        """The published and the open ones."""
        desk.publish(written())
        desk.bring(written(title="Better", change="Covers more."))

        assert [one.stage for one in desk.workflow.history("M0001")] == [Stage.PUBLISHED, Stage.DRAFT]
        assert [str(one) for one in desk.workflow.list_mitigations()] == ["M0001 revision 2"]
