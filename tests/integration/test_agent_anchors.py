"""Announced roots: adopted where an anchor vouches for them, and never on the word of the feed key alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.agent.anchors import Adopted, AnchorShelf
from feedsrv.agent.state_file import StateFile
from feedsrv.model.feed import Announcement
from feedsrv.signing.issuing import Authority, cross_certify
from feedsrv.trust.profile import Kind, fingerprint
from tests.pki import Pki, key
from tests.simulator import Simulator
from tests.unit.agent.making import AT, mitigation, pool
from tests.unit.agent.shell import Shell, lay_out_shell
from tests.unit.agent.world import World, codes

NAME = "feedsrv M0001.A1 PowerShell - inbound"
NEXT = {"common_name": "next root", "key_name": "next-root"}


@pytest.fixture
def publisher() -> Iterator[Simulator]:
    """A publisher that announces nothing yet."""
    with Simulator(Pki(at=AT), AT).serving() as simulator:
        yield simulator


@pytest.fixture
def world(tmp_path: Path, publisher: Simulator) -> World:
    """A new agent that pins the first root."""
    return World(tmp_path / "home", publisher)


def next_root(pki: Pki, **changes: object) -> x509.Certificate:
    """The root that comes after the pinned one."""
    return pki.certificates(Kind.FEED, None, root={**NEXT, **changes})["root"]


def voucher(pki: Pki, root: x509.Certificate, by: x509.Certificate | None = None) -> x509.Certificate:
    """What the pinned root, or another, says of a root."""
    issuer = Authority(by or pki.anchor(), key("root" if by is None else "next-root"))
    return cross_certify(root, issuer, now=pki.at)


def announce(publisher: Simulator, root: x509.Certificate, *vouchers: x509.Certificate) -> Announcement:
    """Announce a root in the next feed."""
    ders = sorted((one.public_bytes(Encoding.DER) for one in vouchers), key=_sha256)
    one = Announcement(
        "root", root.public_bytes(Encoding.DER), publisher.at + timedelta(days=90), tuple(ders)
    )
    publisher.announced = (one,)
    publisher.publish(mitigation(issued=publisher.at))
    return one


def _sha256(der: bytes) -> str:
    return fingerprint(x509.load_der_x509_certificate(der))


def adopted(world: World) -> list[str]:
    """Fingerprints of what was adopted."""
    return [one.fingerprint for one in AnchorShelf(world.home).adopted()]


def move_to_the_next_root(publisher: Simulator) -> None:
    """Sign by certificates under the next root alone."""
    for kind in Kind:
        publisher.signers[kind] = publisher.pki.signer(
            kind, root=NEXT, ca={"key_name": f"next-{kind}-ca"}, leaf={"key_name": f"next-{kind}-leaf"}
        )


def test_a_root_that_a_pinned_one_vouches_for_is_adopted(
    world: World, publisher: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """One event; and what is signed under it later is accepted, though nobody touched the agent."""
    root = next_root(publisher.pki)
    announce(publisher, root, voucher(publisher.pki, root))
    with caplog.at_level(logging.INFO):
        world.sync()
        world.sync()
    publisher.announced = ()
    move_to_the_next_root(publisher)
    publisher.publish(mitigation(revision=2), mitigation("M0002", actions=(pool(),)))

    done = world.sync()

    assert codes(done) == []
    assert adopted(world) == [fingerprint(root)]
    assert [record.message for record in caplog.records].count("anchor.adopted") == 1
    assert world.host.stopped == {"MSExchangeECPAppPool"}


def test_adopting_judges_nothing_again_that_was_trusted(world: World, publisher: Simulator) -> None:
    """An anchor more takes nothing away."""
    root = next_root(publisher.pki)
    announce(publisher, root, voucher(publisher.pki, root))
    world.sync()
    before = world.state.known, world.state.feeds

    world.sync()

    assert (world.state.known, world.state.feeds) == before
    assert publisher.requests[-1][2].get("If-None-Match") is not None


def test_an_adopted_root_vouches_for_the_one_after_it(world: World, publisher: Simulator) -> None:
    """So that an agent which nobody touches for twenty years keeps its trust."""
    root = next_root(publisher.pki)
    announce(publisher, root, voucher(publisher.pki, root))
    world.sync()
    third = next_root(publisher.pki, common_name="third root", key_name="third-root")
    announce(publisher, third, voucher(publisher.pki, third, by=root))

    world.sync()

    assert set(adopted(world)) == {fingerprint(root), fingerprint(third)}


class TestWhoeverHoldsTheFeedKeyAlone:
    """Announces what he likes, and gains nothing."""

    def test_is_shown_and_not_believed(
        self, world: World, publisher: Simulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A root without a voucher begins a condition, once, and changes no trust."""
        announce(publisher, next_root(publisher.pki))

        with caplog.at_level(logging.INFO):
            world.sync()
            world.sync()

        assert adopted(world) == []
        told = [record.message for record in caplog.records]
        assert told.count("announcement.not_adopted") == 1

    def test_has_no_use_of_an_issuing_ca_as_its_voucher(self, world: World, publisher: Simulator) -> None:
        """Whoever holds a CA's key makes its twin a root, and shows the CA's own certificate for it."""
        twin = {"common_name": "feed CA", "key_name": "feed-ca"}
        root = publisher.pki.certificates(Kind.FEED, None, root=twin)["root"]
        announce(publisher, root, publisher.pki.signer(Kind.FEED).chain[1])

        world.sync()

        assert adopted(world) == []

    def test_has_no_use_of_a_strangers_voucher(self, world: World, publisher: Simulator) -> None:
        """Vouched for by a root that nobody pinned."""
        root = next_root(publisher.pki)
        stranger = Pki(at=AT, organisation="Somebody Else").anchor()
        forged = cross_certify(root, Authority(stranger, key("root")), now=AT)
        announce(publisher, root, forged)

        world.sync()

        assert adopted(world) == []

    def test_has_no_use_of_a_voucher_for_another_root(self, world: World, publisher: Simulator) -> None:
        """The name is the same, and the key is his."""
        genuine = next_root(publisher.pki)
        his = next_root(publisher.pki, key_name="thief")
        announce(publisher, his, voucher(publisher.pki, genuine))

        world.sync()

        assert adopted(world) == []

    def test_cannot_make_an_expired_feed_speak(self, world: World, publisher: Simulator) -> None:
        """What has expired adopts nothing."""
        root = next_root(publisher.pki)
        announce(publisher, root, voucher(publisher.pki, root))

        world.sync(at=AT + timedelta(days=30))

        assert adopted(world) == []


