"""Looking at a real service from its settings: whole, broken in parts, and before it publishes."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from feedsrv.clock import now
from feedsrv.publishing.audit import record
from feedsrv.publishing.proving import Signers
from feedsrv.publishing.watching.results import BOTH, Grade, NotHealthyError, Result
from feedsrv.settings import Settings
from feedsrv.stores.memory import MemoryShelf, MemoryStore
from feedsrv.stores.shelf_files import FileShelf
from feedsrv.trust.profile import Kind
from feedsrv.wiring.keyring import open_store
from feedsrv.wiring.keys import Keys, open_keys
from feedsrv.wiring.watch import guard, look
from tests.commands import Service, new_service
from tests.own_keys import OwnPki
from tests.pki import Pki
from tests.publisher import shared_pki


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A service that has published."""
    return new_service(tmp_path)


def settings_of(service: Service, **changes: object) -> Settings:
    """What its processes are started with."""
    return Settings.model_validate({"data": service.data, "development_keys": shared_pki(), **changes})


def findings(settings: Settings, clock: Callable[[], datetime] = now) -> dict[tuple[str, str], Result]:
    """What is not in order, by check and subject."""
    results = look(settings, clock=clock, thorough=True)
    return {(one.check, one.subject): one for one in results if one.grade is not Grade.OK}


def publish_at(settings: Settings, at: datetime, signing: frozenset[Kind] = BOTH) -> None:
    """Ask the guard, as a publication at that moment would."""
    keys = open_keys(settings, now=now(), tell=print)
    with open_store(settings) as store:
        guard(settings, keys, store, FileShelf(settings.shelf_folder))(at, signing)


def test_a_service_that_has_just_published_is_well(service: Service) -> None:
    """With everything that can be seen without a network."""
    assert findings(settings_of(service)) == {}


def test_where_there_is_nothing_at_all_that_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    """No database, no keys, no shelf: each is a finding."""
    settings = Settings(data=tmp_path / "data", development_keys=tmp_path / "keys")

    found = findings(settings)

    assert set(found) == {("part.broken", "database"), ("part.broken", "keys")}
    assert "[store.not_ready]" in found["part.broken", "database"].sentence
    assert "[keys.none]" in found["part.broken", "keys"].sentence
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_database_leaves_the_rest_to_be_looked_at(service: Service) -> None:
    """The shelf is judged by its own list and by the keys that agents know."""
    (service.data / "feedsrv.sqlite").write_bytes(os.urandom(20_000))
    (service.data / "shelf" / "v1/mitigations/M0001/1.xml").unlink()

    found = findings(settings_of(service))

    assert set(found) == {
        ("part.broken", "database"),
        ("shelf.astray", "v1/mitigations/M0001/1.xml"),
    }


def test_without_a_database_no_other_keys_are_taken_for_those_in_use(
    service: Service, tmp_path: Path
) -> None:
    """A development PKI that lies about has nothing to do with what was published."""
    (service.data / "feedsrv.sqlite").write_bytes(os.urandom(20_000))
    (service.data / "shelf" / "v1/trust/anchors.pem").write_bytes(Pki().anchors_pem())

    found = findings(settings_of(service))

    assert "the keys in use are named in the database" in found["part.broken", "keys"].sentence


def test_a_damaged_certificate_leaves_the_rest_to_be_looked_at(service: Service, tmp_path: Path) -> None:
    """Which file, and the shelf by digest."""
    own = OwnPki(tmp_path)
    own.write()
    own.chain(Kind.FEED).write_bytes(b"no certificate")
    (service.data / "shelf" / "v1/mitigations/M0001/1.xml").unlink()

    found = findings(own.settings(service.data))

    assert str(own.chain(Kind.FEED)) in found["part.broken", "keys"].sentence
    assert ("shelf.astray", "v1/mitigations/M0001/1.xml") in found


def test_a_shelf_that_cannot_be_read_is_a_finding(service: Service) -> None:
    """With the code of its refusal."""
    published = service.data / "shelf" / "v1"
    published.rename(service.data / "elsewhere")
    published.symlink_to(published)  # nobody, not even root, can follow that

    found = findings(settings_of(service))

    assert "[publishing.shelf_unreadable]" in found["part.broken", "shelf"].sentence


def test_an_ended_certificate_is_told_by_its_own_check(service: Service, tmp_path: Path) -> None:
    """Though no key of that chain could be opened any more."""
    own = OwnPki(tmp_path)
    own.write("leaf-expired")

    found = findings(own.settings(service.data))

    (ended,) = [one for (check, _), one in found.items() if check == "certificate.ends"]
    assert ended.grade is Grade.CRITICAL
    assert ended.subject.startswith("feed signer ")
    assert ("signer.refused", "feed signer") in found


def test_an_expired_feed_stops_no_publication(service: Service) -> None:
    """Publishing is its cure."""
    settings, later = settings_of(service), now() + timedelta(days=4)

    found = findings(settings, lambda: later)
    publish_at(settings, later)

    assert found["feed.overdue", "exchange-2019/production"].grade is Grade.CRITICAL


def test_lost_files_stop_no_publication(service: Service) -> None:
    """A new protection waits for no backup."""
    for path in ("v1/mitigations/M0001/1.xml", "v1/feeds/exchange-2019/production.xml"):
        (service.data / "shelf" / path).unlink()

    publish_at(settings_of(service), now())


def test_a_clock_that_was_set_back_stops_every_publication(service: Service) -> None:
    """With what doctor says about it, and what to do."""
    with pytest.raises(NotHealthyError) as refused:
        publish_at(settings_of(service), now() - timedelta(hours=1))

    assert [one.check for one in refused.value.findings] == ["clock.behind"]
    assert "Set the clock of this machine" in str(refused.value)


def test_a_clock_that_was_ahead_stops_publications_until_somebody_says_so(service: Service) -> None:
    """What was written down then is in the future still; one command, and an emergency waits no more."""
    settings = settings_of(service)
    ahead = now() + timedelta(hours=8)
    with open_store(settings) as store, store.begin() as work:
        record(work.audit, ahead, actor="keeper", verb="key.crl", subject="feed-ca")
    with pytest.raises(NotHealthyError, match="--clock-is-right"):
        publish_at(settings, now())

    service.done("key", "crl", "--clock-is-right", "--as", "paula")

    publish_at(settings, now())


def test_an_ended_mitigation_signer_stops_mitigations_and_starves_no_feed() -> None:
    """A refresh signs feeds alone, and is let through."""
    pki = Pki()
    mitigation = pki.signer(Kind.MITIGATION, leaf={"ends": timedelta(hours=-1)})
    keys = Keys(Signers(mitigation, pki.signer(Kind.FEED)), pki.policy(), {})
    refuse = guard(Settings(), keys, MemoryStore(), MemoryShelf())

    refuse(now(), frozenset({Kind.FEED}))
    with pytest.raises(NotHealthyError) as refused:
        refuse(now(), BOTH)

    assert {one.check for one in refused.value.findings} == {"certificate.ends", "signer.refused"}
    assert "the mitigation signer ended on " in str(refused.value)


def test_the_guard_asks_no_network(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A publication must get out though the public URL is away, and must not wait for it."""
    settings = settings_of(
        service, public_url="https://mitigations.example", clock_sources="https://a.example"
    )

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)

    publish_at(settings, now())
