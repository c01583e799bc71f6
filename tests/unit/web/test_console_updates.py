"""The pages of the catalogue, of cumulative updates and of the rollout."""

from __future__ import annotations

from io import BytesIO
from typing import Final

import pytest
from flask.testing import FlaskClient

from feedsrv.model.lifecycle import Role, Stage
from tests.publisher import CATALOGUE, written
from tests.surface import Surface, press, soup
from tests.unit.web.console_desk import HOSTILE, administered, press_in, secret_of, text

UPDATE: Final = {
    "product": "exchange-2019",
    "build": "15.2.1544.9",
    "name": "CU14 Jan27SU",
    "released": "2026-11-20",
    "kb": "KB5099999",
    "fixes": "CVE-2026-1234",
    "needless": "M0010",
}
NEW_UPDATE: Final = "/catalogue/updates/new"
ONE_UPDATE: Final = "/catalogue/updates/exchange-2019/15.2.1544.9"


@pytest.fixture
def surface() -> Surface:
    """A desk with a catalogue and an administrator."""
    return administered()


@pytest.fixture
def ada(surface: Surface) -> FlaskClient:
    """The administrator's browser."""
    return surface.client("ada", *Role)


class TestUpdates:
    """A cumulative update, with what it drafts shown before."""

    def test_is_registered_after_its_revisions_were_seen(self, surface: Surface, ada: FlaskClient) -> None:
        """The first step keeps nothing; the second does just what was shown."""
        surface.house.bring(written("M0010"))

        shown = press(ada, NEW_UPDATE, "See what it would do", **UPDATE)
        before = surface.house.workflow.list_updates()
        said_yes = press_in(ada, shown, "Yes, register it and draft this revision")

        assert "M0010 revision 2" in text(shown)
        assert "15.2.1544.9" in text(shown)
        assert [str(one.update.build) for one in before] == ["15.2.1118.20"]
        assert said_yes.status_code == 303
        assert "Registered." in text(ada.get(str(said_yes.location)))
        assert surface.house.workflow.show_mitigation("M0010", 2).stage is Stage.IN_REVIEW

    def test_nobody_says_yes_to_what_they_did_not_see(self, surface: Surface, ada: FlaskClient) -> None:
        """Where something was published between the two steps, the second shows it instead."""
        shown = press(ada, NEW_UPDATE, "See what it would do", **(UPDATE | {"needless": ""}))
        surface.house.bring(written("M0010", vulnerability="CVE-2026-1234"))

        answer = press_in(ada, shown, "Yes, register it")

        assert answer.status_code == 409
        assert "Somebody was faster" in text(answer)
        assert len(surface.house.workflow.list_updates()) == 1

    def test_what_was_typed_can_be_changed(self, ada: FlaskClient) -> None:
        """The way back keeps every word."""
        shown = press(ada, NEW_UPDATE, "See what it would do", **(UPDATE | {"needless": ""}))

        answer = press_in(ada, shown, "Change what was typed")

        name = soup(answer).find(id="name")
        assert name is not None
        assert name["value"] == UPDATE["name"]

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("build", "15.2", "four whole numbers"),
            ("build", "15.2.1118.3", "was never released itself"),
            ("released", "yesterday", "released: 'yesterday' is no day"),
            ("product", "outlook", "no product 'outlook'"),
            ("needless", "M0999", "there is no mitigation M0999"),
            ("fixes", "CVE-22", "CVE-22"),
            ("name", "", "does not fit"),
            *(("name", one, "") for one in HOSTILE),
            *(("kb", one, "") for one in HOSTILE),
        ],
    )
    def test_a_bad_value_registers_nothing(
        self, surface: Surface, ada: FlaskClient, field: str, value: str, said: str
    ) -> None:
        """It is told what is wanted, and everything typed is still there."""
        answer = press(ada, NEW_UPDATE, "See what it would do", **(UPDATE | {"needless": "", field: value}))

        assert answer.status_code in {200, 400, 404}
        assert said in text(answer)
        assert b"<b>x</b>" not in answer.data
        assert len(surface.house.workflow.list_updates()) == 1

    def test_is_released_or_discarded(self, surface: Surface, ada: FlaskClient) -> None:
        """Released only with all that it needs approved; a mistake is discarded."""
        surface.house.bring(written("M0010"))
        press_in(
            ada,
            press(ada, NEW_UPDATE, "See what it would do", **UPDATE),
            "Yes, register it and draft this revision",
        )

        too_early = press(ada, ONE_UPDATE, "Release it with the next publication")
        surface.house.approve("M0010")
        released = press(ada, ONE_UPDATE, "Release it with the next publication")

        assert too_early.status_code == 403
        assert "M0010 revision 2 is in review" in text(too_early)
        assert released.status_code == 303
        assert surface.house.workflow.list_updates()[-1].releasing_by == "ada"

    def test_a_mistake_is_discarded(self, surface: Surface, ada: FlaskClient) -> None:
        """As if it had never been registered."""
        shown = press(ada, NEW_UPDATE, "See what it would do", **(UPDATE | {"needless": ""}))
        press_in(ada, shown, "Yes, register it")

        answer = press(ada, ONE_UPDATE, "Discard this update")

        assert answer.status_code == 303
        assert len(surface.house.workflow.list_updates()) == 1


class TestCatalogue:
    """The file of products and updates."""

    @pytest.mark.parametrize(
        ("data", "status", "said"),
        [
            (CATALOGUE, 200, "says this already"),
            (CATALOGUE.replace(b"CU14", b"CU 14"), 200, "Imported."),
            (b"PK\x03\x04zip", 400, "zip archive"),
            (b'<!DOCTYPE c [<!ENTITY a "b">]><Catalogue/>', 400, "document type declaration"),
            (b"<Catalogue/>", 400, "must begin with"),
        ],
        ids=["again", "new", "zip", "entities", "other"],
    )
    def test_is_imported_or_refused(self, ada: FlaskClient, data: bytes, status: int, said: str) -> None:
        """With what came of it."""
        form = {"csrf_token": secret_of(ada, "/catalogue/import"), "file": (BytesIO(data), "products.xml")}

        answer = ada.post("/catalogue/import", data=form, content_type="multipart/form-data")

        assert (answer.status_code, said in text(answer)) == (status, True)

    def test_rollout_says_what_is_true(self, surface: Surface, ada: FlaskClient) -> None:
        """Every entry reaches the whole fleet, and nothing is promised beyond that."""
        assert "Nothing is published yet" in text(ada.get("/rollout"))

        surface.house.bring(written("M0010"))

        said = text(ada.get("/rollout"))
        assert "reaches the whole fleet" in said
        assert "M0010 1 active 100 %" in said
