"""What is announced survives a killed publisher, and a database that was restored from a backup."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509

from feedsrv import clock
from feedsrv.model.feed import Feed
from feedsrv.publishing.announcing import AnnouncingDesk
from feedsrv.publishing.generations import PUBLISHED, GenerationsDesk, trust_of
from feedsrv.stores.sql import SqlStore
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import fingerprint
from tests.publisher import CATALOGUE, House, heartbeat, open_house, shared_pki, written
from tests.rotation import der, make_root

# Kills itself after step `step`.
CHILD: Final = """
import os, pathlib, signal, sys
from tests.publisher import open_house

folder, pki = map(pathlib.Path, sys.argv[1:3])
house = open_house(folder, pki)

def after(done):
    if done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

house.cycle(after).refresh(by="keeper", at=house.now())
"""
NOW: Final = clock.now()
ROOT: Final = make_root("Example Root 2", NOW).certificate
OTHER: Final = make_root("Example Root 3", NOW).certificate
LATER: Final = NOW + timedelta(days=400)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Version 1 is published, and a root is announced that no feed speaks of yet."""
    house = open_house(tmp_path, shared_pki())
    house.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    house.bring(heartbeat(), written())
    announce(house, ROOT)
    yield house
    close(house)


def announce(house: House, root: x509.Certificate, begins: datetime = LATER) -> None:
    """Announce a root, without a voucher."""
    desk = AnnouncingDesk(house.store, house.policy, now=house.now)
    desk.announce(fingerprint(root), (root,), begins=begins, by="anna")


def close(house: House) -> None:
    """Let go of the database."""
    assert isinstance(house.store, SqlStore)
    house.store.close()


def kill(folder: Path, repository: Path, step: int) -> None:
    """Refresh in a process that kills itself."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder), str(shared_pki()), str(step)],
        cwd=repository,
        check=False,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def roots_in(feed: Feed) -> list[bytes]:
    """What a feed announces."""
    return [one.certificate for one in feed.announced]


@pytest.mark.parametrize("step", range(1, 11))
def test_killed_after_a_step_every_feed_announces_it_in_the_end(
    house: House, tmp_path: Path, repository: Path, step: int
) -> None:
    """The old feed is current, or the new one; the next refresh finishes, or begins again."""
    kill(tmp_path, repository, step)
    assert roots_in(house.read_feed()) == ([] if step < 9 else [der(ROOT)])

    outcome = house.cycle().refresh(by="keeper", at=house.now())

    assert (outcome.recovered is not None) == (step in range(5, 10))
    for product in ("exchange-2019", "sfb-2019"):
        feed = house.read_feed(product)
        assert feed.version == 2
        assert roots_in(feed) == [der(ROOT)]
    house.prove_shelf()
    house.workflow.verify_audit()
    assert house.cycle().refresh(by="keeper", at=house.now()).feeds == ()


def test_what_was_announced_since_a_crash_is_said_by_the_next_version(
    house: House, tmp_path: Path, repository: Path
) -> None:
    """What was begun is finished as it was meant, and followed at once by what is meant now."""
    kill(tmp_path, repository, step=8)
    announce(house, OTHER)

    house.cycle().refresh(by="keeper", at=house.now())

    assert roots_in(house.read_feed(version=2)) == [der(ROOT)]
    assert house.read_feed().version == 3
    assert set(roots_in(house.read_feed())) == {der(ROOT), der(OTHER)}


def test_a_publication_carries_what_is_announced(house: House) -> None:
    """And what is taken back goes with the next refresh."""
    house.bring(written("M0002"))
    assert roots_in(house.read_feed()) == [der(ROOT)]
    desk = AnnouncingDesk(house.store, house.policy, now=house.now)

    desk.unannounce(fingerprint(ROOT), by="ben")
    house.cycle().refresh(by="keeper", at=house.now())

    assert roots_in(house.read_feed()) == []
    assert roots_in(house.read_feed(version=2)) == [der(ROOT)]


def test_a_restored_database_goes_on_announcing_what_agents_were_told(house: House, tmp_path: Path) -> None:
    """It learns it from the shelf, and drops what was taken back since the backup."""
    copy = tmp_path / "backup.db"
    with (
        closing(sqlite3.connect(tmp_path / "feedsrv.db")) as here,
        closing(sqlite3.connect(copy)) as there,
    ):
        here.backup(there)
    announce(house, OTHER)
    AnnouncingDesk(house.store, house.policy, now=house.now).unannounce(fingerprint(ROOT), by="ben")
    house.cycle().refresh(by="keeper", at=house.now())
    assert roots_in(house.read_feed()) == [der(OTHER)]
    close(house)
    for file in tmp_path.glob("feedsrv.db*"):
        file.unlink()
    shutil.copy(copy, tmp_path / "feedsrv.db")
    restored = open_house(tmp_path, shared_pki(), house.now)

    outcome = restored.cycle().refresh(by="keeper", at=house.now())

    assert outcome.recovered is not None
    assert f"announced root {fingerprint(OTHER)}" in outcome.recovered
    restored.cycle().refresh(by="keeper", at=house.now(), force=True)
    assert roots_in(restored.read_feed()) == [der(OTHER)]
    close(restored)


def test_what_was_published_to_pin_is_remembered_once_for_each_change(house: House) -> None:
    """By publications, and by a refresh that only exchanges the file of anchors."""
    desk = GenerationsDesk(house.store, now=house.now)
    [first] = desk.list()
    wider = TrustPolicy((*house.policy.anchors, ROOT), organisation="Example Software")

    house.cycle().refresh(by="keeper", at=house.now(), force=True)
    assert desk.list() == (first,)
    house.cycle(policy=wider, fixed_files={"v1/trust/anchors.pem": b"both"}).refresh(
        by="keeper", at=house.now()
    )

    assert first.name == f"published {first.since:%Y-%m-%d}"
    assert {one.note for one in desk.list()} == {PUBLISHED}
    [_, second] = desk.list()
    assert trust_of(second).anchors == wider.anchors
    assert second.organisation == "Example Software"
