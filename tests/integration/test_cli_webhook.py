from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from tests.commands import Service
from tests.receiver import Receiver


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A service with an administrator, anna, whose webhooks may lie on this machine."""
    made = Service(tmp_path / "data", {"FEEDSRV_WEBHOOK_NETWORKS": "127.0.0.0/8"})
    made.done("db", "upgrade")
    made.done("user", "add", "anna", "--role", "administrator", "--no-password")
    return made


ANNA = ("--as", "anna")


def test_an_address_is_added_tried_and_removed(service: Service) -> None:
    """Standard output of the first is the key, which the receiver checks the signature of the second with."""
    with Receiver().serving() as receiver:
        key = service.done("webhook", "add", receiver.url(), "--kind", "mitigation.published", *ANNA).strip()
        said = service.done("webhook", "test", "1", *ANNA)

        [got] = receiver.received
        signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
        made = hmac.new(b64decode(key.removeprefix("whsec_")), signed, sha256).digest()
        assert got.headers["webhook-signature"] == f"v1,{b64encode(made).decode()}"
        assert said.startswith("webhook 1: answered 204")
        assert service.done("webhook", "key", "1", *ANNA).strip() == key
        assert "answered 204" in service.done("webhook", "log", "1", *ANNA)
        [listed] = json.loads(service.done("webhook", "list", "--json", *ANNA))
        assert (listed["url"], listed["kinds"]) == (receiver.url(), "mitigation.published")

    service.done("webhook", "remove", "1", *ANNA)
    assert "notices are sent nowhere" in service.done("webhook", "list", *ANNA)
    acts = service.done("audit", "list")
    for act in ("add", "secret", "test", "remove"):
        assert f"webhook-{act}" in acts
    assert key not in acts
    assert "team=1" not in acts


def test_a_test_that_is_not_taken_ends_with_one(service: Service) -> None:
    """So that a script can tell; it is not tried again."""
    with Receiver(status=500).serving() as receiver:
        service.done("webhook", "add", receiver.url(), *ANNA)

        result = service.call("webhook", "test", "1", *ANNA)

        assert result.exit_code == 1
        assert result.stdout.startswith("webhook 1: answered 500")
        assert "given up" in service.done("webhook", "log", "1", *ANNA)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("add", "https://10.0.0.1/"), "webhook.forbidden_address"),
        (("add", "http://169.254.169.254/latest/meta-data/"), "webhook.forbidden_address"),
        (("add", "https://[::ffff:10.0.0.1]/"), "webhook.forbidden_address"),
        (("add", "https://0x0a000001/"), "webhook.bad_url"),
        (("add", "http://93.184.215.14/"), "webhook.bad_url"),
        (("add", "file:///etc/passwd"), "webhook.bad_url"),
        (("add", "https://93.184.215.14/", "--kind", "mitigation.eaten"), "webhook.unknown_kind"),
        (("remove", "7"), "webhook.unknown"),
        (("test", "7"), "webhook.unknown"),
        (("key", "7"), "webhook.unknown"),
        (("log", "7"), "webhook.unknown"),
    ],
)
def test_refusals_are_one_sentence_with_a_code(service: Service, words: tuple[str, ...], code: str) -> None:
    """Nothing is added, and no key is printed."""
    result = service.call("webhook", *words, *ANNA)

    assert result.exit_code == 1
    assert f"error [{code}]" in result.stderr
    assert result.stdout == ""
    assert json.loads(service.done("webhook", "list", "--json", *ANNA)) == []


def test_networks_that_cannot_be_read_are_named(service: Service) -> None:
    """With the setting and the word."""
    wrong = Service(service.data, {"FEEDSRV_WEBHOOK_NETWORKS": "10.0.0.0/8 office"})

    result = wrong.call("webhook", "list", *ANNA)

    assert result.exit_code == 1
    assert "FEEDSRV_WEBHOOK_NETWORKS is '10.0.0.0/8 office'" in result.stderr


def test_only_administrators_see_addresses(service: Service) -> None:
    """They are often secrets in themselves."""
    service.done("user", "add", "ben", "--role", "author", "--no-password", *ANNA)

    for words in (("list",), ("add", "http://127.0.0.1/"), ("key", "1"), ("log", "1")):
        result = service.call("webhook", *words, "--as", "ben")
        assert "error [access.missing_role]" in result.stderr
