"""Two people decide at once, on a real database: one of them hears of the other, and nothing is torn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from feedsrv.errors import ConflictError, FeedsrvError, NotAllowedError
from feedsrv.model.feed import digest_of
from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.reading import tag_of
from feedsrv.publishing.workflow import Workflow
from feedsrv.stores.database import open_database, upgrade
from feedsrv.stores.sql import SqlStore
from tests.desk import SPAN, Desk, urgent
from tests.publisher import CATALOGUE, written

ROUNDS = 8

Act = Callable[[Workflow], object]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database with nothing in it."""
    url = f"sqlite:///{tmp_path}/feedsrv.db"
    upgrade(url)
    return url


@pytest.fixture
def desk(url: str) -> Iterator[Desk]:
    """A desk on it, with a catalogue."""
    store = SqlStore(open_database(url))
    desk = Desk(store)
    desk.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    yield desk
    store.close()


def at_once(url: str, desk: Desk, *acts: Act) -> list[object]:
    """Let each act at the same moment, on a connection of its own; gives results and refusals in order."""
    together = Barrier(len(acts))

    def run(act: Act) -> object:
        store = SqlStore(open_database(url))
        try:
            together.wait(30)
            return act(Desk(store, at=desk.at).workflow)
        except FeedsrvError as refusal:
            return refusal
        finally:
            store.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def refused(results: list[object]) -> list[FeedsrvError]:
    """The refusals among them."""
    return [one for one in results if isinstance(one, FeedsrvError)]


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_of_two_approvals_one_counts(url: str, desk: Desk, round_: int) -> None:
    """And it is written down once."""
    del round_
    digest = desk.bring(written()).revision.digest
    desk.workflow.submit("M0001", by="anna")

    results = at_once(
        url,
        desk,
        lambda workflow: workflow.approve("M0001", by="ben", digest=digest),
        lambda workflow: workflow.approve("M0001", by="carl", digest=digest),
    )

    (lost,) = refused(results)
    assert isinstance(lost, NotAllowedError)
    assert sum(" approve " in act for act in desk.acts()) == 1


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_an_approval_and_an_edit_never_come_to_an_approval_of_other_words(
    url: str, desk: Desk, round_: int
) -> None:
    """Whoever comes first; what is approved is what was read."""
    del round_
    digest = desk.bring(written()).revision.digest
    desk.workflow.submit("M0001", by="anna")

    at_once(
        url,
        desk,
        lambda workflow: workflow.approve("M0001", by="ben", digest=digest),
        lambda workflow: workflow.import_mitigation(written(title="Quickly"), source="m.xml", by="carl"),
    )

    found = desk.workflow.show_mitigation("M0001")
    assert (found.stage, found.approved_by) == (Stage.DRAFT, None)
    assert found.mitigation.title == "Quickly"


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_of_two_who_saw_the_same_one_decides(url: str, desk: Desk, round_: int) -> None:
    """The other is told that it has changed, whatever the two wanted."""
    del round_
    desk.bring(written())
    found = desk.workflow.submit("M0001", by="anna")
    seen = tag_of(found)

    results = at_once(
        url,
        desk,
        lambda workflow: workflow.approve("M0001", by="ben", digest=found.digest, seen=seen),
        lambda workflow: workflow.return_("M0001", by="carl", reason="Too broad.", seen=seen),
    )

    (lost,) = refused(results)
    assert isinstance(lost, ConflictError)
    assert lost.code == "publishing.changed_since"


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_countersigned_or_withdrawn_but_not_both(url: str, desk: Desk, round_: int) -> None:
    """Two keepers and a reviewer at the very moment when the time is up."""
    del round_
    digest = desk.bring(urgent()).revision.digest
    desk.break_glass()
    desk.publish()
    desk.at += SPAN

    results = at_once(
        url,
        desk,
        lambda workflow: workflow.countersign("M0001", by="ben", digest=digest),
        lambda workflow: workflow.withdraw_due(),
        lambda workflow: workflow.withdraw_due(),
    )

    assert refused(results) == []
    with desk.store.look() as work:
        assert work.revisions.at_stage(Stage.APPROVED) == ()
        published = work.revisions.published("M0001")
    assert published is not None
    assert published.break_glass is not None
    assert published.break_glass.countersigned_by == "ben"
    assert sum(" withdraw-unsigned " in act for act in desk.acts()) <= 1
    assert desk.alarms() == []


def test_what_is_kept_is_what_was_approved(desk: Desk) -> None:
    """By every field of a revision, on a real database."""
    desk.bring(urgent())
    broken = desk.break_glass()
    desk.publish()
    countersigned = desk.workflow.countersign("M0001", by="ben", digest=broken.digest)
    revised = desk.workflow.revise("M0001", by="carl", change="Signed anew.")
    desk.workflow.submit("M0001", by="carl")
    returned = desk.workflow.return_("M0001", by="ben", reason="Not yet.")

    with desk.store.look() as work:
        first, second = work.revisions.history("M0001")

    assert first == countersigned
    assert second == returned
    assert digest_of(second.unsigned) == second.digest == revised.digest
    assert second.returned is not None
    assert second.returned.reason == "Not yet."
