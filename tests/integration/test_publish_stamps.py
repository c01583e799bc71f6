"""Time-stamps over what was published, by a real authority; none of them holds up a publication."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from feedsrv.clock import from_text
from feedsrv.model.feed import mitigation_path
from feedsrv.publishing.audit import record
from feedsrv.publishing.stamping import prove_stamps
from feedsrv.signing.timestamping import TimestampAuthority
from feedsrv.stores.memory import MemoryStore
from tests.authorities import make_root
from tests.publisher import CATALOGUE, House, heartbeat, open_house, shared_pki, written
from tests.time_stamping import Answer, StampingAuthority

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="missing on this machine: openssl")


@pytest.fixture
def authority(tmp_path: Path) -> StampingAuthority:
    """A time-stamping authority of ours."""
    return StampingAuthority(tmp_path / "tsa")


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A publisher with a catalogue and an approved heartbeat."""
    (tmp_path / "house").mkdir()
    house = open_house(tmp_path / "house", shared_pki())
    house.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    house.workflow.import_mitigation(heartbeat(), source="p.xml", by="anna")
    house.approve("PING1")
    return house


def verbs(house: House) -> list[str]:
    """What was done, oldest first."""
    return [entry.verb for entry in house.workflow.list_audit()]


def test_what_is_published_is_stamped_and_proven_offline(house: House, authority: StampingAuthority) -> None:
    """The token stands in the audit log, and holds after the authority has gone."""
    with authority.serving() as served:
        outcome = house.cycle(stamper=TimestampAuthority(served.url, authority.anchors)).run(
            by="paula", at=house.now()
        )
    (proof,) = prove_stamps(house.store, house.shelf, authority.anchors)

    assert outcome.held == ()
    assert (proof.subject, proof.refusal) == ("PING1 revision 1", None)
    assert abs(proof.at - house.now()) < timedelta(minutes=10)
    assert verbs(house)[-2:] == ["publish", "time-stamp"]
    house.workflow.verify_audit()


def test_a_second_publication_stamps_only_what_is_new(house: House, authority: StampingAuthority) -> None:
    """One stamp for each revision, ever."""
    with authority.serving() as served:
        stamper = TimestampAuthority(served.url, authority.anchors)
        house.cycle(stamper=stamper).run(by="paula", at=house.now())
        house.workflow.import_mitigation(written(), source="m.xml", by="anna")
        house.approve("M0001")
        house.cycle(stamper=stamper).run(by="paula", at=house.now())

    assert len(served.queries) == 2
    assert verbs(house).count("time-stamp") == 2


_AWAY: dict[str, tuple[Callable[[bytes], Answer], str]] = {
    "down": (lambda _: Answer(b"", status=503), "the keeper tries again"),
    "no authority": (lambda _: Answer(b"<html>", kind="text/html"), "has no time-stamp"),
}


@pytest.mark.parametrize(("answer", "words"), _AWAY.values(), ids=_AWAY)
def test_without_a_stamp_it_is_published_and_the_next_look_tries_again(
    house: House, authority: StampingAuthority, answer: Callable[[bytes], Answer], words: str
) -> None:
    """The mitigation is out, people are told, and a refresh with nothing else to do gets the stamp."""
    with authority.serving(answer) as served:
        outcome = house.cycle(stamper=TimestampAuthority(served.url, authority.anchors)).run(
            by="paula", at=house.now()
        )
    with authority.serving() as served:
        later = house.cycle(stamper=TimestampAuthority(served.url, authority.anchors)).refresh(
            by="keeper", at=house.now()
        )

    assert outcome.revisions == (("PING1", 1),)
    assert any(words in sentence for sentence in outcome.sentences)
    assert (later.feeds, later.held) == ((), ())
    assert verbs(house)[-1] == "time-stamp"


def test_the_time_is_the_tokens_whatever_the_log_says_beside_it(
    house: House, authority: StampingAuthority
) -> None:
    """Whoever writes a log anew, with another date in it, proves that date no more than before."""
    with authority.serving() as served:
        house.cycle(stamper=TimestampAuthority(served.url, authority.anchors)).run(by="paula", at=house.now())
    (entry,) = (one for one in house.workflow.list_audit() if one.verb == "time-stamp")
    forged = {**entry.detail, "stamped": "2001-01-01T00:00:00Z", "authority": "CN=Somebody"}
    rewritten = MemoryStore()
    with rewritten.begin() as work:
        record(work.audit, entry.at, actor="eve", verb=entry.verb, subject=entry.subject, detail=forged)

    (proof,) = prove_stamps(rewritten, house.shelf, authority.anchors)

    assert proof.refusal is None
    assert proof.at == from_text(entry.detail["stamped"])
    assert proof.authority == entry.detail["authority"]


def test_a_stamp_proves_nothing_of_other_bytes_and_by_another_root(
    house: House, authority: StampingAuthority, tmp_path: Path
) -> None:
    """An altered document, and a root that is not the authority's, are both told."""
    with authority.serving() as served:
        house.cycle(stamper=TimestampAuthority(served.url, authority.anchors)).run(by="paula", at=house.now())
    stranger = make_root("another stamping root", now=house.now())
    (by_stranger,) = prove_stamps(house.store, house.shelf, (stranger.certificate,))
    path = tmp_path / "house" / "shelf" / "v1" / mitigation_path("PING1", 1)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"Heartbeat", b"Hartbeats"))
    (altered,) = prove_stamps(house.store, house.shelf, authority.anchors)

    assert by_stranger.refusal is not None
    assert by_stranger.refusal.code.startswith("timestamp.")
    assert altered.refusal is not None
    assert altered.refusal.code == "shelf.damaged"


def test_a_slow_authority_keeps_no_other_publication_waiting(
    house: House, authority: StampingAuthority
) -> None:
    """While it is asked, somebody else publishes; what both stamp is kept and written down once."""
    done: list[str] = []

    def answer(query: bytes) -> Answer:
        if not done:
            done.append("asked")
            with authority.serving() as other:
                stamper = TimestampAuthority(other.url, authority.anchors)
                done.extend(house.cycle(stamper=stamper).run(by="ben", at=house.now()).sentences)
        return Answer(authority.reply(query))

    with authority.serving(answer) as served:
        house.cycle(stamper=TimestampAuthority(served.url, authority.anchors)).run(by="paula", at=house.now())

    assert done == ["asked", "nothing to publish"]
    assert verbs(house).count("time-stamp") == 1
    house.workflow.verify_audit()
