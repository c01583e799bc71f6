"""The key commands beside a development PKI: revocation works there, too, and renewal does not undo it."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from feedsrv.clock import now
from feedsrv.settings import Settings
from feedsrv.trust.opening import open_feed
from feedsrv.trust.policy import TrustPolicy, load_anchors, load_crl
from feedsrv.trust.profile import Role, fingerprint, spki_id
from feedsrv.trust.refusals import SignerRevokedError
from feedsrv.wiring.keys import open_keys, renew_lists
from tests.commands import Service, new_service
from tests.key_commands import Keys
from tests.publisher import shared_pki

FEED = "feeds/exchange-2019/production.xml"


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A service that has published with a development PKI of its own."""
    pki = tmp_path / "development"
    made = new_service(tmp_path, development_keys=str(pki))
    shutil.copytree(shared_pki(), pki)
    return made


@pytest.fixture
def keys(service: Service, tmp_path: Path) -> Keys:
    """Its keys, and a folder for others."""
    folder = tmp_path / "own"
    folder.mkdir()
    return Keys(service, folder)


def settings_of(service: Service) -> Settings:
    """As its processes have them."""
    return Settings(data=service.data, development_keys=Path(service.settings["FEEDSRV_DEVELOPMENT_KEYS"]))


def agent(service: Service) -> TrustPolicy:
    """What an agent trusts that was set up today."""
    trust = service.data / "shelf/v1/trust"
    crls = json.loads((trust / "policy.json").read_bytes())["crls"]
    return TrustPolicy(
        load_anchors((trust / "anchors.pem").read_bytes(), source="anchors"),
        crls=tuple(load_crl((trust.parent / path).read_bytes(), source=path) for path in crls),
    )


def test_a_revoked_development_signer_is_refused_by_agents_and_replaced_by_itself(
    service: Service, keys: Keys
) -> None:
    """A new key in its place; the next feeds are believed, the old ones are not."""
    shelf = service.data / "shelf/v1"
    service.done("feed", "refresh", "--force", "--as", "bob")
    by_old = (shelf / FEED).read_bytes()
    old = keys.named(Role.FEED_SIGNER, "in use")
    before = open_feed(by_old, agent(service), at=now()).proof.leaf
    assert fingerprint(before) == old

    said = keys.done("revoke", old, "--reason", "key_compromise")

    assert "feed-ca.crl, which is published" in said
    assert "makes another one by itself" in said
    with pytest.raises(SignerRevokedError):
        open_feed(by_old, agent(service), at=now())
    service.done("feed", "refresh", "--force", "--as", "bob")
    after = open_feed((shelf / FEED).read_bytes(), agent(service), at=now()).proof.leaf
    assert spki_id(after.public_key()) != spki_id(before.public_key())
    assert len(list((shelf / "trust/crls").glob("*.crl"))) == 3


def test_renewal_of_a_development_pki_does_not_undo_a_revocation(service: Service, keys: Keys) -> None:
    """Neither that of the register's list nor that of the PKI's own, months later."""
    service.done("feed", "refresh", "--force", "--as", "bob")
    by_old = (service.data / "shelf/v1" / FEED).read_bytes()
    keys.done("revoke", keys.named(Role.FEED_SIGNER, "in use"), "--reason", "key_compromise")
    settings, later = settings_of(service), now() + timedelta(days=25)

    renewed = renew_lists(settings, now=later)
    opened = open_keys(settings, now=later, tell=lambda _: None)

    assert [sentence.split()[2] for sentence in renewed] == ["feed-ca.crl"]
    assert all(crl.next_update_utc is not None and crl.next_update_utc > later for crl in opened.policy.crls)
    with pytest.raises(SignerRevokedError):
        open_feed(by_old, TrustPolicy(opened.policy.anchors, crls=opened.policy.crls), at=later)
    with pytest.raises(SignerRevokedError):
        open_feed(by_old, agent(service), at=later)


def test_the_keys_of_a_development_pki_are_listed_with_who_keeps_them(keys: Keys) -> None:
    """Five of them, all in use, with where they live."""
    listed = keys.list()

    assert {str(one["role"]) for one in listed} == {
        "root",
        "mitigation-ca",
        "feed-ca",
        "mitigation-signer",
        "feed-signer",
    }
    assert {(one["source"], one["stage"]) for one in listed} == {("development PKI", "in use")}
    assert all("PEM file" in str(one["place"]) for one in listed)


def test_a_signer_of_the_register_may_stand_below_a_development_pki(service: Service, keys: Keys) -> None:
    """The one way to try a switch before there are keys of one's own."""
    new = keys.used(Role.FEED_SIGNER)

    service.done("feed", "refresh", "--force", "--as", "bob")

    signed = (service.data / "shelf/v1" / FEED).read_bytes()
    assert fingerprint(open_feed(signed, agent(service), at=now()).proof.leaf) == new


def test_a_signer_of_the_trial_beside_one_of_the_real_thing_is_refused(service: Service, keys: Keys) -> None:
    """Agents ask for one organisation, and would believe half of what is published; known ones none of it."""
    keys.used(Role.ROOT)
    keys.used(Role.MITIGATION_CA)
    signer = keys.issued(Role.MITIGATION_SIGNER)
    stranding = keys.call("use", signer)
    keys.done("use", signer, "--strand")

    refused = service.call("feed", "publish", "--as", "bob")

    assert stranding.stderr.startswith("error [trust.would_strand]: "), stranding.output
    assert refused.stderr.startswith("error [keys.organisations]: "), refused.output
