"""The pages on which mitigations are written: without a script, and never losing a word."""

from __future__ import annotations

from io import BytesIO
from typing import Final

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from feedsrv.model.lifecycle import Role, Stage
from tests.publisher import written
from tests.surface import Surface, press, soup

AUTHOR: Final = Role.AUTHOR
POOL: Final = {
    "id": "M0010",
    "title": "Outlook on the web: stop it while the fix is made",
    "description": "What is at stake, and what this does about it.",
    "no_fix_yet": "The fix is being made.",
    "affects-0-product": "exchange-2019",
    "affects-0-introduced": "15.2.221.12",
    "actions-0-target": "MSExchangeOWAAppPool",
}
NEW_POOL: Final = "/mitigations/new?kind=pool"
HOSTILE: Final = (
    "<script>alert(1)</script>",
    "{{ config }}{% raw %}",
    "x\r\nSet-Cookie: a=b",
    "../../../etc/passwd",
    "'; DROP TABLE revisions; --",
    "turned \u202e about",
)


@pytest.fixture
def surface() -> Surface:
    """A desk with a catalogue."""
    return Surface.in_memory()


@pytest.fixture
def anna(surface: Surface) -> FlaskClient:
    """An author's browser."""
    return surface.client("anna", AUTHOR)


def field(page: BeautifulSoup, name: str) -> str:
    """What a field of the form holds."""
    found = page.select_one(f'[name="{name}"]')
    assert found is not None, name
    return found.get_text().removeprefix("\n") if found.name == "textarea" else str(found.get("value", ""))


def text(answer: TestResponse) -> str:
    """What a page says."""
    return soup(answer).get_text(" ", strip=True)


def stages(surface: Surface) -> dict[str, str]:
    """Every mitigation there is, and its stage."""
    return {one.id: str(one.stage) for one in surface.house.workflow.list_mitigations()}


def upload(client: FlaskClient, data: bytes, name: str = "m.xml", **other: str) -> TestResponse:
    """Hand in a file."""
    token = field(soup(client.get("/mitigations/new")), "csrf_token")
    file = FileStorage(BytesIO(data), filename=name)
    # Encoded in memory: the client would leave a long file open behind itself.
    boundary, body = encode_multipart({"csrf_token": token, "do": "upload", "file": file, **other})
    kind = f"multipart/form-data; boundary={boundary}"
    return client.post("/mitigations/new", data=body, content_type=kind)


