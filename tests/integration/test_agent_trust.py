"""Whom an agent trusts: bundles, anchors and revocation lists."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from signxml.verifier import XMLVerifier

from feedsrv.agent.bundle import BundleSource
from feedsrv.agent.state import Status as AgentStatus
from feedsrv.model.mitigation import Status
from feedsrv.trust.profile import Kind
from tests.pki import Pki
from tests.simulator import Simulator
from tests.unit.agent.making import AT, mitigation, pool
from tests.unit.agent.world import World, codes

NAME = "feedsrv M0001.A1 PowerShell - inbound"


@pytest.fixture
def publisher() -> Iterator[Simulator]:
    """A publisher on loopback."""
    with Simulator(Pki(at=AT), AT).serving() as simulator:
        yield simulator


@pytest.fixture
def world(tmp_path: Path, publisher: Simulator) -> World:
    """A new agent."""
    return World(tmp_path / "home", publisher)


@pytest.fixture
def signature_checks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every signature that is checked."""
    checks: list[int] = []
    real = XMLVerifier.verify

    def counted(*arguments: object, **options: object) -> object:
        checks.append(1)
        return real(*arguments, **options)  # type: ignore[arg-type] # handed on as it came

    monkeypatch.setattr(XMLVerifier, "verify", counted)
    return checks


def test_a_bundle_protects_a_server_without_internet(world: World, tmp_path: Path) -> None:
    """The same documents, from a file: no request is made."""
    world.publisher.put_crls()
    world.publisher.publish(mitigation())
    (tmp_path / "b.zip").write_bytes(world.publisher.bundle())

    with closing(BundleSource(tmp_path / "b.zip")) as bundle:
        done = world.sync_from(bundle)

    assert codes(done) == []
    assert world.publisher.requests == []
    assert world.host.names() == {NAME}


def test_an_old_bundle_is_refused(world: World, tmp_path: Path) -> None:
    """What is trusted by network is not forgotten for a file."""
    world.publisher.publish(mitigation())
    (tmp_path / "old.zip").write_bytes(world.publisher.bundle())
    world.publisher.publish(mitigation(), mitigation("M0002", actions=(pool(),)))
    world.sync()

    with closing(BundleSource(tmp_path / "old.zip")) as bundle:
        done = world.sync_from(bundle)

    assert codes(done) == ["feed.stale"]
    assert len(world.state.applied) == 2


def test_a_damaged_bundle_is_told(world: World, tmp_path: Path) -> None:
    """A file that was cut while copying is no whole zip; one with a damaged part says which."""
    world.publisher.publish(mitigation())
    whole = world.publisher.bundle()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass

    with pytest.raises(Exception, match="no whole zip") as cut:
        BundleSource(tmp_path / "cut.zip")
    with closing(BundleSource(tmp_path / "empty.zip")) as empty:
        done = world.sync_from(empty)

    assert getattr(cut.value, "code", None) == "agent.bundle"
    assert codes(done) == ["agent.not_served"]


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_bundle_is_not_unpacked_in_unusual_ways(world: World, tmp_path: Path, packing: int) -> None:
    """A few bytes of these unpack to more than a server has."""
    world.publisher.publish(mitigation())
    with zipfile.ZipFile(tmp_path / "odd.zip", "w", packing) as file:
        for path, data in world.publisher.files.items():
            file.writestr(path.removeprefix("/"), data)

    with closing(BundleSource(tmp_path / "odd.zip")) as bundle:
        done = world.sync_from(bundle)

    assert codes(done) == ["agent.bundle"]


def test_another_anchor_judges_everything_again(world: World, signature_checks: list[int]) -> None:
    """What was trusted under other anchors is verified under these before it counts."""
    world.publisher.publish(mitigation())
    world.sync()
    stranger = Pki(at=AT, organisation="Somebody Else")
    (world.home / "root.pem").write_bytes(stranger.anchors_pem())
    signature_checks.clear()

    done = world.sync()

    assert set(codes(done)) == {"trust.anchor_unknown"}
    assert signature_checks
    assert world.host.names() == {NAME}  # what protects stays


