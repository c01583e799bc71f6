"""Whom a change of certificates would strand is known before, and said by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from feedsrv.publishing.leads import HEARING
from feedsrv.publishing.strand import Generation, StrandError, generations, stranded
from feedsrv.signing.issuing import issue_crl
from feedsrv.trust.profile import Kind
from tests.rotation import Line, announced, known, make_ca, make_root, make_signer, make_voucher

AT: Final = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
YEAR: Final = timedelta(days=365)


@pytest.fixture(scope="module")
def old() -> Line:
    """What signs today."""
    return Line.begun("Example Root 1", AT - 8 * YEAR)


@pytest.fixture(scope="module")
def new() -> Line:
    """What is to sign next, under a root of its own."""
    return Line.begun("Example Root 2", AT)


def test_agents_that_pin_the_old_root_alone_would_be_stranded(old: Line, new: Line) -> None:
    """Each generation has a sentence: who, what they pin, from when on, and why."""
    ours, theirs = known("published 2018-01-12", old.root, since=AT - 8 * YEAR), known("Contoso", since=AT)
    both = known("published 2025-06-01", old.root, new.root, since=AT - YEAR)
    theirs = known("Contoso", old.root, since=AT)

    told = stranded(new.signers[Kind.FEED].chain, Kind.FEED, (theirs, both, ours), at=AT + DAY)

    assert len(told) == 2
    assert told[0].startswith("agents of 'published 2018-01-12', which pin Example Root 1 (")
    assert "would refuse every feed from 2026-01-11T12:00:00Z on: the chain ends at" in told[0]
    assert "'Contoso'" in told[1]
    refusal = StrandError(told)
    assert "go past this with --strand" in str(refusal)
    assert refusal.sentences == told
    assert refusal.code == "trust.would_strand"


def test_another_signer_under_the_same_ca_strands_nobody(old: Line) -> None:
    """Whatever its subject is: nobody pins that."""
    renewed = make_signer(Kind.FEED, make_ca(Kind.FEED, old.root, AT), AT, name="Another Name Altogether")

    assert stranded(renewed.chain, Kind.FEED, [known("one", old.root, since=AT)], at=AT) == ()


def test_a_ca_of_another_organisation_strands_those_who_ask_for_ours(old: Line) -> None:
    """And nobody who does not ask."""
    ca = make_ca(Kind.MITIGATION, old.root, AT, organisation="Example Holding")
    signer = make_signer(Kind.MITIGATION, ca, AT)
    asking = known("asking", old.root, since=AT)
    trusting = known("trusting", old.root, since=AT, organisation=None)

    [told] = stranded(signer.chain, Kind.MITIGATION, (asking, trusting), at=AT)

    assert "'asking'" in told
    assert "and ask for the organisation 'Example Software'" in told
    assert "Example Holding" in told


def test_a_second_certificate_of_the_new_ca_under_the_old_root_carries_them_over(
    old: Line, new: Line
) -> None:
    """Either root proves the same signer."""
    bridge = make_voucher(new.cas[Kind.FEED], old.root, AT)
    signer = make_signer(Kind.FEED, new.cas[Kind.FEED], AT, beside=[bridge])
    policies = (known("old", old.root, since=AT), known("new", new.root, since=AT))

    assert stranded(signer.chain, Kind.FEED, policies, at=AT) == ()


def test_an_announced_root_counts_once_agents_have_heard_of_it(old: Line, new: Line) -> None:
    """And only with a voucher by a root that they pin; then even after that one has ended."""
    policy = known("old", old.root, since=AT - YEAR)
    voucher = make_voucher(new.root, old.root, AT)
    news = announced(new.root, AT, begins=AT + YEAR, vouchers=[voucher])
    unvouched = announced(new.root, AT, begins=AT + YEAR)
    chain = new.signers[Kind.MITIGATION].chain

    def told(at: datetime, *heard: object) -> int:
        return len(stranded(chain, Kind.MITIGATION, [policy], at=at, announced=heard))  # type: ignore[arg-type]  # announcements

    assert told(AT + HEARING, news) == 0
    assert told(AT + HEARING - timedelta(seconds=1), news) == 1
    assert told(AT + HEARING, unvouched) == 1
    after = old.root.certificate.not_valid_after_utc + DAY
    assert Generation(policy, (news,)).is_over(after) is False


def test_a_root_whose_voucher_is_revoked_is_adopted_by_nobody(old: Line, new: Line) -> None:
    """Agents gave it up with that list, and a second voucher brings it to none of them again."""
    vouchers = [make_voucher(new.root, old.root, AT) for _ in range(2)]
    told = announced(new.root, AT, begins=AT + YEAR, vouchers=vouchers)
    crl = issue_crl(old.root, revoked=[(vouchers[0].serial_number, AT, "superseded")], now=AT)
    asked = new.signers[Kind.FEED].chain, Kind.FEED, [known("early", old.root, since=AT)]

    assert stranded(*asked, at=AT + 2 * HEARING, announced=[told]) == ()
    assert len(stranded(*asked, at=AT + 2 * HEARING, announced=[told], lists=[crl])) == 1


def test_one_adopted_root_vouches_for_the_next(old: Line, new: Line) -> None:
    """Agents that were set up two roots ago still follow, as long as they polled."""
    later = AT + 5 * YEAR
    third = make_root("Example Root 3", later)
    heard = (
        announced(third, later, begins=AT + 6 * YEAR, vouchers=[make_voucher(third, new.root, later)]),
        announced(new.root, AT, begins=AT + YEAR, vouchers=[make_voucher(new.root, old.root, AT)]),
    )  # fmt: skip

    trusted = Generation(known("old", old.root, since=AT), heard).trust(AT + 6 * YEAR)

    assert trusted.anchors == (old.root.certificate, new.root.certificate, third.certificate)


def test_agents_whose_every_anchor_has_ended_hold_up_nothing(old: Line, new: Line) -> None:
    """No signer reaches them any more."""
    policy = known("old", old.root, since=AT - 8 * YEAR)
    ended = old.root.certificate.not_valid_after_utc + DAY
    chain = new.signers[Kind.MITIGATION].chain

    assert stranded(chain, Kind.MITIGATION, [policy], at=ended - 2 * DAY) != ()
    assert stranded(chain, Kind.MITIGATION, [policy], at=ended) == ()
    assert Generation(policy).is_over(ended)


def test_from_when_on_a_generation_refuses_is_known_ahead(old: Line) -> None:
    """By what ends first: the signer, its CA or the anchor."""
    signer = make_signer(Kind.FEED, make_ca(Kind.FEED, old.root, AT, lifetime=60 * DAY), AT)
    generation = Generation(known("old", old.root, since=AT))

    found = generation.horizon(signer.chain, Kind.FEED, at=AT)

    assert found.refused_from == AT + 60 * DAY + timedelta(seconds=1)
    assert found.refusal is not None
    assert found.refusal.code == "trust.certificate_expired"


def test_what_agents_adopt_meanwhile_counts_in_what_lies_ahead(old: Line, new: Line) -> None:
    """A chain that ends at the new root is refused until they have heard of that root, and not after."""
    bridge = make_voucher(new.cas[Kind.MITIGATION], old.root, AT)
    signer = make_signer(Kind.MITIGATION, new.cas[Kind.MITIGATION], AT, beside=[bridge])
    news = announced(new.root, AT, begins=AT + YEAR, vouchers=[make_voucher(new.root, old.root, AT)])
    policy = known("old", old.root, since=AT)

    alone = Generation(policy).horizon(signer.chain, Kind.MITIGATION, at=AT)
    hearing = Generation(policy, (news,)).horizon(signer.chain, Kind.MITIGATION, at=AT)

    assert alone.refused_from == signer.chain[0].not_valid_after_utc + timedelta(seconds=1)
    assert hearing.refused_from == alone.refused_from
    unbridged = new.signers[Kind.MITIGATION].chain
    assert Generation(policy, (news,)).horizon(unbridged, Kind.MITIGATION, at=AT).refused_from == AT


def test_generations_are_told_from_the_oldest_on(old: Line) -> None:
    """However they are kept."""
    kept = [
        known("b", old.root, since=AT),
        known("a", old.root, since=AT),
        known("z", old.root, since=AT - DAY),
    ]

    assert [one.known.name for one in generations(kept)] == ["z", "a", "b"]
