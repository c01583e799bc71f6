"""Stolen keys and revocation lists: what a thief, a mirror and time can do to an agent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.agent.bundle import BundleSource
from feedsrv.agent.grounds import Ground
from feedsrv.agent.revocations import CrlShelf
from feedsrv.trust.profile import Kind
from feedsrv.trust.revocation import crl_issued_by
from tests.pki import Pki, TestSigner
from tests.simulator import Simulator
from tests.unit.agent.making import AT, mitigation, pool
from tests.unit.agent.world import World, codes

NAME = "feedsrv M0001.A1 PowerShell - inbound"
SECOND = {"common_name": "second feed signer", "key_name": "second-feed-leaf"}
HIGH = 999_999_999
NEWER = timedelta(hours=-12)


@pytest.fixture
def publisher() -> Iterator[Simulator]:
    """A publisher on loopback, with a feed and its revocation lists."""
    with Simulator(Pki(at=AT), AT).serving() as simulator:
        simulator.put_crls()
        simulator.publish(mitigation(), version=7)
        yield simulator


@pytest.fixture
def world(tmp_path: Path, publisher: Simulator) -> World:
    """An agent that trusts feed 7."""
    world = World(tmp_path / "home", publisher)
    assert codes(world.sync()) == []
    return world


def revoke_the_feed_key(publisher: Simulator) -> None:
    """The publisher revokes its key as of twelve hours ago, and signs with another one from now on."""
    stolen = publisher.pki.signer(Kind.FEED).chain[0].serial_number
    publisher.put_crls(revoked=(stolen,), begins=NEWER)
    publisher.signers[Kind.FEED] = publisher.pki.signer(Kind.FEED, leaf=SECOND)


def version_of(world: World) -> int:
    """The feed that is trusted."""
    (memory,) = world.state.feeds.values()
    return memory.version


def serve_list(publisher: Simulator, crl: x509.CertificateRevocationList, name: str = "feed") -> None:
    """Offer this list in place of the feed CA's."""
    publisher.files[f"/v1/trust/crls/{name}.crl"] = crl.public_bytes(Encoding.DER)


class TestAThiefOfTheFeedKey:
    """Signs one version so high that every genuine feed looks old."""

    @pytest.fixture(autouse=True)
    def _robbed(self, world: World, publisher: Simulator) -> None:
        """The agent has taken the thief's feed, and refuses what the publisher issues next."""
        genuine = publisher.publish(mitigation(), version=HIGH)
        assert codes(world.sync()) == []  # its signature is genuine
        publisher.put_feed(replace(genuine, version=8))
        assert codes(world.sync()) == ["feed.stale"]
        assert version_of(world) == HIGH

    def test_is_overcome_at_the_next_sync_once_the_key_is_revoked(
        self, world: World, publisher: Simulator
    ) -> None:
        """No administrator does anything: revoke, publish 8 by a new key, and every agent goes on."""
        revoke_the_feed_key(publisher)
        publisher.publish(mitigation(), mitigation("M0002", actions=(pool(),)), version=8)

        done = world.sync()

        assert codes(done) == []
        assert version_of(world) == 8
        assert world.host.stopped == {"MSExchangeECPAppPool"}

    def test_cannot_bring_back_a_feed_from_before(self, world: World, publisher: Simulator) -> None:
        """The floor falls for what was issued since the key was revoked, not for what somebody has kept."""
        revoke_the_feed_key(publisher)
        publisher.publish(
            mitigation(), version=6, issued=AT - timedelta(days=2), expires=AT + timedelta(days=5)
        )

        done = world.sync()

        assert codes(done) == ["feed.stale", "trust.revoked_since"]
        assert world.host.names() == {NAME}

    def test_loses_the_feed_at_once_though_no_other_has_come(
        self, world: World, publisher: Simulator
    ) -> None:
        """Nothing is begun by what the revoked key signed; what is applied stays."""
        stolen = publisher.pki.signer(Kind.FEED).chain[0].serial_number
        publisher.put_crls(revoked=(stolen,), begins=NEWER)

        done = world.sync()
        said = world.standing().detail
        world.install("15.2.221.12")
        again = world.sync()

        assert "trust.revoked_since" in codes(done)
        assert said == "no feed that is trusted here names it; it is kept"
        assert "trust.revoked_since" in codes(again)
        assert world.host.names() == {NAME}

    def test_keeps_the_floor_where_only_a_forged_list_revokes(
        self, world: World, publisher: Simulator
    ) -> None:
        """Otherwise anybody could have a server accept old feeds again."""
        stolen = publisher.pki.signer(Kind.FEED).chain[0].serial_number
        forged = publisher.pki.crl(revoked=(stolen,), begins=timedelta(), signed_by=("stranger", "rsa2048"))
        serve_list(publisher, forged)
        publisher.signers[Kind.FEED] = publisher.pki.signer(Kind.FEED, leaf=SECOND)
        publisher.publish(mitigation(), version=8)

        done = world.sync()

        assert codes(done) == ["feed.stale", "agent.crl_forged"]
        assert version_of(world) == HIGH


