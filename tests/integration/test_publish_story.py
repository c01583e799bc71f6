"""A publisher's days, from the first import to the last rollback: real signing, SQLite and files."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from feedsrv import clock
from feedsrv.model.build import Build
from feedsrv.model.feed import EntryState, digest_of
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import Status
from feedsrv.publishing.refusals import LintRefusedError, NotWhatWasApprovedError
from feedsrv.publishing.workflow import ImportOutcome
from feedsrv.stores.sql import SqlStore
from tests.publisher import (
    CATALOGUE,
    House,
    cumulative_update,
    heartbeat,
    open_house,
    shared_pki,
    written,
)

BUILD = Build.parse("15.2.1900.1")


@dataclass
class Watch:
    """A clock that the test turns."""

    time: datetime

    def __call__(self) -> datetime:
        """The time it shows."""
        return self.time


@pytest.fixture
def watch() -> Watch:
    """Now, to begin with."""
    return Watch(clock.now())


@pytest.fixture
def house(tmp_path: Path, watch: Watch) -> Iterator[House]:
    """A publisher with a catalogue and nothing published."""
    house = open_house(tmp_path, shared_pki(), watch)
    house.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    yield house
    assert isinstance(house.store, SqlStore)
    house.workflow.verify_audit()
    house.store.close()


class TestPublishing:
    """What goes out, and what stays as it was."""

    def test_what_was_approved_is_what_agents_open(self, house: House) -> None:
        """The first publication makes a feed for every product, each with the heartbeat."""
        outcome = house.bring(heartbeat(), written())

        assert outcome.revisions == (("M0001", 1), ("PING1", 1))
        assert [head.name for head in outcome.feeds] == ["exchange-2019/production", "sfb-2019/production"]
        assert house.states() == {"M0001": "1 active", "PING1": "1 active"}
        assert house.states("sfb-2019") == {"PING1": "1 active"}
        assert house.read_mitigation("M0001", 1) == house.workflow.show_mitigation("M0001").mitigation
        house.prove_shelf()

    def test_nothing_approved_means_nothing_published(self, house: House) -> None:
        """It is said, and nothing is made."""
        house.workflow.import_mitigation(written(), source="m.xml", by="anna")

        outcome = house.publish()

        assert outcome.nothing
        assert outcome.sentences == ("nothing to publish",)
        assert house.workflow.list_feeds() == ()

    def test_one_change_signs_one_mitigation_and_the_feeds_that_list_it(self, house: House) -> None:
        """The other product's feed keeps its version and its bytes."""
        house.bring(heartbeat(), written())
        other = house.shelf.get("v1/feeds/sfb-2019/production.xml")

        outcome = house.bring(written("M0002"))

        assert outcome.revisions == (("M0002", 1),)
        assert [(head.name, head.feed.version) for head in outcome.feeds] == [("exchange-2019/production", 2)]
        assert house.shelf.get("v1/feeds/sfb-2019/production.xml") == other

    def test_each_version_follows_on_the_one_before(self, house: House) -> None:
        """It names the digest of its bytes, and the old version stays where it was."""
        house.bring(written())
        first = house.shelf.get("v1/feeds/exchange-2019/production/1.xml")
        assert first is not None

        house.bring(written("M0002"))

        assert house.read_feed().version == 2
        assert house.read_feed().previous == digest_of(first)
        assert house.shelf.get("v1/feeds/exchange-2019/production/1.xml") == first
        assert house.shelf.get("v1/feeds/exchange-2019/production.xml") == house.shelf.get(
            "v1/feeds/exchange-2019/production/2.xml"
        )

    def test_a_new_product_gets_its_feed_with_its_heartbeat(self, house: House) -> None:
        """Agents refuse what does not name their product; an emergency does not wait for that."""
        house.bring(heartbeat())
        more = CATALOGUE.replace(
            b"</Catalogue>",
            b'<Product id="exchange-se" name="Exchange SE">'
            b'<Release build="15.2.2562.17" name="RTM" date="2025-07-01"/></Product></Catalogue>',
        )

        house.workflow.import_catalogue(more, source="products.xml", by="anna")
        before = house.publish()
        emergency = written(product="exchange-se", ranges='<Range introduced="15.2.2562.17"/>')
        first = house.bring(emergency)
        beat = heartbeat().replace(b"<ReviewWithin", b"<Change>For SE, too.</Change><ReviewWithin")
        named = b'<Affects product="exchange-se"><Range introduced="15.2.2562.17"/></Affects><Actions>'
        house.bring(beat.replace(b"<Actions>", named))

        assert before.sentences == (
            "nothing to publish",
            "the heartbeat of exchange-se waits for a revision of PING1 that names it",
        )
        assert [head.name for head in first.feeds] == ["exchange-se/production"]
        assert house.states("exchange-se") == {"M0001": "1 active", "PING1": "2 active"}
        assert house.publish().sentences == ("nothing to publish",)

    def test_a_superseded_mitigation_stays_in_the_feed_and_says_so(self, house: House) -> None:
        """Agents roll it back once its successor is in place."""
        house.bring(written())

        house.bring(written("M0002", supersedes="M0001"))

        assert house.states() == {"M0001": "1 superseded", "M0002": "1 active"}

    def test_an_exercise_stays_out_of_production(self, house: House) -> None:
        """Its channel has a feed of its own for its product, which holds production's entries, too."""
        house.bring(heartbeat(), written())

        outcome = house.bring(written("M0002", channel="preview"))

        assert [head.name for head in outcome.feeds] == ["exchange-2019/preview"]
        assert house.states() == {"M0001": "1 active", "PING1": "1 active"}
        assert house.states(channel="preview") == {
            "M0001": "1 active",
            "M0002": "1 active",
            "PING1": "1 active",
        }
        house.prove_shelf()

    def test_an_exercise_can_move_to_production(self, house: House) -> None:
        """And is then in both feeds."""
        house.bring(written("M0002", channel="preview"))

        house.bring(written("M0002", change="It has proved itself."))

        assert house.states() == house.states(channel="preview") == {"M0002": "2 active"}

    def test_rules_that_object_stop_everything(self, house: House) -> None:
        """Nothing is signed, and the findings are listed."""
        house.workflow.import_mitigation(written(supersedes="M0099"), source="m.xml", by="anna")
        house.approve("M0001")

        with pytest.raises(LintRefusedError, match="S8 M0001 revision 1") as refused:
            house.publish()

        assert [finding.code for finding in refused.value.findings] == ["S8"]
        assert [finding.code for finding in house.workflow.lint("M0001")] == ["S8"]
        assert house.workflow.list_feeds() == ()
        assert house.shelf.get("v1/mitigations/M0001/1.xml") is None

    @pytest.mark.parametrize("changed", ["words", "bytes"])
    def test_what_was_changed_in_the_database_is_never_signed(self, house: House, changed: str) -> None:
        """Approval names bytes; others are refused before any key is used, be it for a comment in them."""
        house.workflow.import_mitigation(written(), source="m.xml", by="anna")
        approved = house.approve("M0001")
        words = replace(approved.mitigation, title="Let everybody in")
        commented = approved.unsigned.replace(b"<Title>", b"<!-- let everybody in --><Title>")
        with house.store.begin() as work:
            work.revisions.save(
                replace(approved, mitigation=words)
                if changed == "words"
                else replace(approved, unsigned=commented)
            )

        with pytest.raises(NotWhatWasApprovedError, match="M0001 revision 1"):
            house.publish()

        assert house.workflow.list_audit()[-1].verb == "approve"
        assert house.shelf.get("v1/mitigations/M0001/1.xml") is None

    def test_importing_the_same_file_again_changes_nothing(self, house: House) -> None:
        """Not while it is a draft, not once it is published, and not after an update moved it on."""
        house.bring(written())
        house.workflow.register_update(cumulative_update(), by="carl")
        before = house.workflow.list_audit()

        again = house.workflow.import_mitigation(written(), source="m.xml", by="anna")
        catalogue = house.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")

        assert again.outcome is ImportOutcome.UNCHANGED
        assert catalogue.unchanged
        assert house.workflow.list_audit() == before

    def test_what_was_listed_once_stays_listed(self, house: House) -> None:
        """Even where support has ended and the newest revision no longer names the product."""
        other = b'<Affects product="sfb-2019"><Range introduced="7.0.2046.0"/></Affects><Actions>'
        house.bring(written().replace(b"<Actions>", other))
        ended = CATALOGUE.replace(b'Server 2019">', b'Server 2019" supportedUntil="2020-01-01">', 2)
        house.workflow.import_catalogue(ended, source="products.xml", by="anna")

        house.bring(written(change="Its support has ended."))

        assert house.states("sfb-2019") == {"M0001": "2 active"}


