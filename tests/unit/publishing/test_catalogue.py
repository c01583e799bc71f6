from __future__ import annotations

from dataclasses import replace

import pytest

from feedsrv.codec.catalogue import read_catalogue
from feedsrv.model.build import Build
from feedsrv.model.catalogue import UpdateStage
from feedsrv.model.feed import digest_of
from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.refusals import (
    BadChangeError,
    LintRefusedError,
)
from tests.desk import Desk
from tests.publisher import CATALOGUE, PRODUCT, catalogue_with, cumulative_update, written

BUILD = Build.parse("15.2.1900.1")


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
        less = catalogue_with(replace(both, fixes=("CVE-2026-2000",)))

        with pytest.raises(BadChangeError, match="no longer fix CVE-2026-1000, but M0001 revision 2 ends"):
            desk.workflow.import_catalogue(less, source="products.xml", by="anna")
        desk.workflow.return_("M0001", by="ben", reason="It does not hold.")
        desk.workflow.discard("M0001", by="ben")
        desk.workflow.import_catalogue(less, source="products.xml", by="anna")

        known = desk.workflow.catalogue().update(PRODUCT, BUILD)
        assert known is not None
        assert (known.fixes, known.stage) == (("CVE-2026-2000",), UpdateStage.REGISTERED)
        assert desk.workflow.release_update(PRODUCT, BUILD, by="carl").releasing_by == "carl"

    def test_an_update_is_lessened_where_nobody_counts_on_that(self, desk: Desk) -> None:
        """A revision that ends there for another reason does not mind."""
        desk.publish(written())
        both = cumulative_update(fixes=("CVE-2026-1000", "CVE-2026-2000"))
        desk.workflow.register_update(both, by="carl")
        less = replace(both, fixes=("CVE-2026-1000",))

        desk.workflow.import_catalogue(catalogue_with(less), source="products.xml", by="anna")

        assert desk.workflow.catalogue().update(PRODUCT, BUILD) == less
        assert desk.workflow.show_mitigation("M0001").stage is Stage.IN_REVIEW

    def test_a_file_is_not_blamed_for_what_was_so_before(self, desk: Desk) -> None:
        """Neither for a revision that is still in review, nor for a build that was missing already."""
        desk.publish(written())
        known = desk.workflow.catalogue().updates[0]
        desk.workflow.register_update(replace(known, fixes=(*known.fixes, "CVE-2026-1000")), by="carl")
        fixes = b'<Fixes id="CVE-2022-41040"/>'
        more = CATALOGUE.replace(fixes, fixes + b'<Fixes id="CVE-2026-1000"/>')
        poorer = more.replace(b'    <Release build="15.2.221.12" name="RTM" date="2018-10-22"/>\n', b"")
        with desk.store.begin() as work:
            work.products.replace(read_catalogue(poorer, source="p.xml").products.values())

        renamed = poorer.replace(b"Skype for Business Server 2019", b"SfB Server 2019")
        imported = desk.workflow.import_catalogue(renamed, source="products.xml", by="anna")

        assert imported.catalogue.product("sfb-2019").name == "SfB Server 2019"

    def test_an_old_file_takes_nothing_back_that_was_added_by_hand(self, desk: Desk) -> None:
        """Only a new one does: importing is part of every start, correcting is an act."""
        known = desk.workflow.catalogue().updates[0]
        more = replace(known, fixes=(*known.fixes, "CVE-2026-1000"))
        desk.workflow.register_update(more, by="carl")

        again = desk.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
        assert again.unchanged
        assert desk.workflow.catalogue().updates == (more,)

        corrected = CATALOGUE.replace(b"<Catalogue", b"<!-- The fix does not hold. --><Catalogue")
        desk.workflow.import_catalogue(corrected, source="products.xml", by="anna")
        assert desk.workflow.catalogue().updates == (known,)

    def test_an_import_is_recorded_with_what_it_changed(self, desk: Desk) -> None:
        """Which file, by digest, and which updates."""
        data = catalogue_with(replace(cumulative_update(), stage=UpdateStage.RELEASED))

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