@pytest.mark.parametrize("is_revoked", [True, False], ids=["key revoked", "root stolen"])
def test_a_thief_under_a_root_that_is_pinned_no_longer_has_not_the_last_word(
    world: World, publisher: Simulator, is_revoked: bool
) -> None:
    """Whoever stole a root is shut out by other anchors alone, and so is the version that he signed."""
    publisher.publish(mitigation(), version=HIGH)
    assert codes(world.sync()) == []
    if is_revoked:
        revoke_the_feed_key(publisher)
    (root, signers) = next_line(publisher.pki)
    (world.home / "next.pem").write_bytes(root.public_bytes(Encoding.PEM))
    world.tell(anchors=("next.pem",))
    publisher.signers.update(signers)
    publisher.publish(mitigation(revision=2), version=9)

    done = world.sync()

    assert codes(done) == []
    assert version_of(world) == 9


def test_another_root_beside_the_one_that_was_used_lowers_no_floor(
    world: World, publisher: Simulator
) -> None:
    """A feed from before by the other line is a feed from before."""
    (root, signers) = next_line(publisher.pki)
    (world.home / "next.pem").write_bytes(root.public_bytes(Encoding.PEM))
    world.tell(anchors=("root.pem", "next.pem"))
    publisher.signers.update(signers)
    publisher.publish(mitigation(), version=6)

    done = world.sync()

    assert codes(done) == ["feed.stale"]
    assert version_of(world) == 7


def next_line(pki: Pki) -> tuple[x509.Certificate, dict[Kind, TestSigner]]:
    """The root that comes after the pinned one, and signers under it alone."""
    root = {"common_name": "next root", "key_name": "next-root"}
    signers = {
        kind: pki.signer(
            kind, root=root, ca={"key_name": f"next-{kind}-ca"}, leaf={"key_name": f"next-{kind}-leaf"}
        )
        for kind in Kind
    }
    return pki.certificates(Kind.FEED, None, root=root)["root"], signers


def test_a_fallen_floor_gives_no_way_below_a_revision_that_is_held(
    world: World, publisher: Simulator
) -> None:
    """A mitigation has a floor of its own, which nobody's revocation lowers."""
    publisher.publish(mitigation(revision=2), version=HIGH)
    world.sync()
    revoke_the_feed_key(publisher)
    publisher.publish(mitigation(revision=1), version=8)

    done = world.sync()

    assert codes(done) == ["mitigation.older_revision"]
    assert version_of(world) == 8
    assert world.state.applied["M0001"].revision == 2


def test_a_revoked_mitigation_key_begins_nothing_more(world: World, publisher: Simulator) -> None:
    """What it signed and this server holds is not applied any more; what is applied stays."""
    publisher.publish(mitigation(), mitigation("M0002", actions=(pool(),)), version=8, rollout={"M0002": 0})
    world.sync()
    revoked = publisher.pki.signer(Kind.MITIGATION).chain[0].serial_number
    publisher.put_crls(revoked=(revoked,), begins=NEWER)
    publisher.publish(mitigation(), mitigation("M0002", actions=(pool(),)), version=9)

    done = world.sync()

    assert codes(done) == ["trust.revoked_since", "trust.revoked_since"]
    assert world.host.names() == {NAME}
    assert world.host.stopped == set()