def test_a_revoked_feed_key_is_refused(world: World) -> None:
    """The publisher's revocation lists are fetched with a new feed, and count."""
    world.publisher.publish(mitigation())
    world.sync()
    serial = world.publisher.pki.signer(Kind.FEED).chain[0].serial_number
    world.publisher.put_crls(revoked=(serial,))
    world.publisher.publish(mitigation(), mitigation("M0002", actions=(pool(),)))

    done = world.sync()

    assert codes(done) == ["trust.signer_revoked", "trust.revoked_since"]
    assert world.host.names() == {NAME}


def test_a_revocation_list_that_was_seen_is_not_forgotten(world: World) -> None:
    """Whoever holds a server cannot hide a list that the agent has."""
    world.publisher.put_crls()
    world.publisher.publish(mitigation())
    world.sync()
    for path in list(world.publisher.files):
        if "/trust/" in path:
            del world.publisher.files[path]
    world.publisher.publish(mitigation(), expires=AT + timedelta(days=90))

    done = world.sync(at=AT + timedelta(days=60))

    assert set(codes(done)) == {"trust.crl_stale", "agent.crl_ended", "feed.expired"}


@pytest.mark.parametrize("year", [1970, 2100])
def test_a_clock_that_is_wrong_loses_nothing(world: World, year: int) -> None:
    """What is applied stays, nothing new is applied, and a clock that is right again finds all in order."""
    world.publisher.publish(mitigation())
    world.sync()
    world.publisher.publish(mitigation(), mitigation("M0002", actions=(pool(),)))

    wrong = world.sync(at=AT.replace(year=year))
    between = world.host.names(), set(world.host.stopped)
    right = world.sync()

    assert codes(wrong)
    assert between == ({NAME}, set())
    assert codes(right) == []
    assert world.host.stopped == {"MSExchangeECPAppPool"}


def test_another_server_is_not_asked_with_the_tag_of_the_first(world: World) -> None:
    """Its answer "unchanged" would say nothing about what it holds."""
    world.publisher.publish(mitigation())
    world.sync()
    world.publisher.requests.clear()
    world.publisher.url = world.publisher.url.replace("127.0.0.1", "localhost")

    done = world.sync()

    assert codes(done) == []
    assert "If-None-Match" not in world.publisher.requests[0][2]


def test_what_is_trusted_is_remembered_before_anything_is_changed(world: World) -> None:
    """Whoever can make an agent crash must not be able to serve it an older feed afterwards."""
    world.publisher.publish(mitigation())

    def crash(step: int) -> None:
        if step == 5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        world.sync(after=crash)

    assert [memory.version for memory in world.state.feeds.values()] == [1]
    assert world.host.names() == set()


def test_what_was_withdrawn_before_it_was_ever_here_is_not_asked_for(world: World) -> None:
    """It stays listed for years, and its signer's certificate ends: a new server does not mind."""
    publisher = world.publisher
    publisher.publish(mitigation())
    publisher.signers[Kind.MITIGATION] = publisher.pki.signer(Kind.MITIGATION, "leaf-expired")
    publisher.publish(mitigation("M0002", revision=2, status=Status.WITHDRAWN))

    done = world.sync()
    again = world.sync()

    assert codes(done) == codes(again) == []
    assert not any("M0002" in path for path in publisher.paths)
    assert world.status("M0002") is AgentStatus.WITHDRAWN
    assert "If-None-Match" in publisher.requests[-1][2]


def test_a_feed_that_is_held_and_offered_is_refused_in_one_line(world: World) -> None:
    """With another anchor both lead nowhere, and the second long sentence would say nothing new."""
    world.publisher.publish(mitigation())
    world.sync()
    (world.home / "other.pem").write_bytes(Pki(at=AT, organisation="Somebody Else").anchors_pem())
    world.tell(anchors=("other.pem",))

    done = world.sync()

    assert [(one.code, one.about) for one in done.problems] == [
        ("trust.anchor_unknown", "feed"),
        ("trust.anchor_unknown", "M0001"),
    ]
