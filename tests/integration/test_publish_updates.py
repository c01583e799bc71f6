"""Cumulative updates, from registering to the feed that says so: real signing, SQLite and files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from feedsrv.model.build import Build
from feedsrv.stores.sql import SqlStore
from tests.publisher import CATALOGUE, PRODUCT, House, cumulative_update, open_house, shared_pki, written

BUILD = Build.parse("15.2.1900.1")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A publisher with a catalogue and nothing published."""
    house = open_house(tmp_path, shared_pki())
    house.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    yield house
    assert isinstance(house.store, SqlStore)
    house.workflow.verify_audit()
    house.store.close()


class TestUpdates:
    """Rule S4: a cumulative update takes effect together with the rollbacks it causes."""

    def test_an_update_and_its_rollbacks_go_out_in_one_feed_version(self, house: House) -> None:
        """Registered, drafted, approved, released, published."""
        house.bring(written(), written("M0002"), written("M0003", vulnerability="CVE-2026-2000"))

        registered = house.workflow.register_update(cumulative_update(needless=("M0003",)), by="carl")
        for revision in registered.revisions:
            house.approve(revision.id)
        house.workflow.release_update(PRODUCT, BUILD, by="carl")
        outcome = house.publish()

        assert [str(one) for one in registered.revisions] == [
            f"M000{number} revision 2" for number in (1, 2, 3)
        ]
        assert [update.build for update in outcome.released] == [BUILD]
        assert [head.feed.version for head in outcome.feeds] == [2]
        for mitigation_id in ("M0001", "M0002", "M0003"):
            words = house.read_mitigation(mitigation_id, 2)
            assert not words.affects_build(PRODUCT, BUILD)
            assert words.affects_build(PRODUCT, Build.parse("15.2.1748.10"))

    def test_an_emergency_does_not_wait_for_a_registered_update(self, house: House) -> None:
        """It is published at once; what the update is preparing stays unsaid."""
        house.bring(written())
        house.workflow.register_update(cumulative_update(), by="carl")
        house.approve("M0001")

        outcome = house.bring(written("M0002", vulnerability="CVE-2026-2000"))

        assert outcome.revisions == (("M0002", 1),)
        assert outcome.held == (
            "M0001 revision 2 waits for the release of exchange-2019 15.2.1900.1, which it names as the fix",
        )
        assert house.states() == {"M0001": "1 active", "M0002": "1 active"}
        page = house.shelf.get("index.html")
        assert page is not None
        assert b"15.2.1118.20 is out" in page
        assert b"15.2.1900.1" not in page

    def test_an_update_waits_when_a_superseding_revision_is_edited_at_the_last_moment(
        self, house: House
    ) -> None:
        """Neither goes out without the other, and others are not held up."""
        house.bring(written())
        house.workflow.register_update(cumulative_update(), by="carl")
        house.approve("M0001")
        house.workflow.release_update(PRODUCT, BUILD, by="carl")
        edited = written(
            ranges='<Range introduced="15.2.221.12" fixed="15.2.1900.1"/>', change="The fix is in CU16."
        )
        house.workflow.import_mitigation(edited, source="m.xml", by="anna")

        outcome = house.bring(written("M0002", vulnerability="CVE-2026-2000"))

        assert outcome.released == ()
        assert outcome.revisions == (("M0002", 1),)
        assert "waits for a revision of M0001" in outcome.held[0]

        house.approve("M0001")
        assert house.publish().revisions == (("M0001", 2),)
        assert not house.read_mitigation("M0001", 2).affects_build(PRODUCT, BUILD)

    def test_an_emergency_for_the_same_hole_is_not_held_up_by_a_release(self, house: House) -> None:
        """It goes out, the update waits for its next revision, and registering again drafts that one."""
        house.bring(written())
        house.workflow.register_update(cumulative_update(), by="carl")
        house.approve("M0001")
        house.workflow.release_update(PRODUCT, BUILD, by="carl")

        outcome = house.bring(written("M0002"))

        assert outcome.revisions == (("M0002", 1),)
        assert outcome.released == ()
        assert any("15.2.1900.1 waits for a revision of M0002" in one for one in outcome.held)

        (drafted,) = house.workflow.register_update(cumulative_update(), by="carl").revisions
        house.approve(drafted.id)
        assert house.publish().revisions == (("M0001", 2), ("M0002", 2))

    def test_a_released_update_that_turns_out_to_fix_more_drafts_the_revisions(self, house: House) -> None:
        """It is out already, so each goes when it is approved, and an emergency before that."""
        house.bring(written())
        known = house.workflow.catalogue().updates[0]
        more = replace(known, fixes=(*known.fixes, "CVE-2026-1000"))

        registered = house.workflow.register_update(more, by="carl")
        emergency = house.bring(written("M0002", vulnerability="CVE-2026-2000"))
        house.approve("M0001")
        house.publish()

        assert registered.update.update == more
        assert [str(one) for one in registered.revisions] == ["M0001 revision 2"]
        assert emergency.revisions == (("M0002", 1),)
        assert not house.read_mitigation("M0001", 2).affects_build(PRODUCT, more.build)

    def test_a_fix_that_does_not_hold_is_called_back_and_the_mitigation_returns(self, house: House) -> None:
        """The catalogue is corrected, nothing else is held up, and the new revision says why."""
        ended = '<Range introduced="15.2.221.12" fixed="15.2.1118.20"/>'
        house.bring(written(vulnerability="CVE-2022-41040", ranges=ended))
        corrected = CATALOGUE.replace(b'      <Fixes id="CVE-2022-41040"/>\n', b"")

        house.workflow.import_catalogue(corrected, source="products.xml", by="anna")
        assert house.bring(written("M0002")).revisions == (("M0002", 1),)
        again = written(vulnerability="CVE-2022-41040", change="The fix in 15.2.1118.20 does not hold.")

        assert house.bring(again).revisions == (("M0001", 2),)
        assert house.read_mitigation("M0001", 2).affects_build(PRODUCT, Build.parse("15.2.1118.20"))
