from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from feedsrv.errors import BadInputError
from feedsrv.model.build import Build
from feedsrv.model.catalogue import UnknownProductError, UpdateStage
from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.records import Intent, IntentState, Published
from feedsrv.publishing.refusals import (
    BadChangeError,
    InWorkError,
    LintRefusedError,
    UnknownUpdateError,
    WaitingForReviewError,
)
from feedsrv.stores.database import open_database, upgrade
from feedsrv.stores.sql import SqlStore
from tests.desk import AT, Desk, urgent
from tests.publisher import CATALOGUE, PRODUCT, catalogue_with, cumulative_update, written

BUILD = Build.parse("15.2.1900.1")


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

    @pytest.mark.parametrize(
        ("build", "needless", "said"),
        [
            ("15.2.1118.6", (), "lies below 15.2.1118.7"),
            ("15.2.1.1", (), "lies below 15.2.221.12"),
            ("15.2.1900.1", ("M0999",), "no mitigation M0999"),
        ],
    )
    def test_what_can_only_be_mistyped_is_refused(
        self, desk: Desk, build: str, needless: tuple[str, ...], said: str
    ) -> None:
        """A protection would end on servers that need it, or never, and nobody would see why."""
        desk.publish(written())

        with pytest.raises(BadChangeError, match=said):
            desk.workflow.register_update(cumulative_update(build, needless=needless), by="carl")

        assert Build.parse(build) not in [one.update.build for one in desk.workflow.list_updates()]

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
            desk.workflow.import_catalogue(catalogue_with(more), source="products.xml", by="anna")

    def test_a_registered_update_can_be_added_to_and_not_lessened(self, desk: Desk) -> None:
        """Revisions for what it fixed may be under review."""
        desk.workflow.register_update(cumulative_update(), by="carl")

        more = cumulative_update(fixes=("CVE-2026-1000", "CVE-2026-2000"))
        assert not desk.workflow.register_update(more, by="carl").unchanged
        with pytest.raises(BadChangeError, match="CVE-2026-2000"):
            desk.workflow.register_update(cumulative_update(), by="carl")


class TestPlanning:
    """Seeing what an update obliges before one says yes."""

    def test_a_plan_says_what_registering_would_do(self, desk: Desk) -> None:
        """Word for word, apart from who asked; and nothing of it is kept or told."""
        desk.publish(written(), written("M0002", vulnerability="CVE-2026-2000"))
        acts, told = desk.acts(), desk.told()

        plan = desk.workflow.plan_update(cumulative_update(), by="dora")

        assert [str(one) for one in plan.revisions] == ["M0001 revision 2"]
        assert (desk.acts(), desk.told()) == (acts, told)
        assert cumulative_update().build not in [one.update.build for one in desk.workflow.list_updates()]
        assert desk.workflow.show_mitigation("M0001").number == 1
        registered = desk.workflow.register_update(cumulative_update(), by="dora")
        assert registered == plan

    def test_a_plan_is_refused_for_what_registering_is_refused_for(self, desk: Desk) -> None:
        """It would be no help otherwise."""
        with pytest.raises(BadChangeError, match="lies below"):
            desk.workflow.plan_update(cumulative_update("15.2.1.1"), by="dora")

    def test_on_a_real_database_nothing_of_it_is_kept(self, tmp_path: Path) -> None:
        """Nor does a plan fail where somebody else writes at the same time."""
        url = f"sqlite:///{tmp_path}/feedsrv.db"
        upgrade(url)
        store, others = SqlStore(open_database(url)), Desk(SqlStore(open_database(url)))
        desk = Desk(store)
        desk.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
        desk.publish(written())
        acts, told = desk.acts(), desk.told()

        with ThreadPoolExecutor() as pool:
            writing = pool.submit(
                lambda: [others.bring(urgent("M0009", title=f"Draft {n}")) for n in range(20)]
            )
            plans = [desk.workflow.plan_update(cumulative_update(), by="dora") for _ in range(20)]
            writing.result()

        assert {str(one) for plan in plans for one in plan.revisions} == {"M0001 revision 2"}
        assert [act for act in desk.acts() if "M0009" not in act] == acts
        assert desk.told() == told
        assert desk.workflow.show_mitigation("M0001").number == 1
        assert isinstance(others.store, SqlStore)
        others.store.close()
        store.close()