def test_the_setting_switches_adopting_off(world: World, publisher: Simulator) -> None:
    """It is shown then, and pinned by hand."""
    root = next_root(publisher.pki)
    announce(publisher, root, voucher(publisher.pki, root))
    world.tell(adopt_anchors=False)

    world.sync()

    assert adopted(world) == []


def test_a_crash_while_adopting_leaves_it_adopted_or_not(
    world: World, publisher: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a file never counts, and the next sync ends what was begun."""
    root = next_root(publisher.pki)
    announce(publisher, root, voucher(publisher.pki, root))
    shelf = AnchorShelf(world.home)

    def crash(step: int) -> None:
        if step == 4:
            raise InterruptedError

    def power_cut(_path: object, _content: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("feedsrv.agent.anchors.replace_file", power_cut)
        with pytest.raises(KeyboardInterrupt):
            shelf.adopt(Adopted.of(root, voucher(publisher.pki, root), publisher.pki.anchor(), AT))
    nothing_yet = adopted(world)
    with pytest.raises(InterruptedError):
        world.sync(after=crash)
    kept = adopted(world)
    done = world.sync()

    assert nothing_yet == []
    assert kept == adopted(world) == [fingerprint(root)]
    assert codes(done) == []


def revoke_by_the_root(publisher: Simulator, *said: x509.Certificate) -> None:
    """The first root takes its word back by its revocation list."""
    publisher.put_crls()
    policy = json.loads(publisher.files["/v1/trust/policy.json"])
    policy["crls"].append("trust/crls/root.crl")
    publisher.files["/v1/trust/policy.json"] = json.dumps(policy).encode()
    crl = publisher.pki.crl(of="root", revoked=[one.serial_number for one in said])
    publisher.files["/v1/trust/crls/root.crl"] = crl.public_bytes(Encoding.DER)


class TestARevokedVoucher:
    """Ends the adoption, and every one that followed from it; by an anchor that still has a say."""

    @pytest.fixture
    def roots(self, world: World, publisher: Simulator) -> tuple[x509.Certificate, x509.Certificate]:
        """The second root, which the first vouched for, and the third, which the second did; its voucher."""
        second = next_root(publisher.pki)
        said = voucher(publisher.pki, second)
        announce(publisher, second, said)
        world.sync()
        third = next_root(publisher.pki, common_name="third root", key_name="third-root")
        announce(publisher, third, voucher(publisher.pki, third, by=second))
        world.sync()
        publisher.announced = ()
        revoke_by_the_root(publisher, said)
        publisher.publish(mitigation())
        world.sync()
        return second, third

    def test_ends_the_adoption_and_what_followed(
        self,
        world: World,
        publisher: Simulator,
        roots: tuple[x509.Certificate, x509.Certificate],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """What a revoked root vouched for may be the work of whoever stole its key."""
        move_to_the_next_root(publisher)
        publisher.publish(mitigation(), mitigation("M0002", actions=(pool(),)))

        with caplog.at_level(logging.INFO):
            done = world.sync()

        assert codes(done) == ["trust.anchor_unknown"]
        assert world.host.names() == {NAME}
        fallen = {vars(one)["subject"] for one in caplog.records if one.message == "anchor.revoked"}
        assert fallen == {fingerprint(one) for one in roots}

    def test_has_no_say_once_its_anchor_was_unpinned(
        self, world: World, publisher: Simulator, roots: tuple[x509.Certificate, x509.Certificate]
    ) -> None:
        """Or the thief of an old root's key would strand everybody who has left it long ago."""
        second, _ = roots
        (world.home / "root.pem").write_bytes(
            Pki(at=AT, organisation="Somebody Else").anchor().public_bytes(Encoding.PEM)
        )
        move_to_the_next_root(publisher)
        publisher.publish(mitigation(revision=2))

        done = world.sync()

        assert codes(done) == []
        assert fingerprint(second) in adopted(world)
        assert world.state.applied["M0001"].revision == 2


class TestTheCommand:
    """`feedsrv-agent trust`, and what `status` says."""

    @pytest.fixture
    def shell(self, tmp_path: Path, publisher: Simulator) -> Shell:
        """An agent for a pretended server, whose publisher announces a root that is vouched for."""
        publisher.pki = Pki()
        publisher.at = publisher.pki.at
        root = next_root(publisher.pki)
        announce(publisher, root, voucher(publisher.pki, root))
        return lay_out_shell(tmp_path, publisher, publisher.pki)

    def test_shows_by_whom_and_when_and_takes_it_back(self, shell: Shell, publisher: Simulator) -> None:
        """What was forgotten is not adopted again, though it is announced still."""
        name = publisher.announced[0].sha256
        synced = shell("sync").stdout
        status = json.loads(shell("status", "--json").stdout)
        said = shell("status").stdout
        listed = shell("trust", "list").stdout
        forgotten = shell("trust", "forget", name.upper()).stdout
        shell("sync")
        after = json.loads(shell("status", "--json").stdout)
        by_hand = json.loads(shell("trust", "list", "--json").stdout)

        assert f"adopted the root {name}" in synced
        assert [one["how"] for one in status["anchors"]] == ["pinned", "adopted"]
        assert status["anchors"][1]["by"] == fingerprint(publisher.pki.anchor())
        assert [(one["sha256"], one["standing"]) for one in status["announced"]] == [(name, "adopted")]
        assert "announced by the publisher" in said
        assert "CN=next root" in said
        assert "vouched for by" in listed
        assert [one["how"] for one in after["anchors"]] == ["pinned"]
        assert [one["standing"] for one in after["announced"]] == ["forgotten by an administrator"]
        assert by_hand["forgotten"] == [name]
        assert "pin it beside the others with `feedsrv-agent config --anchor`, which names all" in forgotten

    def test_forgets_only_what_was_adopted(self, shell: Shell, publisher: Simulator) -> None:
        """A pinned root is taken away where it was pinned."""
        refused = shell("trust", "forget", fingerprint(publisher.pki.anchor()), code=1)

        assert "error [agent.not_adopted]" in refused.stderr
        assert "config --anchor" in refused.stderr

    def test_a_damaged_file_is_named_with_its_remedy(self, shell: Shell, publisher: Simulator) -> None:
        """That root is trusted and adopted on no guess, and the pinned one counts as before."""
        shell("sync")
        path = shell.home / "adopted" / f"{publisher.announced[0].sha256}.json"
        path.write_bytes(b"{}")

        publisher.publish(mitigation(revision=2))
        refused = shell("sync", code=1)
        kept, listed = path.read_bytes(), shell("trust", "list").stdout
        path.unlink()
        shell("sync")

        assert "error [agent.adopted]" in refused.stderr
        assert "Remove the file" in refused.stderr
        assert StateFile(shell.home).load().known["M0001"].revision == 2
        assert kept == b"{}"
        assert "  pinned;" in listed
        assert "  adopted at" not in listed
