from __future__ import annotations

from dataclasses import replace

import pytest

from feedsrv.errors import NotFoundError
from feedsrv.model.build import Build
from feedsrv.model.catalogue import UnknownProductError, UpdateStage
from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.records import Published
from feedsrv.publishing.refusals import (
    BadChangeError,
    InWorkError,
    UnknownFeedError,
    UnknownMitigationError,
    UnknownUpdateError,
    WaitingForReviewError,
)
from feedsrv.publishing.workflow import Workflow
from feedsrv.stores.memory import MemoryStore
from tests.desk import AT, Desk
from tests.publisher import CATALOGUE, PRODUCT, cumulative_update, written

BUILD = Build.parse("15.2.1900.1")


@pytest.fixture
def desk() -> Desk:
    """A desk with a catalogue on it."""
    desk = Desk()
    desk.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    return desk


class TestUpdating:
    """Cumulative updates, from registering to releasing."""

    def test_registering_drafts_what_the_update_obliges(self, desk: Desk) -> None:
        """In review at once, with the registrar as author."""
        desk.publish(written(), written("M0002", vulnerability="CVE-2026-2000"))

        registered = desk.workflow.register_update(cumulative_update(), by="carl")

        assert [str(one) for one in registered.revisions] == ["M0001 revision 2"]
        assert registered.revisions[0].stage is Stage.IN_REVIEW
        assert registered.revisions[0].author == "carl"
        assert desk.acts()[-2:] == [
            "carl register exchange-2019 15.2.1900.1",
            "carl draft M0001 revision 2",
        ]

    def test_registering_again_drafts_only_what_is_missing(self, desk: Desk) -> None:
        """A mitigation published since, for instance."""
        desk.publish(written())
        desk.workflow.register_update(cumulative_update(), by="carl")
        desk.approve("M0001")

        again = desk.workflow.register_update(cumulative_update(), by="carl")
        desk.bring(written("M0002"))
        with desk.store.begin() as work:
            found = work.revisions.get("M0002", 1)
            assert found is not None
            out = Published(found.digest, 1, AT)
            work.revisions.save(replace(found, stage=Stage.PUBLISHED, published=out))
        third = desk.workflow.register_update(cumulative_update(), by="carl")

        assert again.unchanged
        assert desk.workflow.show_mitigation("M0001").stage is Stage.APPROVED
        assert [str(one) for one in third.revisions] == ["M0002 revision 2"]

    def test_two_updates_share_one_revision(self, desk: Desk) -> None:
        """The second is laid over what waits for the first, and its review begins again."""
        desk.publish(written())
        desk.workflow.register_update(cumulative_update("15.2.1544.30"), by="carl")
        desk.approve()

        registered = desk.workflow.register_update(cumulative_update("15.2.1900.1"), by="dora")

        (revision,) = registered.revisions
        assert (revision.number, revision.stage) == (2, Stage.IN_REVIEW)
        assert revision.hands == {"carl", "dora"}
        assert [str(one) for _, one in revision.mitigation.ranges()] == [
            "15.2.221.12 up to 15.2.1544.30",
            "15.2.1748.10 up to 15.2.1900.1",
        ]

    def test_somebodys_unfinished_work_is_not_overwritten(self, desk: Desk) -> None:
        """Registering waits, and says for what; nothing of it is kept."""
        desk.publish(written())
        desk.bring(written(title="Better", change="Covers more."))

        with pytest.raises(InWorkError, match="M0001 revision 2 is unfinished"):
            desk.workflow.register_update(cumulative_update(), by="carl")

        assert [one.update.build for one in desk.workflow.list_updates()] == [Build.parse("15.2.1118.20")]

    def test_an_update_is_released_once_every_answer_is_approved(self, desk: Desk) -> None:
        """It is then marked, and the next publication releases it."""
        desk.publish(written())
        desk.workflow.register_update(cumulative_update(), by="carl")

        with pytest.raises(WaitingForReviewError, match="M0001 revision 2 is in review"):
            desk.workflow.release_update(PRODUCT, BUILD, by="carl")
        desk.approve()
        marked = desk.workflow.release_update(PRODUCT, BUILD, by="carl")

        assert marked.releasing_by == "carl"
        assert marked.update.stage is UpdateStage.REGISTERED

    def test_an_answer_that_was_discarded_is_missed(self, desk: Desk) -> None:
        """The refusal says how to get it back."""
        desk.publish(written())
        desk.workflow.register_update(cumulative_update(), by="carl")
        desk.workflow.return_("M0001", by="ben", reason="No.")
        desk.workflow.discard("M0001", by="ben")

        with pytest.raises(WaitingForReviewError, match="M0001 has no new revision yet"):
            desk.workflow.release_update(PRODUCT, BUILD, by="carl")

    def test_unknown_updates_and_products_are_named(self, desk: Desk) -> None:
        """With what there is."""
        with pytest.raises(UnknownUpdateError, match=r"15\.2\.1900\.1 of exchange-2019"):
            desk.workflow.release_update(PRODUCT, BUILD, by="carl")
        with pytest.raises(UnknownProductError, match="sfb-2019"):
            desk.workflow.register_update(replace(cumulative_update(), product="exchange-2003"), by="carl")

    def test_a_released_update_is_history(self, desk: Desk) -> None:
        """It is neither registered nor released again."""
        known = Build.parse("15.2.1118.20")

        with pytest.raises(BadChangeError, match="released already"):
            desk.workflow.release_update(PRODUCT, known, by="carl")
        with pytest.raises(BadChangeError, match="released already"):
            desk.workflow.register_update(cumulative_update("15.2.1118.20"), by="carl")

    def test_a_registered_update_can_be_added_to_and_not_lessened(self, desk: Desk) -> None:
        """Revisions for what it fixed may be under review."""
        desk.workflow.register_update(cumulative_update(), by="carl")

        more = cumulative_update(fixes=("CVE-2026-1000", "CVE-2026-2000"))
        assert not desk.workflow.register_update(more, by="carl").unchanged
        with pytest.raises(BadChangeError, match="CVE-2026-2000"):
            desk.workflow.register_update(cumulative_update(), by="carl")


