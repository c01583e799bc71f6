"""What the keeper tells: each condition once when it begins and once when it ends, restarts included."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from feedsrv.cli import keeper
from feedsrv.errors import UnavailableError
from feedsrv.settings import Settings
from feedsrv.stores.database import open_database
from feedsrv.stores.sql import SqlStore
from feedsrv.trust.profile import Kind
from tests.commands import Service, new_service
from tests.own_keys import OwnPki

M0001 = "shelf/v1/mitigations/M0001/1.xml"


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A service that has published."""
    return new_service(tmp_path)


def events(service: Service) -> list[tuple[int, str]]:
    """What one look of a new keeper tells: number and subject of each event."""
    told = service.call("keeper", "--once").stderr
    lines = [line for line in told.splitlines() if " event=" in line]
    return [
        (int(re.findall(r" event=(\d+)", line)[0]), "".join(re.findall(r' subject="([^"]*)"', line)))
        for line in lines
    ]


def test_what_is_well_is_not_told(service: Service) -> None:
    """A log that says nothing is a good log."""
    assert events(service) == []


def test_a_condition_is_told_once_and_its_end_once_by_keepers_that_never_met(service: Service) -> None:
    """A lost mitigation: a warning's number and a critical one's, then their ends."""
    lost = (service.data / M0001).read_bytes()
    (service.data / M0001).unlink()

    begun = events(service)
    again = events(service)
    (service.data / M0001).write_bytes(lost)
    ended = events(service)
    after = events(service)

    path = M0001.removeprefix("shelf/")
    assert begun == [(2090, path), (2092, path)]
    assert again == []
    assert ended == [(2091, path), (2093, path)]
    assert after == []


def test_what_is_critical_is_an_alarm_on_every_page_until_it_ends(service: Service) -> None:
    """Kept with the condition itself, so that it is told once by however many keepers."""
    lost = (service.data / M0001).read_bytes()
    (service.data / M0001).unlink()
    service.call("keeper", "--once")
    service.call("keeper", "--once")
    standing = alarms(service)
    (service.data / M0001).write_bytes(lost)
    service.call("keeper", "--once")

    path = M0001.removeprefix("shelf/")
    assert [subject for subject, _ in standing] == [f"shelf.astray.critical {path}"]
    assert standing[0][1].endswith("What to do stands on the status page.")
    assert alarms(service) == []


def alarms(service: Service) -> list[tuple[str, str]]:
    """What stands on every page of the console: about what, and the sentence."""
    with SqlStore(open_database(f"sqlite:///{service.data}/feedsrv.sqlite")).look() as work:
        return [(one.subject, one.sentence) for one in work.notices.alarms()]


def test_an_event_names_cause_and_resolution(service: Service) -> None:
    """Whoever reads it needs not look it up."""
    (service.data / M0001).unlink()

    told = service.call("keeper", "--once").stderr

    (line,) = [line for line in told.splitlines() if " event=2090" in line]
    assert line.split()[1:3] == ["WARNING", "shelf.astray"]
    assert 'cause="It was changed or removed on the disk' in line
    assert "comes back from a backup alone" in line


def test_a_refused_refresh_is_a_condition_that_ends_when_it_works_again(
    service: Service, tmp_path: Path
) -> None:
    """With the code of the refusal; the keeper ends with 1 meanwhile, where it is called once."""
    own = OwnPki(tmp_path)
    own.write("leaf-expired")
    spoilt = Service(service.data, own.environment())

    refused = spoilt.call("keeper", "--once")
    mended = service.call("keeper", "--once")

    assert refused.exit_code == 1
    assert " event=2900 " in refused.stderr
    assert 'detail="[signing.expired]' in refused.stderr
    assert mended.exit_code == 0
    assert " event=2901 " in mended.stderr


def test_without_a_database_the_keeper_tells_all_the_same(tmp_path: Path) -> None:
    """It cannot remember, and it can speak."""
    told = Service(tmp_path / "nothing").call("keeper", "--once")

    assert told.exit_code == 1
    assert " event=2002 " in told.stderr
    assert "Traceback" not in told.stderr
    assert not (tmp_path / "nothing").exists()


def test_the_key_for_mitigations_is_not_opened_while_nothing_is_withdrawn(
    service: Service, tmp_path: Path
) -> None:
    """It may lie in a safe: feeds are signed anew without it."""
    own = OwnPki(tmp_path)
    own.write()
    fresh = Service(tmp_path / "fresh", own.environment())
    fresh.done("db", "upgrade")
    own.key(Kind.MITIGATION).unlink()

    result = fresh.call("keeper", "--once")

    assert result.exit_code == 0, result.stderr


def test_what_nobody_foresaw_ends_no_keeper_and_is_told(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a traceback for whoever mends it, and a number for whoever watches."""

    def fail(_: Settings) -> None:
        raise RuntimeError("nobody foresaw this")

    with monkeypatch.context() as broken:
        broken.setattr(keeper, "_refresh", fail)
        failed = service.call("keeper", "--once")
    mended = service.call("keeper", "--once")

    assert failed.exit_code == 1
    assert " event=2910 " in failed.stderr
    assert 'detail="RuntimeError: nobody foresaw this"' in failed.stderr
    assert "Traceback" in failed.stderr
    assert " event=2911 " in mended.stderr


def test_a_list_that_cannot_be_renewed_holds_up_no_feed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each task is tried, whatever became of the one before."""

    def fail(_: Settings) -> None:
        raise UnavailableError("the key of the CA is away")

    before = service.done("feed", "list", "--json")
    later = Service(service.data, {"FEEDSRV_FEED_LIFETIME": "P3D"})
    monkeypatch.setattr(keeper, "_renew", fail)
    for path in (service.data / "shelf" / "v1" / "feeds").rglob("production.xml"):
        path.unlink()

    result = later.call("keeper", "--once")

    assert result.exit_code == 1
    assert 'subject="lists"' in result.stderr
    assert service.done("feed", "list", "--json") != before
