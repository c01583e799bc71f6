from __future__ import annotations

import json

import pytest
from flask import Blueprint, abort

from feedsrv.errors import OperatorError, UnavailableError
from feedsrv.model.lifecycle import Role
from feedsrv.publishing.permits import MissingRoleError
from feedsrv.web.guard import require
from tests.surface import Surface, soup

PROGRAM = {"Accept": "application/json"}


class LostKeyError(OperatorError):
    """A made-up fault of the machine."""

    code = "made_up.lost_key"


class AwayError(UnavailableError):
    """A made-up absence."""

    code = "made_up.away"


RAISED = {
    "role": MissingRoleError("anna", Role.REVIEWER, [Role.AUTHOR]),
    "operator": LostKeyError("/srv/secret/key.pem is missing"),
    "away": AwayError("the database is away for now"),
    "crash": RuntimeError("a secret of ours"),
}


@pytest.fixture
def surface() -> Surface:
    """A desk with an address for every kind of trouble."""
    made = Surface.in_memory()
    made.app.register_blueprint(_trouble())
    return made


def _trouble() -> Blueprint:
    door = Blueprint("trouble", __name__)

    @door.get("/trouble/<name>")
    def trouble(name: str) -> str:
        require()
        if name.isdigit():
            abort(int(name))
        raise RAISED[name]

    return door


def title(surface: Surface, path: str) -> tuple[int, str]:
    """The status of an answer to a person, and how its page is headed."""
    answer = surface.client("anna", "author").get(path)
    (heading,) = soup(answer).select("h1")
    return answer.status_code, heading.get_text()


class TestABrowser:
    """Gets a page that says what happened and where to go on."""

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("role", (403, "This is not for you to do")),
            ("404", (404, "There is nothing here")),
            ("413", (413, "That is too much at once")),
            ("429", (429, "Too many tries")),
            ("away", (503, "Something needed is away for now")),
            ("operator", (500, "The fault lies with this server")),
            ("crash", (500, "The fault lies with this server")),
        ],
    )
    def test_each_kind_is_headed_in_plain_words(
        self, surface: Surface, name: str, expected: tuple[int, str]
    ) -> None:
        """By who must act."""
        assert title(surface, f"/trouble/{name}") == expected

    def test_who_lacks_a_role_reads_what_they_have(self, surface: Surface) -> None:
        """So that they know whom to ask for what."""
        text = surface.client("anna", "author").get("/trouble/role").text

        assert "anna needs the role reviewer for this and has author" in text

    @pytest.mark.parametrize("name", ["operator", "crash"])
    def test_a_fault_of_ours_tells_strangers_nothing(self, surface: Surface, name: str) -> None:
        """Paths and secrets are for the log."""
        for headers in ({}, PROGRAM):
            text = surface.client("anna").get(f"/trouble/{name}", headers=headers).text
            assert "secret" not in text

    def test_it_is_not_led_to_another_site(self, surface: Surface) -> None:
        """The way back is a path of ours, whatever the referrer says."""
        client = surface.client("anna")

        for referrer, back in (
            ("https://evil.example/x", "/"),
            ("http://localhost//evil.example", "/"),
            ("http://localhost/mitigations?search=a", "/mitigations?search=a"),
        ):
            page = soup(client.get("/trouble/404", headers={"Referer": referrer}))
            assert page.select("main a.button")[0]["href"] == back

    def test_whoever_is_not_signed_in_comes_back_after_it(self, surface: Surface) -> None:
        """To where they wanted to go, or pressed a button; a script is told, too."""
        nobody = surface.client(None)

        seen = nobody.get("/trouble/404?a=b")
        piece = nobody.get("/trouble/404", headers={"HX-Request": "true"})

        assert (seen.status_code, seen.location) == (303, "/signin?next=%2Ftrouble%2F404%3Fa%3Db")
        assert piece.status_code == 401
        assert piece.headers["HX-Redirect"] == "/signin?next=%2Ftrouble%2F404"


class TestAProgram:
    """Gets a problem with a stable code."""

    @pytest.mark.parametrize(
        ("name", "status", "code"),
        [
            ("role", 403, "access.missing_role"),
            ("404", 404, "http.not_found"),
            ("away", 503, "made_up.away"),
            ("operator", 500, "made_up.lost_key"),
            ("crash", 500, "internal"),
        ],
    )
    def test_each_kind_has_its_status_and_code(
        self, surface: Surface, name: str, status: int, code: str
    ) -> None:
        """As RFC 9457 has it."""
        answer = surface.client("anna", "author").get(f"/trouble/{name}", headers=PROGRAM)

        assert answer.status_code == status
        assert answer.content_type == "application/problem+json"
        assert json.loads(answer.data)["code"] == code

    def test_without_a_token_it_is_told_how_to_send_one(self, surface: Surface) -> None:
        """Instead of a page to sign in at."""
        answer = surface.client(None).get("/trouble/404", headers=PROGRAM)

        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert json.loads(answer.data)["code"] == "signin.needed"