class TestWriting:
    """From nothing to a draft, and on."""

    def test_a_draft_is_kept_as_it_was_written(self, surface: Surface, anna: FlaskClient) -> None:
        """The author is told where it is now, and the audit log who brought it by which door."""
        answer = press(anna, NEW_POOL, "Keep as draft", **POOL)

        assert (answer.status_code, answer.location) == (303, "/mitigations/M0010")
        found = surface.house.workflow.show_mitigation("M0010")
        assert (found.stage, found.author, found.source) == (Stage.DRAFT, "anna", "console")
        assert found.mitigation.title == POOL["title"]
        newest = surface.house.workflow.list_audit()[-1]
        assert (newest.actor, newest.verb, newest.detail["via"]) == ("anna", "import", "console")

    def test_the_next_id_is_proposed(self, surface: Surface, anna: FlaskClient) -> None:
        """The one after the highest; the heartbeat has its own."""
        surface.house.workflow.import_mitigation(written("M0041"), source="m.xml", by="anna")

        rule = soup(anna.get("/mitigations/new?kind=inbound"))
        heartbeat = soup(anna.get("/mitigations/new?kind=heartbeat"))

        assert (field(rule, "id"), field(heartbeat, "id")) == ("M0042", "PING1")

    def test_slips_stand_beside_their_fields_and_above_with_links(
        self, surface: Surface, anna: FlaskClient
    ) -> None:
        """Nothing is kept, and what was typed is still there."""
        answer = press(anna, NEW_POOL, "Keep as draft", **(POOL | {"affects-0-introduced": "15.2"}))

        page = soup(answer)
        assert answer.status_code == 422
        link = page.select_one("#slips a")
        assert link is not None
        assert link["href"] == "#affects-0-introduced"
        wrong = page.find(id="affects-0-introduced")
        assert wrong is not None
        assert (wrong["value"], wrong["aria-invalid"]) == ("15.2", "true")
        beside = page.find(id="affects-0-introduced-error")
        assert beside is not None
        assert beside["id"] in wrong["aria-describedby"]
        assert field(page, "title") == POOL["title"]
        assert stages(surface) == {}

    def test_what_the_rules_refuse_is_said_and_nothing_is_lost(
        self, surface: Surface, anna: FlaskClient
    ) -> None:
        """A build that was never released is found when it is kept."""
        answer = press(anna, NEW_POOL, "Keep as draft", **(POOL | {"affects-0-introduced": "15.2.1.1"}))

        assert answer.status_code == 422
        assert "15.2.1.1" in text(answer)
        assert field(soup(answer), "actions-0-target") == POOL["actions-0-target"]
        assert stages(surface) == {}

    def test_an_edit_begins_with_what_is_kept(self, surface: Surface, anna: FlaskClient) -> None:
        """And changes what was changed; an approval is void, as the page says before."""
        press(anna, NEW_POOL, "Keep as draft", **POOL)
        surface.house.workflow.submit("M0010", by="anna")
        page = anna.get("/mitigations/M0010/edit")

        answer = press(anna, "/mitigations/M0010/edit", "Keep as draft", title="Another title")

        assert "This revision is in review." in text(page)
        assert answer.status_code == 303
        found = surface.house.workflow.show_mitigation("M0010")
        assert (found.stage, found.mitigation.title) == (Stage.DRAFT, "Another title")
        assert found.mitigation.description == POOL["description"]

    def test_the_next_revision_says_what_it_changes(self, surface: Surface, anna: FlaskClient) -> None:
        """What is published stays as it is."""
        surface.house.bring(written("M0010"))

        refused = press(anna, "/mitigations/M0010/edit", "Keep as draft", title="Better")
        kept = press(
            anna, "/mitigations/M0010/edit", "Keep as draft", title="Better", change="A better title."
        )

        assert refused.status_code == 422
        assert "say what changed" in text(refused)
        assert kept.status_code == 303
        assert [one.stage for one in surface.house.workflow.history("M0010")] == [
            Stage.PUBLISHED,
            Stage.DRAFT,
        ]

    def test_rows_come_and_go_without_a_script(self, surface: Surface, anna: FlaskClient) -> None:
        """A button sends the whole form; the new row is ready to be typed into."""
        answer = press(anna, NEW_POOL, "Add a range", **POOL)

        page = soup(answer)
        ready = page.select_one('[name="affects-1-product"]')
        assert answer.status_code == 200
        assert ready is not None
        assert ready.has_attr("autofocus")
        assert [field(page, name) for name in POOL] == list(POOL.values())
        assert stages(surface) == {}

    def test_a_check_keeps_nothing(self, surface: Surface, anna: FlaskClient) -> None:
        """It says what the rules say, and what an agent would do."""
        answer = press(anna, NEW_POOL, "Check", **(POOL | {"no_fix_yet": ""}))

        assert answer.status_code == 200
        assert "S2 " in text(answer)
        assert "MSExchangeOWAAppPool" in str(soup(answer).select_one("#trial .writes"))
        assert stages(surface) == {}


class TestTogether:
    """Two people, or one with two windows."""

    def test_whoever_comes_late_sees_both_and_decides(self, surface: Surface, anna: FlaskClient) -> None:
        """Nothing of either is lost; keeping mine all the same needs a second yes."""
        press(anna, NEW_POOL, "Keep as draft", **POOL)
        seen = field(soup(anna.get("/mitigations/M0010/edit")), "seen")
        carl = surface.client("carl", AUTHOR)
        press(carl, "/mitigations/M0010/edit", "Keep as draft", title="Carl's")

        late = press(anna, "/mitigations/M0010/edit", "Keep as draft", title="Anna's", seen=seen)

        page = soup(late)
        assert late.status_code == 409
        told = [cell.get_text() for cell in page.select(".message table tbody td")]
        assert told == ["Anna's", "Carl's"]
        assert (field(page, "title"), field(page, "description")) == ("Anna's", POOL["description"])
        assert surface.house.workflow.show_mitigation("M0010").mitigation.title == "Carl's"
        assert field(page, "seen") != seen

    def test_an_id_that_is_taken_meanwhile_is_not_overwritten(
        self, surface: Surface, anna: FlaskClient
    ) -> None:
        """Two begin the same id at once: the second is told."""
        surface.house.workflow.import_mitigation(written("M0010"), source="m.xml", by="carl")

        answer = press(anna, NEW_POOL, "Keep as draft", **POOL)

        assert answer.status_code == 409
        assert surface.house.workflow.show_mitigation("M0010").author == "carl"

    def test_an_edit_stays_with_its_mitigation(self, surface: Surface, anna: FlaskClient) -> None:
        """A form about one cannot be sent to write another."""
        press(anna, NEW_POOL, "Keep as draft", **POOL)

        answer = press(anna, "/mitigations/M0010/edit", "Keep as draft", id="M0011")

        assert answer.status_code == 400
        assert stages(surface) == {"M0010": "draft"}