class TestCatalogue:
    """Products come from a file, updates from a file or by hand."""

    def test_an_update_in_the_file_does_not_pass_by_its_rollbacks(self, desk: Desk) -> None:
        """What it would end without a word must be registered instead."""
        desk.publish(written())
        slipped_in = CATALOGUE.replace(b"CVE-2022-41040", b"CVE-2026-1000")

        with pytest.raises(BadChangeError, match=r"make an end of M0001.*cu register"):
            desk.workflow.import_catalogue(slipped_in, source="products.xml", by="anna")

        assert desk.workflow.catalogue().updates[0].fixes == ("CVE-2022-41040",)

    def test_a_registered_update_survives_a_new_catalogue(self, desk: Desk) -> None:
        """The file does not know of it yet."""
        desk.workflow.register_update(cumulative_update(), by="carl")
        more = CATALOGUE.replace(b'name="RTM" date="2018-10-22"/>', b'name="RTM" date="2018-10-23"/>')

        imported = desk.workflow.import_catalogue(more, source="products.xml", by="anna")

        assert not imported.unchanged
        registered = imported.catalogue.update(PRODUCT, BUILD)
        assert registered is not None
        assert registered.stage is UpdateStage.REGISTERED

    def test_a_product_with_updates_does_not_vanish(self, desk: Desk) -> None:
        """Its support is ended instead."""
        begin = CATALOGUE.index(b'  <Product id="exchange-2019"')
        end = CATALOGUE.index(b'  <Product id="sfb-2019"')

        with pytest.raises(BadChangeError, match="exchange-2019 must stay"):
            desk.workflow.import_catalogue(
                CATALOGUE[:begin] + CATALOGUE[end:], source="products.xml", by="anna"
            )


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
