from __future__ import annotations

from dataclasses import replace

import pytest

from feedsrv.codec.catalogue import read_catalogue, write_catalogue
from feedsrv.errors import BadInputError, NotFoundError
from feedsrv.model.build import Build
from feedsrv.model.catalogue import Catalogue, CumulativeUpdate, UnknownProductError, UpdateStage
from feedsrv.model.feed import digest_of
from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.records import Intent, IntentState, Published
from feedsrv.publishing.refusals import (
    BadChangeError,
    InWorkError,
    LintRefusedError,
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


def with_update(update: CumulativeUpdate) -> bytes:
    """The catalogue's file with one more update in it."""
    catalogue = read_catalogue(CATALOGUE, source="products.xml")
    return write_catalogue(Catalogue.of(catalogue.products.values(), (*catalogue.updates, update)))


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

    def test_a_released_update_stays_what_it_is(self, desk: Desk) -> None:
        """It is not released again, and no other takes its place."""
        known = desk.workflow.catalogue().updates[0]

        with pytest.raises(BadChangeError, match="released already"):
            desk.workflow.release_update(PRODUCT, known.build, by="carl")
        with pytest.raises(
            BadChangeError, match=r"released already, as CU12 Nov22SU of 2022-11-08 \(KB5019758"
        ):
            desk.workflow.register_update(replace(known, name="CU12 Dec22SU"), by="carl")
        assert desk.workflow.register_update(known, by="carl").unchanged

    def test_a_released_update_can_turn_out_to_fix_more(self, desk: Desk) -> None:
        """It stays released, and the revisions that say so are drafted."""
        desk.publish(written())
        known = desk.workflow.catalogue().updates[0]

        registered = desk.workflow.register_update(
            replace(known, fixes=(*known.fixes, "CVE-2026-1000")), by="carl"
        )

        assert registered.update.update.stage is UpdateStage.RELEASED
        assert [str(one) for one in registered.revisions] == ["M0001 revision 2"]
        assert desk.workflow.lint("M0001") == ()

    def test_a_mitigation_for_two_holes_stays_while_one_is_open(self, desk: Desk) -> None:
        """Nothing is drafted, and the registrar is told why; the update for the other hole ends it."""
        second = b'<Vulnerability id="CVE-2026-2000"/>'
        desk.publish(written().replace(b"<ReviewWithin", second + b"<ReviewWithin"))

        first = desk.workflow.register_update(cumulative_update(), by="carl")
        later = desk.workflow.register_update(
            cumulative_update("15.2.1900.5", fixes=("CVE-2026-2000",)), by="carl"
        )

        assert first.revisions == ()
        assert first.kept == (
            "M0001 stays: it protects from CVE-2026-2000, too, which this update is not known to fix",
        )
        assert later.kept == ()
        assert [one.mitigation.affects_build(PRODUCT, BUILD) for one in later.revisions] == [True]

    def test_a_release_that_the_rules_object_to_is_refused_at_once(self, desk: Desk) -> None:
        """Else it would wait in the way of whatever is published next."""
        desk.publish(written(), written("M0002", vulnerability="CVE-2026-2000", supersedes="M0001"))
        desk.workflow.register_update(cumulative_update(fixes=("CVE-2026-2000",)), by="carl")
        desk.approve("M0002")

        with pytest.raises(LintRefusedError, match=r"S8 M0002 revision 2: .* supersedes M0001, but leaves"):
            desk.workflow.release_update(PRODUCT, BUILD, by="carl")

        assert all(one.releasing_by is None for one in desk.workflow.list_updates())

    def test_an_update_does_not_fix_what_begins_with_it(self, desk: Desk) -> None:
        """One of the two is wrong, and only people know which."""
        desk.publish(written(ranges='<Range introduced="15.2.1748.10"/>'))

        with pytest.raises(BadChangeError, match="cannot fix what M0001 revision 1 says begins"):
            desk.workflow.register_update(cumulative_update("15.2.1748.10"), by="carl")

    @pytest.mark.parametrize(
        "change",
        [
            {"name": ""},
            {"name": "CU16\x07"},
            {"kb": " "},
            {"fixes": ("one of them",)},
            {"needless": ("M1",)},
        ],
    )
    def test_an_update_obeys_the_catalogues_grammar(self, desk: Desk, change: dict[str, object]) -> None:
        """By hand as from a file."""
        broken = replace(cumulative_update(), **change)  # type: ignore[arg-type] # one field at a time

        with pytest.raises(BadInputError, match=r"CumulativeUpdate"):
            desk.workflow.register_update(broken, by="carl")

    def test_an_update_that_is_being_published_is_not_touched(self, desk: Desk) -> None:
        """What it fixes was judged when the publication began."""
        desk.workflow.register_update(cumulative_update(), by="carl")
        with desk.store.begin() as work:
            work.intents.begin(Intent(0, AT, "paula", IntentState.OPEN, updates=((PRODUCT, BUILD),)))

        more = cumulative_update(fixes=("CVE-2026-1000", "CVE-2026-2000"))
        with pytest.raises(InWorkError, match="is on its way"):
            desk.workflow.register_update(more, by="carl")
        with pytest.raises(InWorkError, match="is on its way"):
            desk.workflow.release_update(PRODUCT, BUILD, by="carl")
        with pytest.raises(InWorkError, match="is on its way"):
            desk.workflow.import_catalogue(with_update(more), source="products.xml", by="anna")

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

    def test_an_update_in_the_file_does_not_pass_by_them_together_with_another(self, desk: Desk) -> None:
        """Two updates that fix one hole each end what protects from both."""
        second = b'<Vulnerability id="CVE-2026-2000"/>'
        desk.publish(written().replace(b"<ReviewWithin", second + b"<ReviewWithin"))
        slipped_in = CATALOGUE.replace(b"CVE-2022-41040", b"CVE-2026-1000").replace(
            b"</CumulativeUpdate>",
            b'</CumulativeUpdate><CumulativeUpdate build="15.2.1118.25" name="Jan23SU" date="2023-01-10">'
            b'<Fixes id="CVE-2026-2000"/></CumulativeUpdate>',
        )

        with pytest.raises(BadChangeError, match=r"15\.2\.1118\.25 would make an end of M0001"):
            desk.workflow.import_catalogue(slipped_in, source="products.xml", by="anna")

    @pytest.mark.parametrize(
        ("gone", "instead"),
        [
            (b'    <Release build="15.2.221.12" name="RTM" date="2018-10-22"/>\n', b""),
            (b"15.2.221.12", b"15.2.221.14"),
        ],
    )
    def test_a_build_that_mitigations_begin_with_stays(self, desk: Desk, gone: bytes, instead: bytes) -> None:
        """Dropped or changed, it would take the ground from under what is published, and hold up all else."""
        desk.publish(written())

        with pytest.raises(LintRefusedError, match=r"S1 M0001 revision 1: .* unreleased 15\.2\.221\.12"):
            desk.workflow.import_catalogue(CATALOGUE.replace(gone, instead), source="p.xml", by="anna")

        assert desk.workflow.catalogue().products[PRODUCT].has_released(Build.parse("15.2.221.12"))

    def test_a_registered_update_is_lessened_by_the_file_alone(self, desk: Desk) -> None:
        """Not while a revision under way ends there because of it."""
        desk.publish(written())
        both = cumulative_update(fixes=("CVE-2026-1000", "CVE-2026-2000"))
        desk.workflow.register_update(both, by="carl")
        less = with_update(replace(both, fixes=("CVE-2026-2000",)))

        with pytest.raises(BadChangeError, match="no longer fix CVE-2026-1000, but M0001 revision 2 ends"):
            desk.workflow.import_catalogue(less, source="products.xml", by="anna")
        desk.workflow.return_("M0001", by="ben", reason="It does not hold.")
        desk.workflow.discard("M0001", by="ben")
        desk.workflow.import_catalogue(less, source="products.xml", by="anna")

        known = desk.workflow.catalogue().update(PRODUCT, BUILD)
        assert known is not None
        assert (known.fixes, known.stage) == (("CVE-2026-2000",), UpdateStage.REGISTERED)
        assert desk.workflow.release_update(PRODUCT, BUILD, by="carl").releasing_by == "carl"

    def test_an_import_is_recorded_with_what_it_changed(self, desk: Desk) -> None:
        """Which file, by digest, and which updates."""
        data = with_update(replace(cumulative_update(), stage=UpdateStage.RELEASED))

        desk.workflow.import_catalogue(data, source="products.xml", by="anna")

        detail = desk.workflow.list_audit(newest=1)[0].detail
        assert detail["source_digest"] == digest_of(data)
        assert detail["changed updates"] == "exchange-2019 15.2.1900.1"

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
