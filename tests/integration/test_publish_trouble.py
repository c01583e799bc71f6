"""What goes wrong at publishing, and that agents never see any of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from feedsrv.errors import FeedsrvError, OperatorError, RefusedProofError
from feedsrv.publishing.cycle import Signers
from feedsrv.publishing.records import VersionState
from feedsrv.publishing.refusals import (
    InWorkError,
    NotWhatWasApprovedError,
    PublishInProgressError,
    ShelfFullError,
    SignerEndedError,
)
from feedsrv.stores.database import StoreNotReadyError
from feedsrv.stores.shelf_files import FileShelf
from feedsrv.stores.sql import SqlStore
from feedsrv.trust.profile import Kind
from tests.pki import Pki
from tests.publisher import (
    CATALOGUE,
    House,
    cumulative_update,
    heartbeat,
    nothing,
    open_house,
    shared_pki,
    written,
)

# Stops after step 6 until it is told to go on.
SLOW_CHILD = """
import pathlib, sys
from tests.publisher import open_house

house = open_house(*map(pathlib.Path, sys.argv[1:3]))

def after(step):
    if step == 6:
        print("signed", flush=True)
        sys.stdin.readline()

print(*house.cycle(after).run(by="paula", at=house.now()).sentences, sep="; ", flush=True)
"""


def prepared(folder: Path) -> House:
    """A publisher with one mitigation published and one approved."""
    house = open_house(folder, shared_pki())
    house.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    house.bring(heartbeat())
    house.workflow.import_mitigation(written(), source="m.xml", by="anna")
    house.approve("M0001")
    return house


def close(house: House) -> None:
    """Let go of the database."""
    assert isinstance(house.store, SqlStore)
    house.store.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One mitigation is published and one approved."""
    house = prepared(tmp_path)
    yield house
    house.workflow.verify_audit()
    close(house)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for 2 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("missing on this machine: the right to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no room at all."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 512):
            pass
    return filler


def assert_old_feeds_are_whole(house: House) -> None:
    """Agents find version 1, and nothing of what failed."""
    house.prove_shelf()
    assert house.read_feed().version == 1
    assert [entry.id for entry in house.read_feed().entries] == ["PING1"]


def test_two_at_once_one_wins_and_the_other_says_so(house: House, tmp_path: Path, repository: Path) -> None:
    """The loser changes nothing, and the winner is not disturbed."""
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_CHILD, str(tmp_path), str(shared_pki())],
        cwd=repository,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as winner:
        assert winner.stdout is not None
        assert winner.stdout.readline() == "signed\n"

        with pytest.raises(PublishInProgressError, match="another publication is under way"):
            house.publish()
        with pytest.raises(PublishInProgressError):
            house.cycle().refresh(by="keeper", at=house.now())

        told, _ = winner.communicate("go on\n", timeout=60)

    assert winner.returncode == 0
    assert "published M0001 revision 1" in told
    house.prove_shelf()
    assert house.read_feed().version == 2


@pytest.mark.parametrize("step", [7, 8])
def test_a_full_disk_is_a_clean_refusal_and_the_next_run_completes(small_disk: Path, step: int) -> None:
    """Whether the new versions or the files that move did not fit, the old feeds stay current."""
    house = prepared(small_disk)
    fillers: list[Path] = []

    def fill_up(done: int) -> None:
        if done == step:
            fillers.append(fill(small_disk))

    with pytest.raises(ShelfFullError, match="free some space, then publish again"):
        house.cycle(fill_up).run(by="paula", at=house.now())

    assert_old_feeds_are_whole(house)
    fillers[0].unlink()

    house.publish()

    house.prove_shelf()
    assert [entry.id for entry in house.read_feed().entries] == ["M0001", "PING1"]
    house.workflow.verify_audit()
    close(house)


@pytest.mark.parametrize("step", [1, 4, 9])
def test_a_full_disk_under_the_database_leaves_a_whole_feed_too(small_disk: Path, step: int) -> None:
    """The intention or the outcome cannot be recorded; the next run has room again and completes."""
    house = prepared(small_disk)
    fillers: list[Path] = []

    def fill_up(done: int) -> None:
        if done == step:
            fillers.append(fill(small_disk))

    with pytest.raises(StoreNotReadyError, match="free some space"):
        house.cycle(fill_up).run(by="paula", at=house.now())
    fillers[0].unlink()
    assert house.read_feed().version == (2 if step == 9 else 1)

    house.publish()

    house.prove_shelf()
    assert house.read_feed().version == 2
    house.workflow.verify_audit()
    close(house)


@pytest.mark.parametrize(
    "bad", ["eku-absent", "eku-any", "eku-server-auth", "ca-eku-absent", "leaf-not-yet-valid", "ca-of-others"]
)
@pytest.mark.parametrize("kind", list(Kind))
def test_a_wrong_certificate_publishes_nothing(house: House, kind: Kind, bad: str) -> None:
    """Our own check is the agents' check, so what they would refuse never reaches the shelf."""
    pki = Pki(at=house.now())
    good = Signers(pki.signer(Kind.MITIGATION), pki.signer(Kind.FEED))
    signers = (
        replace(good, mitigation=pki.signer(kind, bad))
        if kind is Kind.MITIGATION
        else replace(good, feed=pki.signer(kind, bad))
    )
    policy = pki.policy(organisation=pki.organisation)

    with pytest.raises((RefusedProofError, OperatorError)):
        house.cycle(signers=signers, policy=policy).run(by="paula", at=house.now())

    assert_old_feeds_are_whole(house)
    assert house.shelf.get("v1/mitigations/M0001/1.xml") is None
    assert house.workflow.list_audit()[-1].verb == "abandon"


