"""A publisher is killed: the old feeds stay current or the new ones are, and the next run mends it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from feedsrv.errors import ConflictError
from feedsrv.model.build import Build
from feedsrv.model.catalogue import UpdateStage
from feedsrv.model.feed import feed_path
from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.records import VersionState
from feedsrv.publishing.refusals import InWorkError
from feedsrv.stores.sql import SqlStore
from feedsrv.trust.opening import open_feed, open_mitigation
from tests.publisher import (
    CATALOGUE,
    PRODUCT,
    House,
    cumulative_update,
    heartbeat,
    open_house,
    shared_pki,
    written,
)

# Kills itself after step `step` (0 for never), at the `puts`-th file that never changes, or at the
# `moves`-th file that is exchanged.
CHILD = """
import os, pathlib, signal, sys
from tests.publisher import open_house

folder, pki = map(pathlib.Path, sys.argv[1:3])
step, puts, moves = map(int, sys.argv[3:])
house = open_house(folder, pki)
counts = {"link": puts, "replace": 0}

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def after(done):
    if done == step:
        die()
    if done == 8:
        counts["replace"] = moves

def counting(name, real):
    def call(*args, **kwargs):
        counts[name] -= 1
        if counts[name] == 0:
            die()
        return real(*args, **kwargs)
    return call

os.link = counting("link", os.link)
os.replace = counting("replace", os.replace)
house.cycle(after).run(by="paula", at=house.now())
"""

FEEDS = ((PRODUCT, "production"), ("sfb-2019", "production"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Version 1 is published; an update with what it causes, an emergency and a new heartbeat wait."""
    house = open_house(tmp_path, shared_pki())
    workflow = house.workflow
    workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    house.bring(heartbeat(), written())
    workflow.register_update(cumulative_update(), by="carl")
    house.approve("M0001")
    workflow.release_update(PRODUCT, Build.parse("15.2.1900.1"), by="carl")
    beat = heartbeat().replace(b"<ReviewWithin", b"<Change>Looked at again.</Change><ReviewWithin")
    for document in (written("M0002", vulnerability="CVE-2026-2000"), beat):
        imported = workflow.import_mitigation(document, source="m.xml", by="anna")
        house.approve(imported.revision.id)
    yield house
    assert isinstance(house.store, SqlStore)
    house.store.close()


