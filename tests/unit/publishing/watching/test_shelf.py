"""Looking at a real shelf: by digest, as an agent would open it, with the database or without."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from feedsrv import clock
from feedsrv.model.feed import digest_of
from feedsrv.publishing.records import Head
from feedsrv.publishing.watching.seen import ShelfSeen
from feedsrv.publishing.watching.shelf import see_shelf
from feedsrv.trust.policy import TrustPolicy
from tests.pki import Pki
from tests.publisher import CATALOGUE, PRODUCT, House, heartbeat, open_house, shared_pki, written

FEED = f"v1/feeds/{PRODUCT}/production.xml"
M0001 = "v1/mitigations/M0001/1.xml"
PING1 = "v1/mitigations/PING1/1.xml"


@dataclass(frozen=True)
class Place:
    """A publisher with two mitigations out, and the folder of its shelf."""

    house: House
    folder: Path

    @property
    def heads(self) -> tuple[Head, ...]:
        """What the database says is current."""
        return self.house.workflow.list_feeds()

    def see(
        self,
        *,
        heads: tuple[Head, ...] | None = None,
        policy: TrustPolicy | None = None,
        at: datetime | None = None,
        thorough: bool = True,
    ) -> ShelfSeen:
        """Look at it."""
        return see_shelf(
            self.house.shelf,
            heads,
            policy,
            {"v1/trust/anchors.pem": self.house.pki.anchors.read_bytes()},
            at=at or clock.now(),
            thorough=thorough,
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A publisher on a disk."""
    house = open_house(tmp_path, shared_pki())
    house.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    house.bring(heartbeat(), written())
    return Place(house, tmp_path / "shelf")


def test_a_sound_shelf_is_right_in_everything(place: Place) -> None:
    """Two feeds, two mitigations, four documents opened."""
    seen = place.see(heads=place.heads, policy=place.house.policy)

    assert [one.name for one in seen.currents] == [f"{PRODUCT}/production", "sfb-2019/production"]
    assert all(one.current.is_right and one.kept.is_right for one in seen.currents)
    assert (seen.mitigations, seen.opened) == (2, 4)
    assert [*seen.astray, *seen.other_files, *seen.refused] == []


def test_a_hasty_look_opens_one_document_of_each_signer(place: Place) -> None:
    """What has not changed by a byte was proven when it was published."""
    seen = place.see(heads=place.heads, policy=place.house.policy, thorough=False)

    assert seen.opened == 3
    assert seen.refused == ()


def test_a_changed_byte_is_found_and_the_file_is_not_opened(place: Place) -> None:
    """In a mitigation, with its digest."""
    path = place.folder / M0001
    path.write_bytes(path.read_bytes().replace(b"No way in", b"No way on"))

    seen = place.see(heads=place.heads, policy=place.house.policy)

    assert [(one.path, one.found) for one in seen.astray] == [(M0001, digest_of(path.read_bytes()))]
    assert seen.opened == 3


def test_a_lost_file_is_found(place: Place) -> None:
    """A mitigation, and a current feed."""
    (place.folder / PING1).unlink()
    (place.folder / FEED).unlink()

    seen = place.see(heads=place.heads, policy=place.house.policy)

    assert [(one.path, one.found) for one in seen.astray] == [(PING1, None)]
    assert [one.current.found for one in seen.currents if one.name.startswith(PRODUCT)] == [None]


def test_files_of_trust_are_compared(place: Place) -> None:
    """Here the anchors."""
    (place.folder / "v1/trust/anchors.pem").write_bytes(b"others")

    seen = place.see(heads=place.heads, policy=place.house.policy)

    assert seen.other_files == ("v1/trust/anchors.pem",)


@pytest.mark.parametrize("thorough", [True, False])
def test_an_anchor_that_was_dropped_too_early_is_found(place: Place, thorough: bool) -> None:
    """Mitigations signed under it would be refused by whoever pins what is in force now."""
    others = TrustPolicy((Pki().anchor(),))

    seen = place.see(heads=place.heads, policy=others, thorough=thorough)

    about = {one.path: one for one in seen.refused}
    assert about[M0001].code == about[PING1].code == "trust.anchor_unknown"
    assert about[M0001].is_about_trust
    assert about[M0001].is_active
    assert not about[FEED].is_about_trust


def test_a_signer_that_has_ended_since_is_no_matter_of_the_policy(place: Place) -> None:
    """The documents of years ago, seen later."""
    later = clock.now() + timedelta(days=800)

    seen = place.see(heads=place.heads, policy=place.house.policy, at=later)

    refused = {one.path: one for one in seen.refused}
    assert refused[M0001].code == "trust.certificate_expired"
    assert not refused[M0001].is_about_trust


def test_an_expired_feed_is_not_refused_here(place: Place) -> None:
    """Its age is told by a check of its own."""
    later = clock.now() + timedelta(days=8)

    assert place.see(heads=place.heads, policy=place.house.policy, at=later).refused == ()


def test_without_a_database_the_shelfs_own_list_is_followed(place: Place) -> None:
    """As far as its feeds are genuine."""
    seen = place.see(heads=None, policy=place.house.policy)

    assert seen.heads == place.heads
    assert seen.mitigations == 2


def test_a_list_that_is_garbage_names_no_feeds(place: Place) -> None:
    """It is not signed, and may say anything."""
    for garbage in (b"{", b"[]", b'{"feeds": [{"product": "../..", "channel": "x"}]}', b'{"feeds": 7}'):
        (place.folder / "v1/feeds/index.json").write_bytes(garbage)

        assert place.see(heads=None, policy=place.house.policy).heads == ()


def test_without_a_policy_digests_are_compared_all_the_same(place: Place) -> None:
    """Keys that are away leave the shelf to be looked at."""
    (place.folder / M0001).unlink()

    seen = place.see(heads=place.heads, policy=None)

    assert [one.path for one in seen.astray] == [M0001]
    assert seen.opened == 0


def test_a_mitigation_that_two_feeds_list_is_looked_at_once(place: Place) -> None:
    """The heartbeat is in both; one that is active anywhere counts as active."""
    listed = [entry.href for head in place.heads for entry in head.feed.entries]

    seen = place.see(heads=place.heads, policy=place.house.policy)

    assert len(listed) == 3
    assert seen.mitigations == 2
