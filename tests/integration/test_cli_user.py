from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from feedsrv.cli.main import feedsrv
from feedsrv.settings import read_settings
from feedsrv.wiring.people import open_people
from tests.commands import Service
from tests.people import GOOD


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A service with an empty database, where nobody is registered."""
    made = Service(tmp_path / "data")
    made.done("db", "upgrade")
    return made


@pytest.fixture
def password(tmp_path: Path) -> str:
    """A file with a good password."""
    file = tmp_path / "password"
    file.write_text(f"{GOOD}\n")
    return str(file)


def names(service: Service) -> dict[str, dict[str, str]]:
    """Everybody, by name, as the list tells programs."""
    return {one["name"]: one for one in json.loads(service.done("user", "list", "--json"))}


def refused(service: Service, *words: str) -> str:
    """The code of a refusal, and what it says; no traceback."""
    result = service.call(*words)
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    return result.stderr


def test_a_first_start_needs_one_command(service: Service, password: str) -> None:
    """Whoever is at the command line adds the first administrator, and from then on roles are asked for."""
    assert "nobody is registered: feedsrv user add" in service.done("user", "list")

    said = service.done("user", "add", "anna", "--role", "administrator", "--password-file", password)

    assert said == "anna was added with the roles: administrator\n"
    assert "access.unknown_person" in refused(service, "user", "add", "ben", "--no-password")
    service.done("user", "add", "ben", "--role", "author", "--no-password", "--as", "anna")
    assert "access.missing_role" in refused(service, "user", "remove", "anna", "--as", "ben")
    assert names(service)["ben"]["signs in by"] == "command line"
    assert names(service)["anna"]["signs in by"] == "password"
    assert GOOD not in service.done("audit", "list") + service.done("user", "list", "--json")


def test_a_password_is_asked_for_where_no_file_is_named(service: Service) -> None:
    """Twice, and unseen."""
    with patch.dict("os.environ", service.environment, clear=True):
        result = CliRunner().invoke(
            feedsrv,
            ["user", "add", "anna", "--role", "administrator"],
            input=f"{GOOD}\nsomething else\n{GOOD}\n{GOOD}\n",
            prog_name="feedsrv",
        )

    assert result.exit_code == 0, result.output
    assert GOOD not in result.output
    assert names(service)["anna"]["signs in by"] == "password"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "access.weak_password"),
        (b"short\n", "access.weak_password"),
        (b"one long password\nanother long one\n", "user.password_file"),
        (b"\xff\xfe not utf-8 at all", "user.password_file"),
        (b"x" * 5000, "user.password_file"),
    ],
)
def test_a_file_that_holds_no_good_password_is_refused(
    service: Service, tmp_path: Path, content: bytes, code: str
) -> None:
    """Nobody is added."""
    file = tmp_path / "bad"
    file.write_bytes(content)

    said = refused(service, "user", "add", "anna", "--password-file", str(file))

    assert code in said
    assert names(service) == {}


def test_a_windows_line_end_is_no_part_of_a_password(service: Service, tmp_path: Path) -> None:
    """Nobody could type it."""
    file = tmp_path / "crlf"
    file.write_bytes(f"{GOOD}\r\n".encode())
    service.done("user", "add", "anna", "--role", "administrator", "--password-file", str(file))

    with patch.dict("os.environ", service.environment, clear=True):
        secret, _ = open_people(read_settings()).sign_in_local("anna", GOOD, browser="")

    assert secret


def test_somebodys_whole_time_here(service: Service, password: str) -> None:
    """Roles, address, password, a lock, removal and return; each told and audited."""
    service.done("user", "add", "anna", "--role", "administrator", "--password-file", password)
    anna = ("--as", "anna")
    service.done("user", "add", "ben", "--role", "author", "--password-file", password, *anna)

    service.done("user", "roles", "ben", "--role", "reviewer", "--role", "publisher", *anna)
    service.done("user", "email", "ben", "ben@example.org", *anna)
    service.done("user", "password", "ben", "--password-file", password, *anna)
    service.done("user", "link", "ben", "https://id.example.org 00u1", *anna)
    service.done("user", "unlock", "ben", *anna)
    assert "signed in nowhere" in service.done("user", "sessions", "ben", *anna)
    assert service.done("user", "sessions", "ben", "--end", *anna).startswith("0 sign-ins")
    ben = names(service)["ben"]
    service.done("user", "remove", "ben", *anna)
    removed = names(service)["ben"]
    service.done("user", "restore", "ben", *anna)

    assert ben["roles"] == "publisher, reviewer"
    assert ben["email"] == "ben@example.org"
    assert ben["signs in by"] == "provider, password"
    assert removed["state"].startswith("removed 20")
    assert names(service)["ben"]["state"] == "active"
    said = service.done("audit", "list")
    for verb in ("roles", "email", "password", "link", "remove", "restore"):
        assert f"person-{verb}" in said
    assert "via command line (account" in said


def test_the_last_administrator_stays(service: Service, password: str) -> None:
    """Nobody could give roles any more."""
    service.done("user", "add", "anna", "--role", "administrator", "--password-file", password)

    for words in (("roles", "anna", "--none"), ("remove", "anna")):
        assert "access.last_administrator" in refused(service, "user", *words, "--as", "anna")


@pytest.mark.parametrize(
    "words",
    [
        ("roles", "anna"),
        ("roles", "anna", "--none", "--role", "author"),
        ("add", "ben", "--role", "king"),
        ("add", "ben", "--password", "on the command line"),
        ("add", "ben", "--no-password", "--password-file", "-"),
        ("add", "ben", "--password-file", "/nowhere"),
    ],
)
def test_a_wrong_call_is_explained(service: Service, words: tuple[str, ...]) -> None:
    """A password on the command line above all: it would stand in the shell's history."""
    result = service.call("user", *words)

    assert result.exit_code == 2
    assert names(service) == {}


@pytest.mark.parametrize("name", ["keeper", "an\u202ena", "x" * 65, "a\nb", ""])
def test_names_that_deceive_are_refused(service: Service, name: str) -> None:
    """In one sentence."""
    said = refused(service, "user", "add", name, "--no-password")

    assert "error [" in said
    assert names(service) == {}


def test_where_a_provider_is_set_no_password_is_asked_for(service: Service, tmp_path: Path) -> None:
    """And one that is given is refused."""
    file = tmp_path / "client"
    file.write_text("secret")
    provider = {
        "FEEDSRV_OIDC_DISCOVERY_URL": "https://id.example.org/.well-known/openid-configuration",
        "FEEDSRV_OIDC_CLIENT_ID": "feedsrv",
        "FEEDSRV_OIDC_CLIENT_SECRET_FILE": str(file),
    }
    with_provider = Service(service.data, provider)

    with_provider.done("user", "add", "anna", "--role", "administrator")
    (tmp_path / "password").write_text(GOOD)
    said = refused(
        with_provider,
        "user",
        "password",
        "anna",
        "--password-file",
        str(tmp_path / "password"),
        "--as",
        "anna",
    )

    assert "access.no_local_accounts" in said
    assert names(with_provider)["anna"]["signs in by"] == "command line"