class TestTrying:
    """What is fetched while somebody writes."""

    RULE: Final = POOL | {
        "actions-0-target": "Exercise - inbound",
        "actions-0-pattern": "^feedsrv-exercise/",
        "samples-0-name": "as written",
        "samples-0-url": "/feedsrv-exercise/attack",
        "samples-1-name": "OWA",
        "samples-1-url": "/owa/",
    }

    def _page(self, anna: FlaskClient, **other: str) -> BeautifulSoup:
        dropped = press(anna, "/mitigations/new?kind=inbound", "Remove", **other)
        assert dropped.status_code == 200
        return soup(press(anna, "/mitigations/new?kind=inbound", "Check", **other))

    def test_samples_show_what_becomes_of_them(self, anna: FlaskClient) -> None:
        """Blocked by which action, or let through; with the variants that attackers send."""
        values = self.RULE | {"actions-0-conditions-0-pattern": "^/feedsrv-exercise/"}

        page = self._page(anna, **values)

        judged = [
            one.get_text(" ", strip=True) for one in page.select("#trial .judgements > li > p:first-child")
        ]
        assert judged == ["✓ blocked by A1 as written", "✓ passes OWA"]
        assert page.select("#trial .judgements details li")

    def test_a_pattern_is_tried_alone(self, anna: FlaskClient) -> None:
        """On inputs of one's own, or on the addresses of the samples."""
        page = self._page(anna, **self.RULE, tester_pattern="^/(o)wa", tester_inputs="/owa/\n/ecp/")

        shown = page.select("#trial .judgements")[-1].get_text(" ", strip=True)
        assert shown.startswith("matches /owa/")
        assert "{R:1} o" in shown
        assert "does not match /ecp/" in shown

    def test_a_pattern_that_runs_for_ever_is_stopped(self, anna: FlaskClient) -> None:
        """And said so; the server goes on."""
        page = self._page(anna, **self.RULE, tester_pattern="(a+)+$", tester_inputs="a" * 60 + "!")

        assert "stopped" in page.select("#trial .judgements")[-1].get_text()

    def test_the_same_is_fetched_alone(self, anna: FlaskClient) -> None:
        """For a script; slips are counted, and say themselves in the page."""
        token = field(soup(anna.get(NEW_POOL)), "csrf_token")

        answer = anna.post("/mitigations/try", data={"csrf_token": token, "title": "x"})

        assert answer.status_code == 200
        assert "not right yet" in text(answer)
        assert soup(answer).find("html") is None


