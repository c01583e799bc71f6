"""A backup is restored: versions count on from what agents saw, and nothing of it is forgotten."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from feedsrv import clock
from feedsrv.model.feed import digest_of
from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.refusals import StoreBehindError
from feedsrv.stores.sql import SqlStore
from feedsrv.trust.opening import TrustedFeed, open_feed
from tests.publisher import CATALOGUE, PRODUCT, House, heartbeat, open_house, shared_pki, written

CURRENT = f"v1/feeds/{PRODUCT}/production.xml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A publisher's: version 1 is published, with the heartbeat and M0001."""
    house = open_house(tmp_path, shared_pki())
    house.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    house.bring(heartbeat(), written())
    close(house)
    return tmp_path


@pytest.fixture
def house(folder: Path) -> Iterator[House]:
    """The same, at work."""
    house = open_house(folder, shared_pki())
    yield house
    close(house)


def close(house: House) -> None:
    """Let go of the database."""
    assert isinstance(house.store, SqlStore)
    house.store.close()


def back_up(folder: Path) -> Path:
    """Copy the database, as it is."""
    copy = folder / "backup.db"
    with closing(sqlite3.connect(folder / "feedsrv.db")) as here, closing(sqlite3.connect(copy)) as there:
        here.backup(there)
    return copy


def restore(house: House, folder: Path, backup: Path | None) -> House:
    """Put a backup in the place of the database; without one, the database is lost."""
    close(house)
    for file in folder.glob("feedsrv.db*"):
        file.unlink()
    if backup is not None:
        shutil.copy(backup, folder / "feedsrv.db")
    return open_house(folder, shared_pki(), house.now)


def test_an_older_database_catches_up_with_what_agents_saw(house: House, folder: Path) -> None:
    """The next version follows on the one on the shelf, and lists all that was published."""
    house.workflow.import_mitigation(written("M0002"), source="m.xml", by="anna")
    backup = back_up(folder)
    house.cycle().refresh(by="keeper", at=house.now(), force=True)
    house.approve("M0002")
    house.publish()
    house.bring(written(title="Better", change="Covers more."))
    seen = house.shelf.get(CURRENT)
    assert seen is not None
    assert house.read_feed().version == 4

    restored = restore(house, folder, backup)
    outcome = restored.bring(written("M0003"))

    assert outcome.recovered is not None
    assert "took over from it: " in outcome.recovered
    assert "feed exchange-2019/production version 4, M0001 revision 2" in outcome.recovered
    trusted = TrustedFeed(PRODUCT, "production", 4, digest_of(seen))
    feed = open_feed(
        restored.shelf.get(CURRENT) or b"", restored.policy, at=restored.now(), trusted=trusted
    ).feed
    assert feed.version == 5
    assert [(one.id, one.revision) for one in feed.entries] == [
        ("M0001", 2),
        ("M0002", 1),
        ("M0003", 1),
        ("PING1", 1),
    ]
    restored.prove_shelf()
    assert [one.verb for one in restored.workflow.list_audit()].count("catch up") == 2
    restored.workflow.verify_audit()
    adopted = restored.workflow.show_mitigation("M0002")
    assert (adopted.stage, adopted.author) == (Stage.PUBLISHED, "anna")
    assert restored.publish().sentences == ("nothing to publish",)
    close(restored)


def test_a_database_that_is_lost_is_made_anew_from_the_shelf(house: House, folder: Path) -> None:
    """Every feed that is listed there, other channels too; the catalogue comes from its file."""
    house.bring(written("M0002", channel="preview"))
    before = {(head.name, head.digest) for head in house.workflow.list_feeds()}

    restored = restore(house, folder, None)
    restored.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    outcome = restored.cycle().refresh(by="keeper", at=restored.now())

    assert outcome.recovered is not None
    assert {(head.name, head.digest) for head in restored.workflow.list_feeds()} == before
    assert restored.publish().sentences == ("nothing to publish",)
    restored.prove_shelf()
    close(restored)


def test_words_written_before_it_caught_up_are_named(house: House, folder: Path) -> None:
    """Their number was taken already, so their author writes them again, as the next revision."""
    backup = back_up(folder)
    house.bring(written(title="Better", change="Covers more."))

    restored = restore(house, folder, backup)
    other = written(title="Another way", change="Covers less.")
    restored.workflow.import_mitigation(other, source="m.xml", by="anna")
    outcome = restored.publish()

    assert outcome.recovered is not None
    assert "M0001 revision 2 in place of other words under way" in outcome.recovered
    assert restored.workflow.show_mitigation("M0001").mitigation.title == "Better"
    assert restored.bring(other).revisions == (("M0001", 3),)
    close(restored)