class TestTakingBack:
    """Withdrawal, and what time does."""

    def test_a_withdrawn_mitigation_stays_in_the_feed_as_withdrawn(self, house: House) -> None:
        """Agents roll it back wherever it is applied."""
        house.bring(written())
        house.workflow.withdraw("M0001", by="carl", reason="It breaks calendars.")
        house.approve("M0001")

        house.publish()

        assert house.states() == {"M0001": "2 withdrawn"}
        words = house.read_mitigation("M0001", 2)
        assert words.status is Status.WITHDRAWN
        assert words.change == "It breaks calendars."

    def test_a_feed_is_refreshed_once_a_third_of_its_time_is_over(self, house: House, watch: Watch) -> None:
        """The entries stay, no mitigation is signed, and what is approved waits for a publication."""
        house.bring(heartbeat(), written())
        house.workflow.import_mitigation(written("M0002"), source="m.xml", by="anna")
        house.approve("M0002")
        entries = house.read_feed().entries

        watch.time += timedelta(days=2)
        early = house.cycle().refresh(by="keeper", at=watch())
        watch.time += timedelta(hours=9)
        due = house.cycle().refresh(by="keeper", at=watch())

        assert early.nothing
        assert [head.feed.version for head in due.feeds] == [2, 2]
        assert due.revisions == ()
        assert house.read_feed().entries == entries
        assert house.read_feed().expires == watch() + timedelta(days=7)
        assert house.workflow.show_mitigation("M0002").stage is Stage.APPROVED

    def test_a_refresh_can_be_forced(self, house: House) -> None:
        """After a key was changed, for instance."""
        house.bring(heartbeat())

        outcome = house.cycle().refresh(by="keeper", at=house.now(), force=True)

        assert [head.feed.version for head in outcome.feeds] == [2, 2]


