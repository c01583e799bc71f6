"""The pages on which the desk is administered: updates, keys, audit, people, tokens, webhooks."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Final

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from feedsrv.model.lifecycle import Role, Stage
from feedsrv.publishing.people_records import Principal
from tests.publisher import CATALOGUE, written
from tests.surface import STALE, Surface, press, soup

ADMINISTRATOR: Final = Role.ADMINISTRATOR
PASSWORD: Final = "a horse that nobody rides"  # noqa: S105 -- opens nothing
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
HOSTILE: Final = (
    "<b>x</b>",
    "{{ 7*7 }}",
    "a\r\nX: y",
    "../..",
    "' OR 1=1 --",
    "\u202eabc",
    "x" * 5_000,
    "\x00",
)


@pytest.fixture
def surface() -> Surface:
    """A desk with a catalogue and an administrator."""
    made = Surface.in_memory()
    root = Principal("ada", frozenset(Role), "command line (account root)")
    made.desk.people.add("ada", roles=frozenset(Role), password=None, by=root)
    return made


@pytest.fixture
def ada(surface: Surface) -> FlaskClient:
    """The administrator's browser."""
    return surface.client("ada", *Role)


def text(answer: TestResponse) -> str:
    """What a page says."""
    return soup(answer).get_text(" ", strip=True)


def secret_of(client: FlaskClient, page: str) -> str:
    """The secret by which a form of a page is known to be ours."""
    found = soup(client.get(page)).find("input", attrs={"name": "csrf_token"})
    assert found is not None
    return str(found["value"])


class TestUpdates:
    """A cumulative update, with what it drafts shown before."""

    def test_is_registered_after_its_revisions_were_seen(self, surface: Surface, ada: FlaskClient) -> None:
        """The first step keeps nothing; the second does just what was shown."""
        surface.house.bring(written("M0010"))

        shown = press(ada, NEW_UPDATE, "See what it would do", **UPDATE)
        before = surface.house.workflow.list_updates()
        said_yes = _press_in(ada, shown, "Yes, register it and draft this revision")

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

        answer = _press_in(ada, shown, "Yes, register it")

        assert answer.status_code == 409
        assert "Somebody was faster" in text(answer)
        assert len(surface.house.workflow.list_updates()) == 1

    def test_what_was_typed_can_be_changed(self, ada: FlaskClient) -> None:
        """The way back keeps every word."""
        shown = press(ada, NEW_UPDATE, "See what it would do", **(UPDATE | {"needless": ""}))

        answer = _press_in(ada, shown, "Change what was typed")

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
        _press_in(
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
        _press_in(ada, shown, "Yes, register it")

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


class TestPeople:
    """Who may sign in."""

    def test_somebody_is_added_and_their_sign_in_ended(self, surface: Surface, ada: FlaskClient) -> None:
        """From the first password to the end of a session."""
        added = press(ada, "/people/new", "Add", name="ben", password=PASSWORD, roles="reviewer")
        surface.desk.people.sign_in_local("ben", PASSWORD, browser="Firefox on a train")
        before = text(ada.get("/people/ben"))

        ended = press(ada, "/people/ben", "End this sign-in")

        assert (added.status_code, added.location) == (303, "/people/ben?done=added")
        assert "Firefox on a train" in before
        assert ended.status_code == 303
        assert surface.desk.people.sign_ins_of("ben") == ()
        assert surface.desk.people.person("ben").roles == {Role.REVIEWER}

    def test_roles_removal_and_return(self, surface: Surface, ada: FlaskClient) -> None:
        """Each is one button, and holds at once."""
        press(ada, "/people/new", "Add", name="ben", password=PASSWORD, roles="reviewer")

        press(ada, "/people/ben", "Change roles", roles="publisher")
        press(ada, "/people/ben", "Remove ben")
        removed = surface.desk.people.person("ben")
        press(ada, "/people/ben", "Restore")

        assert removed.removed_at is not None
        restored = surface.desk.people.person("ben")
        assert (restored.removed_at, restored.roles) == (None, frozenset({Role.PUBLISHER}))

    def test_the_last_administrator_stays(self, surface: Surface, ada: FlaskClient) -> None:
        """Said on the page, and nothing is changed."""
        answer = press(ada, "/people/ada", "Remove ada")

        assert answer.status_code == 403
        assert "is the last administrator" in text(answer)
        assert surface.desk.people.person("ada").removed_at is None

    @pytest.mark.parametrize("field", ["name", "shown", "email"])
    @pytest.mark.parametrize("value", HOSTILE)
    def test_odd_names_harm_nobody(self, surface: Surface, ada: FlaskClient, field: str, value: str) -> None:
        """They are refused, or shown as they are."""
        answer = press(ada, "/people/new", "Add", **({"name": "ben", "password": PASSWORD} | {field: value}))

        assert answer.status_code in {303, 400}
        assert b"<b>x</b>" not in answer.data
        assert b"<b>x</b>" not in ada.get("/people").data
        assert len(surface.desk.people.everybody()) == 1 + (answer.status_code == 303)

    def test_odd_forms_are_refused(self, surface: Surface, ada: FlaskClient) -> None:
        """A role that is none, an act that is none, a field that came twice."""
        form = {"csrf_token": secret_of(ada, "/people/new"), "name": "ben", "password": PASSWORD}

        role = ada.post("/people/new", data=form | {"roles": "god"})
        act = ada.post("/people/ada", data=form | {"do": "promote"})
        twice = ada.post("/people/new", data=form | {"name": ["ben", "carl"]})

        assert [one.status_code for one in (role, act, twice)] == [400, 400, 400]
        assert len(surface.desk.people.everybody()) == 1

    def test_a_sign_in_of_this_morning_is_not_enough(self, surface: Surface) -> None:
        """The way to sign in again stands in place of the button; the act itself asks as well."""
        stale = surface.client("ada", *Role, signed_in=STALE)
        page = stale.get("/people/new")

        form = {"csrf_token": secret_of(stale, "/people"), "name": "ben"}
        answer = stale.post("/people/new", data=form)

        assert "Sign in again, then add" in text(page)
        assert answer.status_code == 403
        assert len(surface.desk.people.everybody()) == 1

    @pytest.mark.parametrize("path", ["/people", "/people/new", "/people/ada", "/webhooks"])
    @pytest.mark.parametrize("role", [one for one in Role if one is not ADMINISTRATOR])
    def test_is_for_administrators(self, surface: Surface, path: str, role: Role) -> None:
        """Nobody else sees who works here."""
        assert surface.client("zoe", role).get(path).status_code == 403


class TestTokens:
    """What lets programs act."""

    def test_a_secret_is_shown_once(self, surface: Surface, ada: FlaskClient) -> None:
        """It works, is nowhere on the page afterwards, and is revoked by a button."""
        ends = (surface.clock.at + timedelta(days=20)).date().isoformat()

        made = press(ada, "/tokens", "Make the token", name="pipeline", scope="author", ends=ends)
        shown = soup(made).select_one(".secret")
        assert shown is not None
        secret = shown.get_text()
        known = surface.desk.people.recognise_token(secret)
        later = ada.get("/tokens")
        revoked = press(ada, "/tokens", "Revoke token 1")

        assert known is not None
        assert (known.name, known.roles) == ("ada", frozenset({Role.AUTHOR}))
        assert secret not in later.text
        assert "pipeline" in later.text
        assert revoked.status_code == 303
        assert surface.desk.people.recognise_token(secret) is None

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"name": ""}, "does not say what the token is for"),
            ({"ends": "2031-01-01"}, "days at most"),
            ({"ends": "2020-01-01"}, "is over already"),
            ({"ends": "soon"}, "is no day"),
            ({"scope": "god"}, "is no role"),
            ({"name": "x" * 3_000}, "at most 2000 fit"),
        ],
    )
    def test_a_bad_one_is_not_made(self, ada: FlaskClient, typed: dict[str, str], said: str) -> None:
        """With what is wanted, beside the form."""
        answer = press(ada, "/tokens", "Make the token", **({"name": "pipeline"} | typed))

        assert answer.status_code == 400
        assert said in text(answer)
        assert "No token is in use." in text(ada.get("/tokens"))