class TestUploads:
    """A file in the place of a form."""

    def test_a_file_is_taken_over(self, surface: Surface, anna: FlaskClient) -> None:
        """Its name stands in the audit log, without the folders it lay in."""
        answer = upload(anna, written("M0010"), "../secret/M0010.xml")

        assert answer.status_code == 303
        assert surface.house.workflow.show_mitigation("M0010").source == "M0010.xml"

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "is empty"),
            (b"PK\x03\x04" + b"x" * 100, "is a zip archive: unpack it"),
            (b"\x1f\x8b" + b"x" * 100, "compressed"),
            (b"x" * (512 * 1024 + 1), "has more than 524288 bytes"),
            (b'<!DOCTYPE m [<!ENTITY a "b">]><m>&a;</m>', "a document type declaration is not read"),
            (b"<m>" * 10_000, "m.xml"),
            (b"<m/>", "the document must begin with"),
            (b"\xff\xfe<\x00", "UTF-16"),
        ],
        ids=["empty", "zip", "gzip", "large", "entities", "deep", "other", "utf-16"],
    )
    def test_what_is_no_mitigation_is_refused(
        self, surface: Surface, anna: FlaskClient, data: bytes, said: str
    ) -> None:
        """With what is wrong; nothing is kept."""
        answer = upload(anna, data)

        assert answer.status_code == 422
        assert said in text(answer)
        assert stages(surface) == {}

    def test_what_is_in_work_is_replaced_only_on_request(self, surface: Surface, anna: FlaskClient) -> None:
        """Somebody else's draft is not written over by accident."""
        surface.house.workflow.import_mitigation(written("M0010", title="Carl's"), source="m.xml", by="carl")

        refused = upload(anna, written("M0010", title="Anna's"))
        kept = upload(anna, written("M0010", title="Anna's"), replace="yes")

        assert refused.status_code == 422
        assert "is in work (draft, by carl)" in text(refused)
        assert kept.status_code == 303
        assert surface.house.workflow.show_mitigation("M0010").mitigation.title == "Anna's"

    def test_no_file_at_all(self, anna: FlaskClient) -> None:
        """Is said, too."""
        token = field(soup(anna.get("/mitigations/new")), "csrf_token")

        answer = anna.post("/mitigations/new", data={"csrf_token": token, "do": "upload"})

        assert answer.status_code == 422
        assert "choose a file" in text(answer)


class TestHostile:
    """Values that somebody typed who means harm."""

    @pytest.mark.parametrize("value", HOSTILE)
    @pytest.mark.parametrize("name", sorted(POOL))
    def test_every_field_shows_them_as_they_are(
        self, surface: Surface, anna: FlaskClient, name: str, value: str
    ) -> None:
        """Escaped, each where it was typed; what cannot be kept is not."""
        answer = press(anna, NEW_POOL, "Check", **(POOL | {name: value}))

        assert answer.status_code == 200
        assert b"<script>alert" not in answer.data
        assert "Set-Cookie: a=b" not in str(answer.headers)
        assert field(soup(answer), name) == value
        assert stages(surface) == {}

    def test_a_form_that_nobody_sends_is_refused(self, surface: Surface, anna: FlaskClient) -> None:
        """Twice the same field, odd names, a button that there is not; without the secret, nothing at all."""
        token = field(soup(anna.get(NEW_POOL)), "csrf_token")

        twice = anna.post("/mitigations/new", data={"csrf_token": token, "title": ["a", "b"]})
        odd = anna.post("/mitigations/new", data={"csrf_token": token, "actions-²-id": "A1"})
        button = anna.post("/mitigations/new", data={"csrf_token": token, "row": "drop:secrets-0"})
        forged = anna.post("/mitigations/new", data=POOL)

        assert [one.status_code for one in (twice, odd, button, forged)] == [400, 400, 400, 403]
        assert stages(surface) == {}

    def test_a_megabyte_is_too_much(self, surface: Surface, anna: FlaskClient) -> None:
        """It is refused before anybody reads it."""
        token = field(soup(anna.get(NEW_POOL)), "csrf_token")

        answer = anna.post(
            "/mitigations/new", data=POOL | {"csrf_token": token, "description": "x" * 1_100_000}
        )

        assert answer.status_code == 413
        assert stages(surface) == {}

    @pytest.mark.parametrize("path", ["/mitigations/new", NEW_POOL, "/mitigations/M0010/edit"])
    @pytest.mark.parametrize("role", [one for one in Role if one is not AUTHOR])
    def test_only_authors_write(self, surface: Surface, path: str, role: Role) -> None:
        """Whatever else somebody may do here."""
        assert surface.client("zoe", role).get(path).status_code == 403

    def test_nobody_writes_without_signing_in(self, surface: Surface) -> None:
        """They are sent to sign in, and come back."""
        answer = surface.client(None).get("/mitigations/new")

        assert (answer.status_code, answer.location) == (303, "/signin?next=%2Fmitigations%2Fnew")
