"""An operator goes over to a root of their own, by commands alone, and strands nobody on the way."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv import clock
from feedsrv.codec.feed import read_feed
from feedsrv.settings import read_settings
from feedsrv.trust.policy import load_anchors
from feedsrv.trust.profile import Role, fingerprint, spki_id
from feedsrv.wiring.keys import DEVELOPMENT
from feedsrv.wiring.trust import read_facts
from tests.commands import Service, new_service
from tests.key_commands import Keys
from tests.publisher import shared_pki

SOON = f"{clock.now() + timedelta(days=200):%Y-%m-%d}"
NEXT = f"{clock.now() + timedelta(days=2):%Y-%m-%d}"
CURRENT = "shelf/v1/feeds/exchange-2019/production.xml"


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A service that has published with the keys of its development PKI."""
    return new_service(tmp_path)


@pytest.fixture
def keys(service: Service, tmp_path: Path) -> Keys:
    """Its register."""
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    return Keys(service, folder)


def old_root() -> str:
    """The fingerprint of the root that agents pin today."""
    anchors = shared_pki() / "anchors.pem"
    [root] = load_anchors(anchors.read_bytes(), source=str(anchors))
    return fingerprint(root)


def vouch(service: Service, wanted: str, file: Path) -> str:
    """Certify it under the old root; what the operator is told."""
    return service.done(
        "trust", "vouch", wanted[:16], "--by", old_root()[:16], "--out", str(file), "--as", "anna"
    )


def test_a_root_is_made_vouched_for_and_announced(service: Service, keys: Keys, tmp_path: Path) -> None:
    """The feed carries it with its voucher, and known agents count as having heard of it after a month."""
    root = keys.issued(Role.ROOT, "root2")
    file = tmp_path / "voucher.pem"

    told = service.done(
        "trust", "vouch", root[:16], "--by", old_root()[:16], "--out", str(file), "--as", "anna"
    )
    announced = service.done(
        "trust", "announce", root[:16], "--begins", SOON, "--certificates", str(file), "--as", "anna"
    )
    service.done("feed", "refresh", "--as", "anna")

    assert "announce" in told
    assert "vouched for by" in announced
    assert "NO VOUCHER" not in announced
    [said] = read_feed((service.data / CURRENT).read_bytes()).announced
    voucher = x509.load_pem_x509_certificate(file.read_bytes())
    assert said.sha256 == root
    assert said.vouchers == (voucher.public_bytes(Encoding.DER),)
    assert "trust.vouch" in service.done("audit", "list")
    plan = service.done("trust", "plan")
    assert "planned to be used  [announced]" in plan


def test_a_ca_under_the_new_root_is_bridged_to_the_old_one(
    service: Service, keys: Keys, tmp_path: Path
) -> None:
    """Signers issued under it carry both certificates, and agents that pin the old root believe them."""
    root = keys.issued(Role.ROOT, "root2")
    asked = keys.request(Role.FEED_CA, None, "--organisation", DEVELOPMENT)
    keys.done("issue", asked, "--issuer", root[:16])
    ca = keys.named(Role.FEED_CA, "ready")

    file = tmp_path / "bridge.pem"
    vouch(service, ca, file)
    asked = keys.request(Role.FEED_SIGNER, None, "--organisation", DEVELOPMENT)
    keys.done("issue", asked, "--issuer", ca[:16])

    signer = keys.named(Role.FEED_SIGNER, "ready")
    with patch.dict(os.environ, service.environment, clear=True):
        facts = read_facts(read_settings())
    held = facts.keyring.find(signer)
    assert x509.load_pem_x509_certificate(file.read_bytes()) in held.chain
    assert len({spki_id(one.public_key()) for one in held.chain}) == len(held.chain) - 1
    drawn = json.loads(service.call("trust", "plan", "--use", signer[:16], "--on", NEXT, "--json").stdout)
    # Agents of today, and those that are set up next, pin the old root: the bridge leads there.
    assert drawn["switch"]["refusals"] == []


def test_without_a_bridge_or_an_announcement_the_switch_is_refused(service: Service, keys: Keys) -> None:
    """By the plan, months before; and the plan says whom it would strand."""
    root = keys.issued(Role.ROOT, "root2")
    asked = keys.request(Role.FEED_CA)
    keys.done("issue", asked, "--issuer", root[:16])
    ca = keys.named(Role.FEED_CA, "ready")
    asked = keys.request(Role.FEED_SIGNER)
    keys.done("issue", asked, "--issuer", ca[:16])
    signer = keys.named(Role.FEED_SIGNER, "ready")

    result = service.call("trust", "plan", "--use", signer[:16], "--on", NEXT)

    assert result.exit_code == 1
    assert "!! agents of 'published " in result.output
    assert "is not pinned here" in result.output


@pytest.mark.parametrize("issuer", ["itself", "0123456789"])
def test_what_cannot_vouch_is_refused(service: Service, keys: Keys, tmp_path: Path, issuer: str) -> None:
    """And no file is written."""
    made = keys.issued(Role.ROOT, "root2")
    file = tmp_path / "voucher.pem"
    by = made if issuer == "itself" else issuer

    result = service.call("trust", "vouch", made[:16], "--by", by, "--out", str(file), "--as", "anna")

    assert f"error [{'trust.bad_voucher' if issuer == 'itself' else 'key.unknown'}]" in result.output
    assert not file.exists()
