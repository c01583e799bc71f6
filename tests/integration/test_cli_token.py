from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import patch

import pytest

from feedsrv.model.lifecycle import Role
from feedsrv.settings import read_settings
from feedsrv.wiring.people import open_people
from tests.commands import Service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A service with an administrator, anna, and an author, ben."""
    made = Service(tmp_path / "data")
    made.done("db", "upgrade")
    made.done("user", "add", "anna", "--role", "administrator", "--no-password")
    made.done("user", "add", "ben", "--role", "author", "--no-password", "--as", "anna")
    return made


def recognised(service: Service, secret: str) -> frozenset[Role] | None:
    """The roles that a token has now."""
    with patch.dict("os.environ", service.environment, clear=True):
        found = open_people(read_settings()).recognise_token(secret)
    return None if found is None else found.roles


def test_a_token_is_made_used_and_revoked(service: Service) -> None:
    """Standard output is its secret alone, so that a script can put it where it belongs."""
    made = service.call("token", "make", "ci", "--role", "author", "--days", "366", "--as", "ben")

    assert made.exit_code == 0, made.output
    secret = made.stdout.removesuffix("\n")
    assert secret.startswith("fst_")
    assert "token 1 (ci) acts as ben, scope: author, until 20" in made.stderr
    assert recognised(service, secret) == frozenset({Role.AUTHOR})
    [listed] = json.loads(service.done("token", "list", "--json", "--as", "ben"))
    assert (listed["owner"], listed["scope"], listed["state"]) == ("ben", "author", "in use")
    assert secret not in service.done("token", "list", "--as", "anna") + service.done("audit", "list")

    assert "is revoked" in service.done("token", "revoke", "1", "--as", "anna")

    assert recognised(service, secret) is None
    assert "revoked by anna" in service.done("token", "list", "--as", "ben")


def test_removing_its_owner_kills_it(service: Service) -> None:
    """At once, and for good."""
    secret = service.done("token", "make", "ci", "--as", "ben").strip()
    assert recognised(service, secret) == frozenset()

    service.done("user", "remove", "ben", "--as", "anna")
    removed = recognised(service, secret)
    service.done("user", "restore", "ben", "--as", "anna")

    assert removed is None
    assert recognised(service, secret) is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("make", "ci", "--role", "reviewer", "--as", "ben"), "access.missing_role"),
        (("make", "ci", "--role", "administrator", "--days", "31", "--as", "anna"), "access.too_long_life"),
        (("make", "c\u202ei", "--as", "ben"), "access.bad_token"),
        (("make", "ci", "--as", "zoe"), "access.unknown_person"),
        (("revoke", "7", "--as", "anna"), "access.unknown_token"),
        (("revoke", "7", "--as", "ben"), "access.missing_role"),
    ],
)
def test_refusals_are_one_sentence_with_a_code(service: Service, words: tuple[str, ...], code: str) -> None:
    """No token is made, and nothing is printed that looks like one."""
    result = service.call("token", *words)

    assert result.exit_code == 1
    assert f"error [{code}]" in result.stderr
    assert result.stdout == ""
    assert json.loads(service.done("token", "list", "--json", "--as", "anna")) == []


@pytest.mark.parametrize("days", ["0", "-1", "367", "many"])
def test_a_life_that_cannot_be_is_explained(service: Service, days: str) -> None:
    """Before anything is asked of the store."""
    assert service.call("token", "make", "ci", "--days", days, "--as", "ben").exit_code == 2
