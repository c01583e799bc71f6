"""Keys at the desk of a real service: whose act it is, by which door, and that a list is out at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.x509 import load_der_x509_crl

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.people_records import CONSOLE, Principal
from feedsrv.publishing.permits import MissingRoleError
from feedsrv.settings import Settings
from feedsrv.stores.database import open_database
from feedsrv.stores.sql import SqlStore
from feedsrv.web.desk import Desk
from feedsrv.wsgi.private import open_private_desk
from tests.commands import new_service
from tests.publisher import shared_pki

ADA = Principal("ada", frozenset({Role.ADMINISTRATOR}), CONSOLE)
PIA = Principal("pia", frozenset({Role.PUBLISHER}), "token 3 (ci)")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a service that has published, with keys that are its own to revoke."""
    data = new_service(tmp_path).data
    shutil.copytree(shared_pki(), tmp_path / "keys")
    return Settings(data=data, development_keys=tmp_path / "keys")


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    """Its desk."""
    store = SqlStore(open_database(settings.database))
    yield open_private_desk(settings, store)
    store.close()


def signer(desk: Desk) -> tuple[str, int]:
    """Fingerprint and serial number of the feed signer."""
    held = next(one for one in desk.keys(ADA).keyring().keys if one.role.slug == "feed-signer")
    return held.id, held.chain[0].serial_number


def test_what_an_administrator_revokes_is_on_a_list_that_agents_can_have_at_once(
    desk: Desk, settings: Settings
) -> None:
    """Somebody holds that key at this moment; the next publication may be an hour away."""
    fingerprint, serial = signer(desk)

    done = desk.keys(ADA).revoke(fingerprint, reason="key_compromise", by="ada")

    assert done.made is not None
    assert desk.publish_lists()
    lists = [load_der_x509_crl(file.read_bytes()) for file in settings.shelf_folder.rglob("*.crl")]
    assert any(one.get_revoked_certificate_by_serial_number(serial) for one in lists)
    newest = desk.workflow(ADA).list_audit()
    said = next(one for one in reversed(newest) if one.verb == "key.revoke")
    assert (said.actor, said.detail["via"]) == ("ada", CONSOLE)


def test_nobody_else_touches_a_key_by_whatever_door(desk: Desk) -> None:
    """The register asks itself, so that no page or operation can forget to."""
    fingerprint, _ = signer(desk)

    with pytest.raises(MissingRoleError):
        desk.keys(PIA).revoke(fingerprint, reason="superseded", by="pia")
    with pytest.raises(MissingRoleError):
        desk.keys(PIA).use(fingerprint, by="pia")
    with pytest.raises(MissingRoleError):
        desk.keys(PIA).retire(fingerprint, by="pia")
