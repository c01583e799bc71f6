"""`feedsrv doctor`: exit codes, words, and never a traceback."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from feedsrv.clock import now
from feedsrv.publishing.audit import record
from feedsrv.settings import Settings
from feedsrv.trust.profile import Kind
from feedsrv.wiring.keyring import open_store
from tests.commands import Service, new_service
from tests.own_keys import OwnPki

M0001 = "shelf/v1/mitigations/M0001/1.xml"


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A service that has published."""
    return new_service(tmp_path)


def test_where_all_is_well_it_ends_with_0_and_says_what_was_looked_at(service: Service) -> None:
    """One sentence first, then every check."""
    result = service.call("doctor")

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("All is well: ")
    assert "in order\n" in result.stdout
    assert "certificate.ends: the root CA ends on " in result.stdout


def test_quiet_says_nothing_where_all_is_well(service: Service) -> None:
    """For cron, which mails what is printed."""
    result = service.call("doctor", "--quiet")

    assert (result.exit_code, result.output) == (0, "")


def test_a_warning_ends_with_1(service: Service) -> None:
    """Here a file of trust that is not in force."""
    (service.data / "shelf" / "v1/trust/anchors.pem").write_bytes(b"others")

    result = service.call("doctor", "--quiet")

    assert result.exit_code == 1
    assert result.stdout == (
        "Not all is well: 1 warning to look at.\n\n"
        "WARNING\n"
        "  shelf.astray: v1/trust/anchors.pem on the shelf is not what is in force\n"
        "      The next `feedsrv feed publish` or the keeper puts it there\n"
    )


def test_what_is_critical_ends_with_2_and_stands_first(service: Service) -> None:
    """With its remedy below it."""
    (service.data / M0001).unlink()
    (service.data / "shelf" / "v1/trust/anchors.pem").write_bytes(b"others")

    result = service.call("doctor")

    assert result.exit_code == 2
    order = [result.stdout.index(one) for one in ("CRITICAL", "M0001/1.xml", "WARNING", "in order")]
    assert order == sorted(order)


def test_as_json_it_says_the_same(service: Service) -> None:
    """With the worst grade at the top."""
    (service.data / M0001).unlink()

    result = service.call("doctor", "--json", "--quiet")

    document = json.loads(result.stdout)
    assert result.exit_code == 2
    assert document["grade"] == "critical"
    assert [(one["check"], one["grade"], one["stopsPublishing"]) for one in document["results"]] == [
        ("shelf.astray", "critical", False)
    ]


def test_settings_that_cannot_be_used_are_a_finding(service: Service) -> None:
    """And no warning by accident: whoever asks by exit code hears that it is grave."""
    broken = Service(service.data, {"FEEDSRV_FEED_LIFETIME": "soon"})

    result = broken.call("doctor")

    assert result.exit_code == 2
    assert "[settings.invalid]: FEEDSRV_FEED_LIFETIME is 'soon'" in result.stdout


def test_before_the_first_start_nothing_is_made(tmp_path: Path) -> None:
    """Looking changes nothing."""
    fresh = Service(tmp_path / "data", {"FEEDSRV_DEVELOPMENT_KEYS": str(tmp_path / "keys")})

    result = fresh.call("doctor")

    assert result.exit_code == 2
    assert "part.broken: the database cannot be used [store.not_ready]" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_looking_changes_nothing(service: Service) -> None:
    """Not even what publishing would put right."""
    (service.data / M0001).unlink()
    before = service.everything()

    service.call("doctor")

    assert service.everything() == before


def test_an_ended_certificate_is_named_though_no_key_can_be_used(service: Service, tmp_path: Path) -> None:
    """Role, subject, date and remedy."""
    own = OwnPki(tmp_path)
    own.write("leaf-expired")
    broken = Service(service.data, own.environment())

    result = broken.call("doctor", "--quiet")

    assert result.exit_code == 2
    assert "certificate.ends: the feed signer ended on " in result.stdout
    assert "Ask for a new certificate with `feedsrv key request`" in result.stdout
    assert "document.refused" in result.stdout


def test_a_key_that_is_away_is_no_matter_of_looking(tmp_path: Path, service: Service) -> None:
    """Certificates are judged without it."""
    own = OwnPki(tmp_path)
    own.write()
    own.key(Kind.MITIGATION).unlink()

    result = Service(service.data, own.environment()).call("doctor", "--json")

    parts = [one for one in json.loads(result.stdout)["results"] if one["check"] == "part.broken"]
    assert {one["grade"] for one in parts} == {"ok"}


def test_what_doctor_calls_critical_stops_publishing_with_the_same_words(service: Service) -> None:
    """Here a clock that is behind the audit log; nothing is changed, and the reason is told."""
    with open_store(Settings(data=service.data)) as store, store.begin() as work:
        record(work.audit, now() + timedelta(minutes=150), actor="paula", verb="try", subject="the clock")
    before = service.everything()

    looked = service.call("doctor", "--json", "--quiet")
    refused = service.call("feed", "refresh", "--force", "--as", "paula")

    (found,) = json.loads(looked.stdout)["results"]
    assert (looked.exit_code, found["check"], found["stopsPublishing"]) == (2, "clock.behind", True)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error [publish.not_healthy]: nothing was published")
    assert "which is 2 hours before entry" in refused.stderr
    assert found["remedy"] in refused.stderr
    assert service.everything() == before


def test_what_publishing_itself_cures_stops_nothing(service: Service) -> None:
    """A lost feed is critical, and is put back by the next refresh."""
    lost = service.data / "shelf" / "v1/feeds/exchange-2019/production.xml"
    lost.unlink()

    before = service.call("doctor", "--quiet")
    service.done("feed", "refresh", "--as", "paula")
    after = service.call("doctor", "--quiet")

    assert before.exit_code == 2
    assert after.exit_code == 0, after.stdout
    assert lost.is_file()
