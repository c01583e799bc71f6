"""Before agents see a publication, it is judged as of later days; and what is critical stops it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from feedsrv.errors import OperatorError
from feedsrv.publishing.cycle import Signers
from feedsrv.publishing.proving import refuse_ended_keys
from feedsrv.publishing.refusals import SignerEndedError
from feedsrv.signing.signer import Signer
from feedsrv.trust.profile import Kind
from tests.pki import Pki
from tests.publisher import CATALOGUE, House, heartbeat, open_house, shared_pki, written


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A publisher with a heartbeat out and a mitigation approved."""
    house = open_house(tmp_path, shared_pki())
    house.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    house.bring(heartbeat())
    house.workflow.import_mitigation(written(), source="m.xml", by="anna")
    house.approve("M0001")
    return house


def leaf_of(signer: Signer) -> x509.Certificate:
    """The signer's own certificate."""
    return signer.chain[0]


def test_people_hear_until_when_agents_will_accept_it(house: House) -> None:
    """The feed signer of a development PKI ends first; the same stands in the audit log."""
    ends = leaf_of(house.signers.feed).not_valid_after_utc

    outcome = house.publish()

    assert outcome.rehearsal is not None
    assert outcome.rehearsal.refused_from == ends + timedelta(seconds=1)
    assert "agents accept this until" in outcome.rehearsal.sentence
    assert "the certificate of the feed signer has ended" in outcome.rehearsal.sentence
    assert outcome.rehearsal.sentence in outcome.sentences
    (entry,) = house.workflow.list_audit(newest=1)
    assert (entry.verb, entry.detail["first refusal"]) == ("publish", outcome.rehearsal.sentence)


def test_every_moment_is_judged_by_what_holds_then(house: House) -> None:
    """Accepted in 7 and 30 days, refused once any certificate has ended and by clocks before its begin."""
    rehearsal = house.publish().rehearsal

    assert rehearsal is not None
    found = {(look.kind, look.when): look.refusal for look in rehearsal.looks}
    for kind, signer in ((Kind.MITIGATION, "mitigation signer"), (Kind.FEED, "feed signer")):
        assert found[kind, "in 7 days"] is None
        assert found[kind, "in 30 days"] is None
        assert found[kind, "by a clock 30 days ahead"] is None
        assert found[kind, "by a clock 30 days behind"] == "trust.certificate_not_yet_valid"
        for ended in (signer, "trust anchor"):
            assert found[kind, f"after the {ended} has ended"] == "trust.certificate_expired"
    assert [look.at for look in rehearsal.looks if look.kind is Kind.FEED] == sorted(
        look.at for look in rehearsal.looks if look.kind is Kind.FEED
    )


def test_a_refresh_rehearses_feeds_alone(house: House) -> None:
    """No mitigation is signed, so none is judged."""
    house.publish()

    rehearsal = house.cycle().refresh(by="keeper", at=house.now(), force=True).rehearsal

    assert rehearsal is not None
    assert {look.kind for look in rehearsal.looks} == {Kind.FEED}


def test_nothing_to_publish_rehearses_nothing(house: House) -> None:
    """There is no document to judge."""
    house.publish()

    assert house.publish().rehearsal is None


class UnwellError(OperatorError):
    """What a guard says in these tests."""

    code = "test.unwell"


def test_a_guard_that_refuses_stops_publishing_before_anything_is_signed(house: House) -> None:
    """It is told which keys would sign; nothing is written down as begun."""
    asked: list[frozenset[Kind]] = []

    def guard(at: datetime, kinds: frozenset[Kind]) -> None:
        asked.append(kinds)
        raise UnwellError("the clock is wrong")

    before = house.workflow.list_audit()
    with pytest.raises(UnwellError):
        house.cycle(guard=guard).run(by="paula", at=house.now())
    with pytest.raises(UnwellError):
        house.cycle(guard=guard).refresh(by="keeper", at=house.now(), force=True)

    assert asked == [frozenset(Kind), frozenset({Kind.FEED})]
    assert house.workflow.list_audit() == before


def test_a_guard_is_not_asked_where_nothing_is_to_be_signed(house: House) -> None:
    """A look that finds nothing due must not fail because of what only signing would meet."""
    house.publish()

    def guard(at: datetime, kinds: frozenset[Kind]) -> None:
        raise UnwellError("the clock is wrong")

    assert house.cycle(guard=guard).refresh(by="keeper", at=house.now()).nothing


def test_an_ended_mitigation_key_starves_no_feed(house: House) -> None:
    """Feeds are refreshed though the mitigation key's certificate has ended; publishing is refused."""
    at = house.now()
    ended = Pki(at=at).signer(Kind.MITIGATION, "leaf-expired")
    signers = Signers(ended, house.signers.feed)

    with pytest.raises(SignerEndedError):
        refuse_ended_keys(signers, at)
    outcome = house.cycle(signers=signers).refresh(by="keeper", at=at, force=True)

    assert [head.name for head in outcome.feeds] == ["exchange-2019/production", "sfb-2019/production"]


def test_a_rehearsal_leaves_lists_of_revocations_aside(house: House) -> None:
    """They end within weeks and are renewed by the keeper: the certificate's end is what counts."""
    policy = replace(house.policy, crls=())

    assert house.cycle(policy=policy).run(by="paula", at=house.now()).rehearsal is not None
