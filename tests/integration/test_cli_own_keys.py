"""A service with keys of its own: what it publishes is trusted, and keys that do not fit are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from feedsrv.clock import now
from feedsrv.trust.opening import open_feed, open_mitigation
from feedsrv.trust.policy import TrustPolicy, load_anchors
from feedsrv.trust.profile import Kind
from tests.commands import MITIGATIONS, Service, new_service
from tests.own_keys import OwnPki
from tests.pki import ORGANISATION, Pki, chain_pem, key, pem_of


@pytest.fixture
def own(tmp_path: Path) -> OwnPki:
    """Keys of somebody's own."""
    folder = tmp_path / "own"
    folder.mkdir()
    found = OwnPki(folder)
    found.write()
    return found


@pytest.fixture
def service(own: OwnPki, tmp_path: Path) -> Service:
    """A new service that is set to use them."""
    return Service(tmp_path / "data", own.environment())


def approve_one(service: Service) -> None:
    """Bring a mitigation as far as its approval."""
    service.done("db", "upgrade")
    service.done("catalogue", "import", str(MITIGATIONS / "products.xml"), "--as", "alice")
    service.done("mitigation", "import", str(MITIGATIONS / "M0001.xml"), "--submit", "--as", "alice")
    service.approve("M0001")


def test_what_is_published_is_trusted_by_whoever_pins_the_root(service: Service, own: OwnPki) -> None:
    """From an empty folder to a feed that an agent of these keys believes, organisation included."""
    approve_one(service)

    service.done("feed", "publish", "--as", "bob")

    shelf = service.data / "shelf" / "v1"
    policy = TrustPolicy(
        anchors=load_anchors(own.anchors.read_bytes(), source="root"), organisation=ORGANISATION
    )
    feed = open_feed((shelf / "feeds/exchange-2019/production.xml").read_bytes(), policy, at=now())
    entry = next(one for one in feed.feed.entries if one.id == "M0001")
    document = (shelf / "mitigations/M0001/1.xml").read_bytes()
    assert open_mitigation(document, policy, at=now(), entry=entry).mitigation.id == "M0001"
    assert json.loads((shelf / "trust/policy.json").read_bytes())["organisation"] == ORGANISATION
    assert not (service.data / "keys").exists(), "no development PKI was made beside them"


def another_root(pki: Pki) -> x509.Certificate:
    """A root of the same name, with another key."""
    return pki.certificates(Kind.FEED, root={"key_name": "another root"})["root"]


SPOILT: dict[str, tuple[Callable[[OwnPki], object], str, tuple[str, ...]]] = {
    "missing": (lambda own: own.key(Kind.FEED).unlink(), "signing.file_missing", ("feed.key.pem",)),
    "readable by others": (
        lambda own: own.key(Kind.FEED).chmod(0o640),
        "signing.key_exposed",
        ("chmod 600",),
    ),
    "not the certificate's": (
        lambda own: own.key(Kind.FEED).write_bytes(pem_of(key("stranger"))),
        "signing.key_mismatch",
        ("feed.key.pem",),
    ),
    "expired": (lambda own: own.write("leaf-expired"), "signing.expired", ("feed.key.pem", "renew it")),
    "for another purpose": (
        lambda own: own.write("eku-server-auth"),
        "signing.wrong_usage",
        ("feed.key.pem", "extended key usage for feed signing"),
    ),
    "of another organisation": (
        lambda own: own.write("ca-of-others"),
        "trust.issuer_organisation",
        ("Somebody Else", ORGANISATION),
    ),
    "under another root": (
        lambda own: own.anchors.write_bytes(chain_pem([another_root(own.pki)])),
        "trust.chain_signature",
        (".key.pem", "whose key did not sign it"),
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_nothing_is_published_with_keys_that_do_not_fit(service: Service, own: OwnPki, name: str) -> None:
    """The file, the reason and the remedy are named, and what is current stays so."""
    approve_one(service)
    service.done("feed", "publish", "--as", "bob")
    before = service.everything()
    spoil, code, named = SPOILT[name]
    spoil(own)

    results = [
        service.call("feed", "refresh", "--force", "--as", "bob"),
        service.call("feed", "publish", "--as", "bob"),
    ]
    looked = service.call("keeper", "--once")

    for result in results:
        assert result.exit_code == 1, result.output
        assert result.stderr.startswith(f"error [{code}]: "), result.stderr
        assert [one for one in named if one not in result.stderr] == [], result.stderr
    assert looked.exit_code == 1
    assert f'keeper.refused code="{code}"' in looked.stderr
    assert service.everything() == before


def test_content_is_not_published_without_people_under_keys_that_matter(service: Service) -> None:
    """`run --content` approves by itself, which is for development keys only."""
    result = service.call("run", "--content", str(MITIGATIONS))

    assert result.exit_code == 1
    assert result.stderr.startswith("error [run.content_needs_people]: ")
    assert "feedsrv mitigation" in result.stderr
    assert not (service.data / "shelf").exists()


def test_keys_that_do_not_fit_are_heard_of_when_the_service_starts(service: Service, own: OwnPki) -> None:
    """And not from the agents, days later."""
    own.write("leaf-expired")

    result = service.call("run")

    assert result.exit_code == 1
    assert result.stderr.startswith("error [signing.expired]: ")


def test_a_shell_that_forgot_the_keys_does_not_replace_them(service: Service) -> None:
    """Development keys would make every agent refuse the next feed."""
    approve_one(service)
    service.done("feed", "publish", "--as", "bob")
    before = service.everything()
    forgetful = Service(service.data, {"FEEDSRV_DEVELOPMENT_KEYS": str(service.data / "keys")})

    refused = [forgetful.call(*words.split()) for words in ("feed refresh --force --as bob", "run")]

    assert [one.exit_code for one in refused] == [1, 1]
    assert all(one.stderr.startswith("error [keys.none]: ") for one in refused), refused[0].stderr
    assert all("set FEEDSRV_MITIGATION_SIGNER" in one.stderr for one in refused)
    assert service.everything() == before
    assert not (service.data / "keys").exists()


def test_a_trial_does_not_turn_into_the_real_thing_on_the_same_shelf(own: OwnPki, tmp_path: Path) -> None:
    """Its mitigations were signed with development keys, and no agent that matters would believe them."""
    trial = new_service(tmp_path)
    before = trial.everything()
    service = Service(trial.data, own.environment())

    refused = [service.call(*words.split()) for words in ("feed refresh --force --as bob", "run")]

    assert [one.exit_code for one in refused] == [1, 1]
    assert all(one.stderr.startswith("error [keys.other]: ") for one in refused), refused[0].stderr
    assert all("a new FEEDSRV_DATA" in one.stderr for one in refused)
    assert trial.everything() == before
