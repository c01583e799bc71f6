"""The pages on which the desk is administered: keys, audit, people, tokens, webhooks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from flask.testing import FlaskClient

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.trust_records import KeyStage
from feedsrv.trust.profile import Role as KeyRole
from tests.own_keys import KeyHouse
from tests.publisher import written
from tests.surface import STALE, Surface, press, soup
from tests.unit.web.console_desk import HOSTILE, administered, secret_of, text

ADMINISTRATOR: Final = Role.ADMINISTRATOR
PASSWORD: Final = "a horse that nobody rides"  # noqa: S105 -- opens nothing


@pytest.fixture
def surface() -> Surface:
    """A desk with a catalogue and an administrator."""
    return administered()


@pytest.fixture
def ada(surface: Surface) -> FlaskClient:
    """The administrator's browser."""
    return surface.client("ada", *Role)


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

    @pytest.fixture
    def house(self, surface: Surface, tmp_path: Path) -> KeyHouse:
        """Keys of our own in the register of the same store."""
        return KeyHouse(tmp_path, store=surface.house.store)

    def test_every_key_is_listed_with_its_days(self, ada: FlaskClient, house: KeyHouse) -> None:
        """What it signs, what stands above it, and what a verifier would object to."""
        made = house.furnish()
        signer, root = made[KeyRole.FEED_SIGNER], made[KeyRole.ROOT]

        listed = soup(ada.get("/keys"))
        one, above = text(ada.get(f"/keys/{signer.id}")), text(ada.get(f"/keys/{root.id}"))

        assert len(listed.select("tbody > tr")) == len(made)
        assert "left)" in listed.get_text()
        assert "It signs now" in one
        assert "stands above the" in above

    def test_a_key_is_laid_down_by_who_means_it(self, ada: FlaskClient, house: KeyHouse) -> None:
        """A tick and a fresh sign-in; what is needed still is not laid down."""
        made = house.furnish()
        ready = house.issued(KeyRole.FEED_SIGNER, "spare")
        page = f"/keys/{ready.id}"

        unsure = press(ada, page, "Retire it")
        refused = press(ada, f"/keys/{made[KeyRole.FEED_CA].id}", "Retire it", sure="yes")
        retired = press(ada, page, "Retire it", sure="yes")

        assert (unsure.status_code, refused.status_code, retired.status_code) == (400, 403, 303)
        assert "first put another signer to use" in text(refused)
        assert house.stage(ready) is KeyStage.RETIRED

    def test_a_certificate_is_revoked_with_a_reason(self, ada: FlaskClient, house: KeyHouse) -> None:
        """One of the table; others are refused, and nothing is changed."""
        house.furnish()
        spare = house.issued(KeyRole.FEED_SIGNER, "spare")
        page = f"/keys/{spare.id}"

        odd = press(ada, page, "Revoke it for good", sure="yes", reason="because")
        before = text(ada.get(page))
        done = press(ada, page, "Revoke it for good", sure="yes", reason="superseded")

        assert odd.status_code >= 400
        assert "revoked: superseded" not in before
        assert done.status_code == 303
        assert "revoked: superseded" in text(ada.get(page))

    def test_only_administrators_change_keys(self, surface: Surface, house: KeyHouse) -> None:
        """Others see them, without a button; a request all the same is refused."""
        ready = house.furnish()[KeyRole.FEED_SIGNER]
        zoe = surface.client("zoe", Role.PUBLISHER)
        page = zoe.get(f"/keys/{ready.id}")

        form = {"csrf_token": secret_of(zoe, "/catalogue"), "do": "retire", "sure": "yes"}

        assert "Change it" not in text(page)
        assert zoe.post(f"/keys/{ready.id}", data=form).status_code == 403

    def test_an_unknown_key_is_said(self, ada: FlaskClient) -> None:
        """And what is no fingerprint at all."""
        assert ada.get("/keys/0123456789abcdef").status_code == 404
        assert ada.get("/keys/..%2f").status_code in {400, 404}
        assert ada.get("/keys").status_code == 200