class TestDiscarding:
    """Registered by mistake, or it will not come out."""

    def test_what_nobody_counts_on_is_forgotten(self, desk: Desk) -> None:
        """With a line in the log."""
        desk.workflow.register_update(cumulative_update(), by="carl")

        gone = desk.workflow.discard_update(PRODUCT, BUILD, by="dora")

        assert gone.update.build == BUILD
        assert BUILD not in [one.update.build for one in desk.workflow.list_updates()]
        assert desk.acts()[-1] == "dora discard exchange-2019 15.2.1900.1"
        assert desk.told()[-2:] == [
            "update.registered exchange-2019 15.2.1900.1",
            "update.discarded exchange-2019 15.2.1900.1",
        ]

    @pytest.mark.parametrize("stage", ["in review", "approved", "draft"])
    def test_what_an_open_revision_names_stays(self, desk: Desk, stage: str) -> None:
        """The refusal says which to discard first; then it works."""
        desk.publish(written())
        desk.workflow.register_update(cumulative_update(), by="carl")
        if stage == "approved":
            desk.approve()
        if stage == "draft":
            desk.workflow.return_("M0001", by="ben", reason="Not yet.")

        with pytest.raises(
            InWorkError, match=r"M0001 revision 2 names exchange-2019 15\.2\.1900\.1 as the fix"
        ):
            desk.workflow.discard_update(PRODUCT, BUILD, by="dora")

        if stage != "draft":
            desk.workflow.return_("M0001", by="ben", reason="It will not come out.")
        desk.workflow.discard("M0001", by="carl")
        desk.workflow.discard_update(PRODUCT, BUILD, by="dora")

    def test_what_is_public_or_about_to_be_stays(self, desk: Desk) -> None:
        """A released update is a fact; one whose release was asked for is somebody's decision."""
        desk.workflow.register_update(cumulative_update(), by="carl")
        desk.workflow.release_update(PRODUCT, BUILD, by="paula")

        with pytest.raises(BadChangeError, match="goes out with the next publication, as paula asked"):
            desk.workflow.discard_update(PRODUCT, BUILD, by="dora")
        with pytest.raises(BadChangeError, match="is released: what is public stays"):
            desk.workflow.discard_update(PRODUCT, Build.parse("15.2.1118.20"), by="dora")

    def test_what_a_publication_releases_at_this_moment_stays(self, desk: Desk) -> None:
        """It may be public already."""
        desk.workflow.register_update(cumulative_update(), by="carl")
        with desk.store.begin() as work:
            work.intents.begin(Intent(0, AT, "paula", IntentState.OPEN, updates=((PRODUCT, BUILD),)))

        with pytest.raises(InWorkError, match="is on its way"):
            desk.workflow.discard_update(PRODUCT, BUILD, by="dora")

    def test_what_is_not_registered_cannot_be_discarded(self, desk: Desk) -> None:
        """Nor twice."""
        desk.workflow.register_update(cumulative_update(), by="carl")
        desk.workflow.discard_update(PRODUCT, BUILD, by="dora")

        for product in (PRODUCT, "nothing"):
            with pytest.raises(UnknownUpdateError, match="is registered; register it first"):
                desk.workflow.discard_update(product, BUILD, by="dora")

    def test_what_was_discarded_can_be_registered_again(self, desk: Desk) -> None:
        """It drafts what it obliges, as at the first time."""
        desk.workflow.register_update(cumulative_update(), by="carl")
        desk.workflow.discard_update(PRODUCT, BUILD, by="carl")
        desk.publish(written())

        again = desk.workflow.register_update(cumulative_update(), by="carl")

        assert [str(one) for one in again.revisions] == ["M0001 revision 2"]
