"""An emergency that meets a publication, or a backup: nobody's word is lost, and nobody's made up."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from feedsrv.publishing.hands import was_seen_by_two
from feedsrv.publishing.records import Revision
from feedsrv.stores.sql import SqlStore
from tests.desk import urgent
from tests.publisher import CATALOGUE, House, heartbeat, open_house, shared_pki


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A publisher with a heartbeat out."""
    house = open_house(tmp_path, shared_pki())
    house.workflow.import_catalogue(CATALOGUE, source="products.xml", by="root")
    house.bring(heartbeat())
    yield house
    close(house)


def close(house: House) -> None:
    """Let go of the database."""
    assert isinstance(house.store, SqlStore)
    house.store.close()


def break_glass(house: House) -> Revision:
    """Approve a mitigation alone."""
    found = house.workflow.import_mitigation(urgent(), source="m.xml", by="anna").revision
    return house.workflow.break_glass(
        "M0001", by="anna", digest=found.digest, incident="INC-7", reason="It is exploited."
    )


@pytest.mark.parametrize("step", [5, 7, 8, 9])
def test_whoever_countersigns_during_a_publication_has_countersigned(house: House, step: int) -> None:
    """Else the keeper would take it back, though two people stand for it."""
    digest = break_glass(house).digest

    def after(done: int) -> None:
        if done == step:
            house.workflow.countersign("M0001", by="ben", digest=digest)

    house.cycle(after).run(by="paula", at=house.now())

    published = house.workflow.show_mitigation("M0001")
    assert (published.stage, was_seen_by_two(published)) == ("published", True)
    assert published.break_glass is not None
    assert published.break_glass.countersigned_by == "ben"


def test_what_one_person_approved_goes_out_in_time_or_not_at_all(house: House) -> None:
    """Where no keeper came by, too; until a second person stands for it."""
    approved = break_glass(house)
    assert approved.break_glass is not None
    late = approved.break_glass.until

    held = house.cycle().run(by="paula", at=late)

    (sentence,) = held.held
    assert sentence.startswith("M0001 revision 1 was approved by anna alone, and nobody countersigned it")
    assert house.states() == {"PING1": "1 active"}
    house.workflow.countersign("M0001", by="ben", digest=approved.digest)
    house.cycle().run(by="paula", at=late)
    assert house.workflow.show_mitigation("M0001").stage == "published"


def test_a_publication_is_written_down_with_the_door(house: House) -> None:
    """Like every other act: at its beginning, and at its end."""
    break_glass(house)

    house.cycle(via="token 3 (ci)").run(by="paula", at=house.now())

    entries = house.workflow.list_audit()[-2:]
    assert [(one.verb, one.detail["via"]) for one in entries] == [
        ("begin", "token 3 (ci)"),
        ("publish", "token 3 (ci)"),
    ]


def test_what_a_backup_forgot_is_not_taken_for_two_peoples_word(house: House, tmp_path: Path) -> None:
    """The alarm is forgotten with it, so everybody is told that nobody knows who approved it."""
    close(house)
    shutil.copy(tmp_path / "feedsrv.db", tmp_path / "backup.db")
    later = open_house(tmp_path, shared_pki())
    break_glass(later)
    later.publish()
    close(later)
    for file in tmp_path.glob("feedsrv.db*"):
        file.unlink()
    shutil.copy(tmp_path / "backup.db", tmp_path / "feedsrv.db")

    restored = open_house(tmp_path, shared_pki())
    restored.publish()

    taken = restored.workflow.show_mitigation("M0001")
    with restored.store.look() as work:
        told = [one.sentence for one in work.notices.after(0, 100)]
    assert (taken.stage, was_seen_by_two(taken)) == ("published", False)
    assert told[-1].startswith(
        "M0001 revision 1 is published, as the shelf shows, but who approved it is for"
    )
    close(restored)
