"""What the commands print: for people in columns, for programs as JSON, and on which machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from feedsrv.cli.main import COMMANDS, feedsrv
from feedsrv.settings import Settings
from tests.commands import Service, new_service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A service that has published."""
    return new_service(tmp_path)


def versions(service: Service) -> dict[str, int]:
    """The current version of each feed."""
    feeds = json.loads(service.done("feed", "list", "--json"))
    return {f"{one['product']}/{one['channel']}": one["version"] for one in feeds}


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        (
            "mitigation list",
            {
                "id",
                "revision",
                "stage",
                "published",
                "status",
                "severity",
                "channel",
                "review by",
                "alarm",
                "title",
            },
        ),
        ("feed list", {"product", "channel", "version", "issued", "expires", "mitigations", "digest"}),
        ("cu list", {"product", "build", "name", "date", "kb", "stage", "fixes", "needless"}),
        ("catalogue list", {"product", "name", "newest build", "known as", "builds"}),
        ("audit list", {"seq", "at", "actor", "verb", "subject", "detail", "previous", "hash"}),
    ],
)
def test_each_list_is_json_for_programs_and_columns_for_people(
    service: Service, words: str, fields: set[str]
) -> None:
    """The same entries in both; the names of the fields are a promise."""
    parsed = json.loads(service.done(*words.split(), "--json"))
    lines = service.done(*words.split()).splitlines()

    assert parsed
    assert all(set(one) == fields for one in parsed)
    assert len(lines) == len(parsed) + 1, "a line each, below their titles"


def test_settings_are_json_for_programs(service: Service) -> None:
    """Every setting, as it is in force."""
    shown = json.loads(service.done("settings", "--json"))

    assert set(shown) == {f"FEEDSRV_{name.upper()}" for name in Settings.model_fields}
    assert shown["FEEDSRV_DATA"] == str(service.data)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("mitigation list", "there is no mitigation yet; import one with `feedsrv mitigation import`"),
        ("feed list", "nothing is published yet; `feedsrv feed publish` does it"),
        ("cu list", "no cumulative update is registered"),
        ("audit list", "the audit log is empty"),
    ],
)
def test_an_empty_list_says_what_to_do(tmp_path: Path, words: str, said: str) -> None:
    """And is an empty list for programs."""
    service = Service(tmp_path / "new")
    service.done("db", "upgrade")

    assert service.done(*words.split()) == f"{said}\n"
    assert json.loads(service.done(*words.split(), "--json")) == []


def test_without_a_catalogue_the_next_step_is_named(tmp_path: Path) -> None:
    """A new service begins with its products."""
    service = Service(tmp_path / "new")
    service.done("db", "upgrade")

    result = service.call("catalogue", "list")

    assert result.exit_code == 1
    assert "feedsrv catalogue import FILE" in result.stderr


@pytest.mark.parametrize(
    "words", ["mitigation list", "feed publish", "feed refresh", "cu list", "audit verify", "db check"]
)
def test_a_wrong_folder_is_told_by_name_and_nothing_is_made_there(tmp_path: Path, words: str) -> None:
    """Whoever forgot FEEDSRV_DATA should not find an empty service in its place, nor new keys."""
    service = Service(tmp_path / "wrong")

    result = service.call(*words.split())

    assert result.exit_code == 1
    assert result.stderr.startswith("error [store.not_ready]: ")
    assert str(tmp_path / "wrong" / "feedsrv.sqlite") in result.stderr
    assert "FEEDSRV_DATA" in result.stderr
    assert not (tmp_path / "wrong").exists()


def test_a_database_of_another_version_is_told_by_name(tmp_path: Path) -> None:
    """With the command that brings it up to date."""
    service = Service(tmp_path)
    (tmp_path / "feedsrv.sqlite").write_bytes(b"")

    result = service.call("mitigation", "list")

    assert result.exit_code == 1
    assert str(tmp_path / "feedsrv.sqlite") in result.stderr
    assert "feedsrv db upgrade" in result.stderr


