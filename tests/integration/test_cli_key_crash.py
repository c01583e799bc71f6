"""A key command is killed: nothing is lost, and the same command again finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from feedsrv.publishing.audit import verify_chain
from feedsrv.publishing.ports import Store
from feedsrv.publishing.trust_records import KeyStage
from feedsrv.signing.backends import open_key
from feedsrv.stores.database import open_database, upgrade
from feedsrv.stores.sql import SqlStore
from feedsrv.trust.profile import Role, spki_id
from tests.own_keys import KeyHouse

# Carries out a verb, and kills itself after `step`.
CHILD = """
import os, pathlib, signal, sys
from feedsrv.stores.database import open_database
from feedsrv.stores.sql import SqlStore
from feedsrv.trust.profile import Role
from tests.own_keys import KeyHouse

folder, step, verb, *words = sys.argv[1:]
folder = pathlib.Path(folder)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def after(done):
    if done == step:
        die()

store = SqlStore(open_database(f"sqlite:///{folder}/feedsrv.db"))
house = KeyHouse(folder, store, after=after)
if verb == "request":
    house.requested(Role.FEED_SIGNER)
elif verb == "revoke":
    house.desk.revoke(words[0], reason="key_compromise", by="anna")
elif verb == "import":
    data = pathlib.Path(words[0]).read_bytes()
    house.desk.import_([("a.pem", data)], by="anna", role=Role.ROOT, place=house.place("brought"))
"""


@pytest.fixture
def house(tmp_path: Path) -> KeyHouse:
    """A register on SQLite."""
    url = f"sqlite:///{tmp_path}/feedsrv.db"
    upgrade(url)
    return KeyHouse(tmp_path, SqlStore(open_database(url)))


def killed(house: KeyHouse, repository: Path, step: str, *words: str) -> None:
    """Carry out a verb in a process that kills itself after a step."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(house.folder), step, *words],
        cwd=repository,
        check=False,
        capture_output=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(repository)},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def assert_whole(store: Store) -> None:
    """The audit log's chain holds."""
    with store.look() as work:
        verify_chain(work.audit.entries())


def test_killed_between_key_and_record_the_same_request_again_takes_the_key_up(
    house: KeyHouse, repository: Path
) -> None:
    """The key in the place is the key of the record; there is no other."""
    killed(house, repository, "key made", "request")
    assert house.desk.list() == ()
    key = (house.folder / "feed-signer.key.pem").read_bytes()

    record = house.requested(Role.FEED_SIGNER)

    assert (house.folder / "feed-signer.key.pem").read_bytes() == key
    assert record.key == spki_id(open_key(house.place("feed-signer")).private_key.public_key())
    assert [one.stage for one in house.desk.list()] == [KeyStage.REQUESTED]
    assert_whole(house.store)


def test_killed_between_key_and_record_of_an_import_the_same_again_finishes(
    house: KeyHouse, repository: Path
) -> None:
    """What was brought is here once, and its key where it was told."""
    other = KeyHouse(house.folder / "other")
    other.folder.mkdir()
    root = other.issued(Role.ROOT)
    file = house.folder / "root.pem"
    key = (other.folder / "root.key.pem").read_bytes()
    file.write_bytes(key + other.desk.export(root.id, by="anna"))
    killed(house, repository, "key stored", "import", str(file))
    assert house.desk.list() == ()

    brought = house.desk.import_(
        [("a.pem", file.read_bytes())], by="anna", role=Role.ROOT, place=house.place("brought")
    )

    assert brought.record.certificate == root.certificate
    assert spki_id(open_key(house.place("brought")).private_key.public_key()) == root.key
    assert_whole(house.store)


@pytest.mark.parametrize("step", ["revocation saved", "list saved"])
@pytest.mark.parametrize("again", ["revoke", "keeper"])
def test_killed_while_revoking_the_same_again_or_the_keeper_finishes(
    house: KeyHouse, repository: Path, step: str, again: str
) -> None:
    """The revocation stands with its first date, and a list says so."""
    house.furnish()
    signer = house.desk.keyring().in_use(Role.FEED_SIGNER)[0]
    killed(house, repository, step, "revoke", signer.id)
    with house.store.look() as work:
        (known,) = work.revocations.of(house.desk.keyring().in_use(Role.FEED_CA)[0].key)
        assert len(work.revocations.lists()) == (1 if step == "list saved" else 0)

    if again == "revoke":
        assert house.desk.revoke(signer.id, reason="superseded", by="ben").revocation == known
    else:
        house.desk.renew_lists(by="keeper")

    with house.store.look() as work:
        (made,) = work.revocations.lists()
        assert work.revocations.of(known.issuer) == (known,)
    assert house.desk.unlisted([x509.load_der_x509_crl(made.der)]) == ()
    assert_whole(house.store)
