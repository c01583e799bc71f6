"""The key commands on keys that never leave their place: a PKCS#11 token, and AWS KMS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from feedsrv.clock import now
from feedsrv.trust.opening import open_feed, open_mitigation
from feedsrv.trust.policy import TrustPolicy, load_anchors
from feedsrv.trust.profile import Role
from tests.commands import MITIGATIONS, Service
from tests.key_commands import Keys
from tests.modules import moto_kms, soft_token
from tests.pki import ORGANISATION


@dataclass(frozen=True)
class Modules:
    """A service, and places in a token and in KMS."""

    keys: Keys
    token: str
    kms: str


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Modules]:
    """Root and CAs in files, the mitigation key in a token, the feed key in KMS; all in use."""
    folder = tmp_path_factory.mktemp("modules")
    data = folder / "data"
    keys = Keys(Service(data, {"FEEDSRV_DEVELOPMENT_KEYS": str(data / "keys")}), folder)
    with soft_token(folder / "token") as token, moto_kms() as kms:
        found = Modules(keys, token.place("mitigation"), kms.place("alias/feed"))
        # The environment that the modules need goes on to the service's commands.
        keys.service.done("db", "upgrade")
        for role in (Role.ROOT, Role.MITIGATION_CA, Role.FEED_CA):
            keys.used(role)
        for role, place in ((Role.MITIGATION_SIGNER, found.token), (Role.FEED_SIGNER, found.kms)):
            keys.done(
                *("request", "--role", role.slug, "--organisation", ORGANISATION, "--place", place),
            )
            keys.done("issue", keys.named(role, "requested"))
            keys.done("use", keys.named(role, "ready"))
        yield found


def test_what_keys_in_modules_sign_is_believed(modules: Modules) -> None:
    """One mitigation and its feed, by the same commands as with keys in files."""
    service = modules.keys.service
    service.done("catalogue", "import", str(MITIGATIONS / "products.xml"), "--as", "alice")
    service.done("mitigation", "import", str(MITIGATIONS / "M0001.xml"), "--submit", "--as", "alice")
    service.approve("M0001")

    service.done("feed", "publish", "--as", "bob")

    shelf = service.data / "shelf/v1"
    policy = TrustPolicy(load_anchors((shelf / "trust/anchors.pem").read_bytes(), source="anchors"))
    feed = open_feed((shelf / "feeds/exchange-2019/production.xml").read_bytes(), policy, at=now()).feed
    document = (shelf / "mitigations/M0001/1.xml").read_bytes()
    assert open_mitigation(document, policy, at=now(), entry=feed.entry("M0001")).mitigation.id == "M0001"


def test_the_list_says_where_keys_live_and_no_secret(modules: Modules) -> None:
    """Module, token and key; service and alias."""
    places = {one["role"]: str(one["place"]) for one in modules.keys.list() if one["stage"] == "in use"}

    assert "PKCS#11 token" in places["mitigation-signer"]
    assert "AWS KMS alias/feed" in places["feed-signer"]
    assert "geheim" not in modules.keys.done("list") + modules.keys.service.done("audit", "list")


@pytest.mark.parametrize("role", [Role.MITIGATION_SIGNER, Role.FEED_SIGNER])
def test_a_key_of_a_module_does_not_leave_it(modules: Modules, role: Role, tmp_path: Path) -> None:
    """It was not made to; its certificates may."""
    word = tmp_path / "word"
    word.write_text("a passphrase")
    word.chmod(0o600)
    signer, out = modules.keys.named(role, "in use"), tmp_path / "out.pem"

    refused = modules.keys.call("export", signer, "--private", "--passphrase", str(word), "--out", str(out))

    assert refused.stderr.startswith("error [key.not_exportable]: "), refused.output
    assert not out.exists()
    assert "BEGIN CERTIFICATE" in modules.keys.done("export", signer)


@pytest.mark.parametrize("kind", ["token", "kms"])
def test_a_place_in_a_module_that_is_taken_stays_as_it_is(modules: Modules, kind: str) -> None:
    """The key in it may be certified again, and is never made anew."""
    place = modules.token if kind == "token" else modules.kms
    words = ("request", "--role", "feed-signer", "--organisation", ORGANISATION, "--place")

    refused = modules.keys.call(*words, place)

    assert refused.stderr.startswith("error [key.place_taken]: "), refused.output