def test_a_database_that_is_none_is_refused(tmp_path: Path) -> None:
    """By reading and by upgrading alike; it is left as it is."""
    service = Service(tmp_path)
    (tmp_path / "feedsrv.sqlite").write_bytes(b"no database at all " * 100)

    results = [service.call(*words.split()) for words in ("mitigation list", "db upgrade", "feed publish")]

    assert [one.exit_code for one in results] == [1, 1, 1]
    assert all("error [store.not_ready]: " in one.stderr for one in results)
    assert (tmp_path / "feedsrv.sqlite").read_bytes().startswith(b"no database")


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """By the setting's name."""
    file = tmp_path / "file"
    file.write_text("in the way")

    result = Service(file).call("db", "upgrade")

    assert result.exit_code == 1
    assert result.stderr.startswith("error [settings.invalid]: FEEDSRV_DATA: ")


def test_upgrading_makes_the_database_and_may_be_repeated(tmp_path: Path) -> None:
    """So that every start may do it."""
    service = Service(tmp_path / "deep" / "er")

    assert service.done("db", "upgrade") == service.done("db", "upgrade") == "the database is up to date\n"
    assert service.done("db", "check") == "the database is up to date\n"


def test_a_feed_is_shown_with_its_history(service: Service) -> None:
    """What it holds, and what became of each version."""
    service.done("feed", "refresh", "--force", "--as", "bob")

    shown = service.done("feed", "show", "exchange-se")

    assert "exchange-se/production version 2" in shown
    assert "M0002" in shown
    assert shown.count("sha256-") >= 4


def test_the_bytes_that_are_signed_are_printed_as_they_are(service: Service) -> None:
    """For a reviewer's own tools."""
    printed = service.call("mitigation", "show", "M0001", "--xml").stdout_bytes

    published = (service.data / "shelf/v1/mitigations/M0001/1.xml").read_bytes()
    assert printed.startswith(b"<?xml")
    assert published.startswith(printed.rstrip().removesuffix(b"</Mitigation>").rstrip())


def test_an_older_revision_can_be_shown(service: Service) -> None:
    """While a newer one is under way."""
    service.done("mitigation", "withdraw", "M0001", "--reason", "broken", "--as", "alice")

    assert "M0001 revision 2" in service.done("mitigation", "show", "M0001")
    assert "M0001 revision 1" in service.done("mitigation", "show", "M0001", "--revision", "1")


def test_the_keepers_one_look_ends_with_what_came_of_it(tmp_path: Path) -> None:
    """Cron learns of a refusal by the exit code."""
    service = new_service(tmp_path)
    assert service.call("keeper", "--once").exit_code == 0

    refused = Service(tmp_path / "wrong").call("keeper", "--once")

    assert refused.exit_code == 1
    assert 'ERROR keeper.refused code="store.not_ready"' in refused.stderr


def test_the_keeper_refreshes_what_is_due(tmp_path: Path) -> None:
    """A feed past a third of its life gets a new version; here that is after a second."""
    service = new_service(tmp_path, feed_lifetime="PT3S", keeper_interval="PT1S")
    service.done("feed", "refresh", "--force", "--as", "bob")
    before = versions(service)

    # The first looks come too early, as most looks of a keeper do.
    looks = (versions(service) for _ in range(200) if service.call("keeper", "--once").exit_code == 0)
    after = next(found for found in looks if found != before)

    assert after == {name: version + 1 for name, version in before.items()}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    """Help needs no database, no keys and no settings."""
    result = CliRunner().invoke(feedsrv, [command, "--help"], env={"FEEDSRV_DATA": "/nowhere"})

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"Usage: feedsrv {command}")


def test_the_version_is_told() -> None:
    """For tickets."""
    result = CliRunner().invoke(feedsrv, ["--version"], prog_name="feedsrv")

    assert result.exit_code == 0
    assert result.stdout.startswith("feedsrv ")