class TestBesideTheFeeds:
    """Lists, bundles and fixed files."""

    def test_the_lists_name_every_feed(self, house: House) -> None:
        """As JSON and as XML, alike."""
        house.bring(heartbeat(), written())

        listed = json.loads(house.shelf.get("v1/feeds/index.json") or b"")["feeds"]
        root = ET.fromstring(house.shelf.get("v1/feeds/index.xml") or b"")  # noqa: S314 -- our own

        assert [(one["product"], one["channel"], one["version"]) for one in listed] == [
            ("exchange-2019", "production", 1),
            ("sfb-2019", "production", 1),
        ]
        assert [dict(one.attrib) for one in root] == [
            {name: str(value) for name, value in one.items()} for one in listed
        ]
        assert listed[0]["digest"] == digest_of(house.shelf.get(f"v1/{listed[0]['href']}") or b"")

    def test_a_bundle_holds_all_that_an_agent_without_internet_needs(
        self, house: House, tmp_path: Path
    ) -> None:
        """The feed, every mitigation it lists, and what proves them, byte for byte."""
        house.bring(heartbeat(), written())

        with zipfile.ZipFile(tmp_path / "shelf/v1/bundles/exchange-2019/production.zip") as bundle:
            assert bundle.testzip() is None
            names = bundle.namelist()
            manifest = json.loads(bundle.read("manifest.json"))
            digests = {one["path"]: one["digest"] for one in manifest["files"]}
            for name in names[1:]:
                assert bundle.read(name) == house.shelf.get(name)
                assert digests[name] == digest_of(bundle.read(name))

        assert names == [
            "manifest.json",
            "v1/feeds/exchange-2019/production.xml",
            "v1/mitigations/M0001/1.xml",
            "v1/mitigations/PING1/1.xml",
            "v1/trust/anchors.pem",
        ]

    def test_a_fixed_file_is_exchanged_when_it_changes_and_left_alone_otherwise(
        self, house: House, tmp_path: Path
    ) -> None:
        """A renewed CRL is served though there is nothing to publish."""
        files = {"v1/trust/crls/root.crl": b"first"}
        house.cycle(fixed_files=files).run(by="paula", at=house.now())
        first = (tmp_path / "shelf/v1/trust/crls/root.crl").stat().st_ino

        house.cycle(fixed_files=files).run(by="paula", at=house.now())
        same = (tmp_path / "shelf/v1/trust/crls/root.crl").stat().st_ino
        house.cycle(fixed_files={"v1/trust/crls/root.crl": b"second"}).refresh(by="keeper", at=house.now())

        assert first == same
        assert house.shelf.get("v1/trust/crls/root.crl") == b"second"


def test_entry_states_are_what_agents_read() -> None:
    """The words in these tests are the words on the wire."""
    assert {state.value for state in EntryState} == {"active", "superseded", "withdrawn"}