class TestWebhooks:
    """Addresses that are told."""

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1/",
            "https://10.0.0.1/x",
            "https://169.254.169.254/",
            "ftp://x",
            "",
            "https://[::1]/",
        ],
    )
    def test_addresses_inside_are_refused(self, ada: FlaskClient, url: str) -> None:
        """With the setting that an operator may open; what was typed stays."""
        answer = press(ada, "/webhooks", "Add the address", url=url)

        assert answer.status_code in {400, 403}
        assert "Nothing was changed." in text(answer)
        assert "Nobody is told by program yet." in text(ada.get("/webhooks"))


class TestAudit:
    """Who did what."""

    def test_is_filtered_and_followed(self, surface: Surface, ada: FlaskClient) -> None:
        """By actor, verb and subject; the whole chain on request."""
        surface.house.bring(written("M0010"))

        found = soup(ada.get("/audit?verb=approve&subject=M0010"))
        verified = text(ada.get("/audit?verify=yes"))

        rows = [row.get_text(" ", strip=True) for row in found.select("tbody > tr")]
        assert len(rows) == 1
        assert "M0010 revision 1" in rows[0]
        assert "The chain holds" in verified

    def test_goes_on_page_by_page(self, surface: Surface, ada: FlaskClient) -> None:
        """Newest first, down to the first entry, none twice."""
        for number in range(60):
            surface.house.workflow.import_mitigation(written(f"M{number:04}"), source="m.xml", by="anna")

        seen: list[int] = []
        page = "/audit"
        while page:
            found = soup(ada.get(page))
            seen += [int(one.get_text()) for one in found.select("tbody > tr > td.number")]
            onward = found.select_one(".onward a")
            page = str(onward["href"]) if onward else ""

        assert seen == list(range(len(surface.house.workflow.list_audit()), 0, -1))

    def test_odd_questions_are_refused(self, ada: FlaskClient) -> None:
        """Numbers that are none, words without end."""
        assert ada.get("/audit?before=x").status_code == 400
        assert ada.get(f"/audit?actor={'x' * 200}").status_code == 400
        assert ada.get("/audit?actor=%3Cscript%3E").status_code == 200

    def test_is_for_auditors(self, surface: Surface) -> None:
        """An author does not read it."""
        assert surface.client("anna", Role.AUTHOR).get("/audit").status_code == 403


class TestKeys:
    """What signs, and for how long."""

    def test_an_unknown_key_is_said(self, ada: FlaskClient) -> None:
        """And what is no fingerprint at all."""
        assert ada.get("/keys/0123456789abcdef").status_code == 404
        assert ada.get("/keys/..%2f").status_code in {400, 404}
        assert ada.get("/keys").status_code == 200


def _press_in(client: FlaskClient, answer: TestResponse, button: str) -> TestResponse:
    """Press a button of a page that is open already."""
    for form in soup(answer).find_all("form"):
        for one in form.find_all("button"):
            if one.get_text(" ", strip=True) == button:
                held = {str(f["name"]): str(f.get("value", "")) for f in form.find_all("input")}
                return client.post(str(form["action"]), data=held | {str(one["name"]): str(one["value"])})
    raise AssertionError(f"no button {button!r} in {text(answer)}")