def test_a_new_revision_by_a_new_key_takes_over_from_a_revoked_one(
    world: World, publisher: Simulator
) -> None:
    """So the publisher mends it without anybody at the servers."""
    revoked = publisher.pki.signer(Kind.MITIGATION).chain[0].serial_number
    publisher.put_crls(revoked=(revoked,), begins=NEWER)
    second = {"common_name": "second mitigation signer", "key_name": "second-mitigation-leaf"}
    publisher.signers[Kind.MITIGATION] = publisher.pki.signer(Kind.MITIGATION, leaf=second)
    publisher.publish(mitigation(revision=2), version=8)

    done = world.sync()

    assert codes(done) == []
    assert world.state.applied["M0001"].revision == 2


class TestRevocationLists:
    """Stale, forged, re-keyed, and brought by hand."""

    def test_a_list_that_ended_while_the_agent_was_off_is_replaced(
        self, world: World, publisher: Simulator
    ) -> None:
        """The first sync after two months fetches the new one, and refuses nothing."""
        publisher.put_crls(begins=NEWER, ends=timedelta(days=90))
        publisher.publish(mitigation(), version=8, expires=AT + timedelta(days=61))

        done = world.sync(at=AT + timedelta(days=60))

        assert codes(done) == []

    def test_an_ended_list_refuses_what_is_new_and_keeps_what_is_applied(
        self, world: World, publisher: Simulator
    ) -> None:
        """And is told before anything new is refused."""
        later = AT + timedelta(days=40)
        unchanged = world.sync(at=AT + timedelta(days=31))
        publisher.publish(
            mitigation(), mitigation("M0002", actions=(pool(),)), version=8, expires=later + timedelta(days=1)
        )

        done = world.sync(at=later)

        assert "agent.crl_ended" in codes(unchanged)
        assert {"trust.crl_stale", "agent.crl_ended"} <= set(codes(done))
        assert world.host.names() == {NAME}
        assert world.host.stopped == set()

    def test_a_forged_list_of_a_mirror_shuts_nobody_off(self, world: World, publisher: Simulator) -> None:
        """It is told, not kept, and the genuine list that is held goes on counting."""
        serve_list(publisher, publisher.pki.crl(begins=timedelta(), signed_by=("stranger", "rsa2048")))
        publisher.publish(mitigation(), mitigation("M0002", actions=(pool(),)), version=8)

        done = world.sync()

        assert codes(done) == ["agent.crl_forged"]
        assert world.host.stopped == {"MSExchangeECPAppPool"}
        issuers = [publisher.pki.signer(kind).chain[1] for kind in Kind]
        kept = CrlShelf(world.home).all()
        assert all(any(crl_issued_by(crl, issuer) for issuer in issuers) for crl in kept)

    def test_nonsense_among_the_lists_takes_nothing_from_the_others(
        self, world: World, publisher: Simulator
    ) -> None:
        """A revocation counts though the file before it is none."""
        revoke_the_feed_key(publisher)
        del publisher.signers[Kind.FEED]
        names = ["trust/crls/nonsense.crl", *json.loads(publisher.files["/v1/trust/policy.json"])["crls"]]
        publisher.files["/v1/trust/policy.json"] = json.dumps({"crls": names}).encode()
        publisher.files["/v1/trust/crls/nonsense.crl"] = b"nonsense"
        publisher.publish(mitigation(), version=8)

        done = world.sync()

        assert codes(done) == ["trust.crl_unreadable", "trust.signer_revoked", "trust.revoked_since"]

    def test_a_ca_with_a_new_key_under_its_old_name_loses_no_list(
        self, world: World, publisher: Simulator
    ) -> None:
        """The list of the old key still revokes what that signed, and the new key has its own."""
        revoked = publisher.pki.signer(Kind.FEED).chain[0].serial_number
        publisher.put_crls(revoked=(revoked,), begins=NEWER)
        publisher.signers[Kind.FEED] = publisher.pki.signer(
            Kind.FEED, ca={"key_name": "second-feed-ca"}, leaf=SECOND
        )
        renewed = publisher.pki.crl(begins=timedelta(), ca={"key_name": "second-feed-ca"})
        names = ["trust/crls/second.crl", *json.loads(publisher.files["/v1/trust/policy.json"])["crls"]]
        publisher.files["/v1/trust/policy.json"] = json.dumps({"crls": names}).encode()
        serve_list(publisher, renewed, "second")
        publisher.publish(mitigation(), version=8)
        taken = world.sync()
        del publisher.signers[Kind.FEED]
        publisher.publish(mitigation(), version=9)

        refused = world.sync()

        assert codes(taken) == []
        assert codes(refused) == ["trust.signer_revoked"]
        feed_lists = [crl for crl in CrlShelf(world.home).all() if crl.issuer == renewed.issuer]
        assert len(feed_lists) == 2

    def test_an_older_genuine_list_does_not_undo_a_newer(self, world: World, publisher: Simulator) -> None:
        """Whoever replays lists gains nothing, and is no forger either."""
        serve_list(publisher, publisher.pki.crl(begins=timedelta(days=-20)))
        publisher.publish(mitigation(), version=8)

        done = world.sync()

        assert codes(done) == []
        newest = max(crl.last_update_utc for crl in CrlShelf(world.home).all())
        assert newest == AT - timedelta(days=1)

    @pytest.mark.parametrize(
        "partial",
        [
            x509.DeltaCRLIndicator(3),
            x509.IssuingDistributionPoint(
                full_name=None,
                relative_name=None,
                only_contains_user_certs=False,
                only_contains_ca_certs=True,
                only_some_reasons=None,
                indirect_crl=False,
                only_contains_attribute_certs=False,
            ),
        ],
        ids=["delta", "partial"],
    )
    def test_a_partial_list_takes_not_the_place_of_the_complete_one(
        self, world: World, publisher: Simulator, partial: x509.ExtensionType
    ) -> None:
        """The CA signs both: what the complete one revokes stays revoked, and nobody is shut off."""
        stolen = publisher.pki.signer(Kind.FEED).chain[0].serial_number
        publisher.put_crls(revoked=(stolen,), begins=NEWER)
        publisher.publish(mitigation(), version=6, issued=AT - timedelta(days=1))
        assert "trust.revoked_since" in codes(world.sync())
        serve_list(publisher, publisher.pki.crl(begins=timedelta(hours=-1), extra=[(partial, True)]))

        done = world.sync()
        later = world.sync_from(None)

        assert "agent.crl_unfit" in codes(done)
        assert codes(later) == ["trust.revoked_since"]

    def test_a_list_of_a_clock_far_ahead_keeps_no_later_one_out(
        self, world: World, publisher: Simulator
    ) -> None:
        """It is told, and gone as soon as the publisher serves a right one."""
        publisher.put_crls(begins=timedelta(days=300), ends=timedelta(days=330))
        publisher.publish(mitigation(revision=2), version=8)

        early = world.sync()
        publisher.put_crls(begins=NEWER)
        publisher.publish(mitigation(revision=3), version=9)
        done = world.sync()

        assert codes(early) == ["agent.crl_unfit", "agent.crl_unfit"]
        assert codes(done) == []
        assert world.state.known["M0001"].revision == 3

    def test_a_bundle_brings_a_newer_list_beside_a_feed_that_is_known(
        self, world: World, publisher: Simulator, tmp_path: Path
    ) -> None:
        """A server without internet learns of a revocation by the file that somebody carries."""
        revoked = publisher.pki.signer(Kind.FEED).chain[0].serial_number
        serve_list(publisher, publisher.pki.crl(begins=timedelta(), revoked=(revoked,)))
        (tmp_path / "b.zip").write_bytes(publisher.bundle())

        with closing(BundleSource(tmp_path / "b.zip")) as bundle:
            done = world.sync_from(bundle)

        assert codes(done) == ["trust.signer_revoked", "trust.revoked_since"]
        assert world.host.names() == {NAME}

    def test_a_list_kept_by_an_earlier_version_still_counts(self, world: World, publisher: Simulator) -> None:
        """It lay under its issuer's name alone; the next one of that key takes its place."""
        folder = world.home / "crls"
        (one,) = [path for path in folder.glob("*.crl") if b"feed CA" in path.read_bytes()]
        one.rename(folder / "0123456789abcdef0123456789abcdef.crl")
        newer = publisher.pki.crl(begins=timedelta())
        serve_list(publisher, newer)
        publisher.publish(mitigation(), version=8)

        world.sync()

        lists = [crl for crl in CrlShelf(world.home).all() if crl.issuer == newer.issuer]
        assert lists == [newer]


def test_a_ground_is_read_as_it_was_written(world: World) -> None:
    """And what an earlier version kept is no ground, so that it is judged again."""
    (memory,) = world.state.feeds.values()
    ground = Ground.parse(memory.policy)

    assert ground is not None
    assert str(ground) == memory.policy
    assert Ground.parse("0" * 64) is None