@pytest.mark.parametrize("kind", list(Kind))
def test_an_expired_key_is_named_before_anything_is_begun(house: House, kind: Kind) -> None:
    """The operator learns which one, since when, and what to do."""
    pki = Pki(at=house.now())
    good = Signers(pki.signer(Kind.MITIGATION), pki.signer(Kind.FEED))
    expired = pki.signer(kind, "leaf-expired")
    signers = replace(good, mitigation=expired) if kind is Kind.MITIGATION else replace(good, feed=expired)

    with pytest.raises(SignerEndedError, match=f"the {kind} signer .* ended on .* Renew its certificate"):
        house.cycle(signers=signers, policy=pki.policy()).run(by="paula", at=house.now())

    assert_old_feeds_are_whole(house)
    assert house.workflow.list_audit()[-1].verb == "approve"


def test_keys_that_agents_do_not_trust_publish_nothing(house: House) -> None:
    """A genuine signature under another root is refused like any other."""
    pki = Pki(at=house.now())
    signers = Signers(pki.signer(Kind.MITIGATION), pki.signer(Kind.FEED))

    with pytest.raises(RefusedProofError):
        house.cycle(signers=signers).run(by="paula", at=house.now())

    assert_old_feeds_are_whole(house)


def test_after_a_refusal_the_version_number_is_free_again(house: House) -> None:
    """Nothing had reached the shelf, so nothing is burnt."""
    pki = Pki(at=house.now())
    signers = Signers(pki.signer(Kind.MITIGATION), pki.signer(Kind.FEED))
    with pytest.raises(FeedsrvError):
        house.cycle(signers=signers).run(by="paula", at=house.now())

    house.publish()

    versions = house.workflow.feed_versions("exchange-2019", "production")
    assert [(one.number, one.state) for one in versions] == [
        (1, VersionState.PUBLISHED),
        (2, VersionState.PUBLISHED),
    ]


@pytest.mark.parametrize("touched", ["revision", "update"])
def test_what_changes_between_the_rules_and_the_intention_is_not_published(
    house: House, touched: str
) -> None:
    """What the rules looked at is what goes out, or nothing does."""
    update = cumulative_update(fixes=("CVE-2026-2000",))
    house.workflow.register_update(update, by="carl")
    house.workflow.release_update(update.product, update.build, by="carl")

    def touch(step: int) -> None:
        if step != 2:
            return
        if touched == "revision":
            house.workflow.return_("M0001", by="ben", reason="Second thoughts.")
        else:
            more = replace(update, fixes=(*update.fixes, "CVE-2026-3000"))
            house.workflow.register_update(more, by="carl")

    with pytest.raises(InWorkError, match="was changed while it was being published"):
        house.cycle(touch).run(by="paula", at=house.now())

    assert_old_feeds_are_whole(house)
    assert house.publish().recovered is None


def test_a_foreign_file_in_the_place_of_a_revision_is_never_published(house: House, tmp_path: Path) -> None:
    """Not overwritten, not signed around, and the operator is told where it lies."""
    path = tmp_path / "shelf/v1/mitigations/M0001/1.xml"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"<Mitigation/>")

    with pytest.raises(NotWhatWasApprovedError, match=r"v1/mitigations/M0001/1\.xml is on the shelf"):
        house.publish()

    assert path.read_bytes() == b"<Mitigation/>"
    assert_old_feeds_are_whole(house)


def test_a_genuine_revision_that_is_on_the_shelf_already_is_used_again(house: House, tmp_path: Path) -> None:
    """An earlier publication put it there and went no further; it is not signed a second time."""

    class FullAtFeeds(FileShelf):
        def put(self, path: str, data: bytes, *, at: datetime) -> None:
            if path.startswith("v1/feeds/"):
                raise ShelfFullError(path)
            super().put(path, data, at=at)

    with pytest.raises(ShelfFullError):
        house.cycle(nothing, shelf=FullAtFeeds(tmp_path / "shelf")).run(by="paula", at=house.now())
    before = (tmp_path / "shelf/v1/mitigations/M0001/1.xml").stat()
    with pytest.raises(InWorkError, match="is on its way"):
        house.workflow.return_("M0001", by="ben", reason="Its words are public by now.")

    house.publish()

    assert (tmp_path / "shelf/v1/mitigations/M0001/1.xml").stat().st_ino == before.st_ino
    house.prove_shelf()


def test_a_published_file_that_is_gone_holds_up_nothing_but_its_bundle(house: House, tmp_path: Path) -> None:
    """Everybody else's new protection goes out, feeds stay fresh, and people are told what to restore."""
    gone = tmp_path / "shelf/v1/mitigations/PING1/1.xml"
    saved = gone.read_bytes()
    bundle = tmp_path / "shelf/v1/bundles/exchange-2019/production.zip"
    before = bundle.read_bytes()
    gone.unlink()

    published = house.publish()
    refreshed = house.cycle().refresh(by="keeper", at=house.now(), force=True)

    assert house.read_feed().version == 3
    assert bundle.read_bytes() == before
    for outcome in (published, refreshed):
        assert any("PING1/1.xml" in one and "restore" in one for one in outcome.sentences)

    gone.write_bytes(saved)
    mended = house.cycle().refresh(by="keeper", at=house.now(), force=True)

    assert mended.held == ()
    assert bundle.read_bytes() != before
    house.prove_shelf()