def kill(tmp_path: Path, repository: Path, *, step: int = 0, puts: int = 0, moves: int = 0) -> None:
    """Publish in a process that kills itself."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), str(shared_pki()), str(step), str(puts), str(moves)],
        cwd=repository,
        check=False,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def versions_on_the_shelf(house: House) -> list[int]:
    """The version that each current feed is at, as an agent finds it: complete, whatever happened."""
    found = []
    for product, channel in FEEDS:
        document = house.shelf.get(f"v1/{feed_path(product, channel)}")
        assert document is not None
        feed = open_feed(document, house.policy, at=house.now()).feed
        for entry in feed.entries:
            mitigation = house.shelf.get(f"v1/{entry.href}")
            assert mitigation is not None, entry.href
            open_mitigation(mitigation, house.policy, at=house.now(), entry=entry, channel=channel)
        found.append(feed.version)
    return found


def assert_all_is_published(house: House) -> None:
    """Everything that waited is out, and everybody agrees on it."""
    house.prove_shelf()
    versions_on_the_shelf(house)
    workflow = house.workflow
    assert {(one.id, one.number, one.stage) for one in workflow.list_mitigations()} == {
        ("M0001", 2, Stage.PUBLISHED),
        ("M0002", 1, Stage.PUBLISHED),
        ("PING1", 2, Stage.PUBLISHED),
    }
    assert all(one.update.stage is UpdateStage.RELEASED for one in workflow.list_updates())
    entries = {entry.id: entry.revision for entry in house.read_feed().entries}
    assert entries == {"M0001": 2, "M0002": 1, "PING1": 2}
    for product, channel in FEEDS:
        bundle = house.shelf.get(f"v1/bundles/{product}/{channel}.zip")
        current = house.shelf.get(f"v1/{feed_path(product, channel)}")
        assert bundle is not None
        assert current is not None
        assert current in bundle
    workflow.verify_audit()
    assert house.publish().sentences == ("nothing to publish",)


@pytest.mark.parametrize("step", range(1, 11))
def test_killed_after_a_step_agents_find_the_old_feeds_or_the_new_and_the_next_run_ends_complete(
    house: House, tmp_path: Path, repository: Path, step: int
) -> None:
    """Up to step 8 the old ones are current; from step 9 on, the new ones."""
    kill(tmp_path, repository, step=step)

    assert versions_on_the_shelf(house) == ([1, 1] if step < 9 else [2, 2])
    house.workflow.verify_audit()

    outcome = house.publish()

    assert versions_on_the_shelf(house) == [2, 2]
    if step in {8, 9}:
        assert outcome.recovered is not None
        assert "finished" in outcome.recovered
    elif step in {5, 6, 7}:
        assert outcome.recovered is not None
        assert "abandoned" in outcome.recovered
    else:
        assert outcome.recovered is None
    assert_all_is_published(house)


@pytest.mark.parametrize("puts", range(1, 6))
def test_killed_while_files_are_put_on_the_shelf_nothing_that_was_put_changes(
    house: House, tmp_path: Path, repository: Path, puts: int
) -> None:
    """Three mitigations, then two feeds; a feed version that had reached the shelf is burnt."""
    kill(tmp_path, repository, puts=puts)
    put = {
        path.relative_to(tmp_path / "shelf"): path.read_bytes()
        for path in (tmp_path / "shelf/v1").rglob("*.xml")
        if path.stem.isdigit()
    }
    assert versions_on_the_shelf(house) == [1, 1]

    house.publish()

    assert {path: (tmp_path / "shelf" / path).read_bytes() for path in put} == put
    assert versions_on_the_shelf(house) == ([3, 2] if puts == 5 else [2, 2])
    states = [one.state for one in house.workflow.feed_versions(*FEEDS[0])]
    assert (VersionState.BURNT in states) == (puts == 5)
    assert_all_is_published(house)


@pytest.mark.parametrize("moves", [1, 2, 3, 4, 5, 7, 12])
def test_killed_while_files_are_exchanged_every_feed_is_whole_and_the_next_run_finishes(
    house: House, tmp_path: Path, repository: Path, moves: int
) -> None:
    """Each of the twelve is the old one or the new one, never half of either."""
    kill(tmp_path, repository, moves=moves)
    assert set(versions_on_the_shelf(house)) <= {1, 2}

    outcome = house.publish()

    assert outcome.recovered is not None
    assert "finished" in outcome.recovered
    assert versions_on_the_shelf(house) == [2, 2]
    assert_all_is_published(house)


def test_a_refresh_finishes_what_a_publication_began(house: House, tmp_path: Path, repository: Path) -> None:
    """The keeper comes by before any person does."""
    kill(tmp_path, repository, step=8)

    outcome = house.cycle().refresh(by="keeper", at=house.now())

    assert outcome.recovered is not None
    assert_all_is_published(house)


def test_what_is_on_its_way_cannot_be_edited(house: House, tmp_path: Path, repository: Path) -> None:
    """Its words may be public already; they are finished first."""
    kill(tmp_path, repository, step=8)

    with pytest.raises(InWorkError, match="is on its way"):
        house.workflow.import_mitigation(written("M0002", title="Other words"), source="m.xml", by="anna")
    with pytest.raises(ConflictError):
        house.workflow.return_("M0001", by="ben", reason="Second thoughts.")

    house.publish()
    assert_all_is_published(house)


def test_a_feed_that_was_damaged_on_the_shelf_is_not_finished_with(
    house: House, tmp_path: Path, repository: Path
) -> None:
    """What does not open as genuine never becomes current; its number is burnt."""
    kill(tmp_path, repository, step=8)
    path = tmp_path / "shelf/v1/feeds/exchange-2019/production/2.xml"
    path.write_bytes(path.read_bytes().replace(b'revision="2"', b'revision="1"', 1))

    outcome = house.publish()

    assert outcome.recovered is not None
    assert "abandoned" in outcome.recovered
    assert versions_on_the_shelf(house) == [3, 3]
    assert_all_is_published(house)