def test_an_expired_feed_on_the_shelf_counts_as_well(house: House, folder: Path) -> None:
    """Agents still trust nothing older."""
    backup = back_up(folder)
    house.cycle().refresh(by="keeper", at=house.now(), force=True)
    seen = house.shelf.get(CURRENT) or b""
    later = clock.now() + timedelta(days=8)

    restored = restore(house, folder, backup)
    outcome = restored.cycle().refresh(by="keeper", at=later)

    assert [head.feed.version for head in outcome.feeds] == [3, 3]
    assert outcome.feeds[0].feed.previous == digest_of(seen)
    close(restored)


def test_a_number_that_is_taken_on_the_shelf_is_passed_over(house: House, folder: Path) -> None:
    """Whatever lies there never became current, and stays."""
    stray = folder / "shelf/v1/feeds/exchange-2019/production/2.xml"
    stray.write_bytes(b"<from another time/>")

    house.bring(written("M0002"))
    house.cycle().refresh(by="keeper", at=house.now(), force=True)

    assert house.read_feed().version == 4
    assert stray.read_bytes() == b"<from another time/>"
    house.prove_shelf()


@pytest.mark.parametrize("damage", ["gone", "foreign"])
def test_what_cannot_be_taken_over_stops_the_publication(house: House, folder: Path, damage: str) -> None:
    """Going on without it would make it vanish from the feeds; the refusal names it."""
    backup = back_up(folder)
    house.bring(written("M0002"))
    path = folder / "shelf/v1/mitigations/M0002/1.xml"
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(house.shelf.get("v1/mitigations/M0001/1.xml") or b"")

    restored = restore(house, folder, backup)
    with pytest.raises(StoreBehindError, match=r"M0002 revision 1 cannot be taken over .* Restore a newer"):
        restored.publish()

    assert restored.read_feed().version == 2
    assert restored.workflow.list_feeds()[0].feed.version == 1
    close(restored)


@pytest.mark.parametrize("verb", ["publish", "refresh"])
def test_a_shelf_that_fell_behind_is_brought_up_to_date(house: House, folder: Path, verb: str) -> None:
    """The old feed is put back by a restore, or damaged; a new version takes its place."""
    old = (folder / "shelf" / CURRENT).read_bytes()
    house.bring(written("M0002"))
    (folder / "shelf" / CURRENT).write_bytes(old if verb == "publish" else b"<Feed/>")

    if verb == "publish":
        house.publish()
    else:
        house.cycle().refresh(by="keeper", at=house.now())

    feed = house.read_feed()
    assert feed.version == 3
    assert [one.id for one in feed.entries] == ["M0001", "M0002", "PING1"]
    house.prove_shelf()


def test_another_feed_in_the_place_of_one_is_not_taken_for_it(house: House, folder: Path) -> None:
    """Genuine as it is, and its version higher."""
    other = {"product": "sfb-2019", "ranges": '<Range introduced="7.0.2046.0"/>'}
    house.bring(written("M0002", **other))
    house.bring(written("M0003", **other))
    feeds = folder / "shelf/v1/feeds"
    shutil.copy(feeds / "sfb-2019/production.xml", feeds / "exchange-2019/production.xml")

    outcome = house.publish()

    assert outcome.recovered is None
    assert [(head.name, head.feed.version) for head in outcome.feeds] == [("exchange-2019/production", 2)]
    house.prove_shelf()


def test_an_intention_of_long_ago_does_not_turn_the_feeds_back(house: House, folder: Path) -> None:
    """The backup was taken while a publication was under way, which is finished and overtaken by now."""
    copies: list[Path] = []
    house.workflow.import_mitigation(written("M0002"), source="m.xml", by="anna")
    house.approve("M0002")

    def copy_after(step: int) -> None:
        if step == 8:
            copies.append(back_up(folder))

    house.cycle(copy_after).run(by="paula", at=house.now())
    house.bring(written("M0003"))
    assert house.read_feed().version == 3

    restored = restore(house, folder, copies[0])
    outcome = restored.bring(written("M0004"))

    assert outcome.recovered is not None
    assert "abandoned" in outcome.recovered
    assert restored.read_feed().version == 4
    assert [one.id for one in restored.read_feed().entries] == ["M0001", "M0002", "M0003", "M0004", "PING1"]
    restored.prove_shelf()
    close(restored)
