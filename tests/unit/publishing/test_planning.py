"""The plan says what must happen by when, and who would be stranded if it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest

from feedsrv.cli.trust_plan import as_json, as_text
from feedsrv.publishing.key_register.keyring import HeldKey, Keyring
from feedsrv.publishing.leads import HEARING, LEADS
from feedsrv.publishing.listed import Listed
from feedsrv.publishing.planning import Switch, TrustPlan, plan
from feedsrv.publishing.strand import left_behind
from feedsrv.publishing.timeline import Facts
from feedsrv.publishing.trust_records import KeyRecord, KeyStage
from feedsrv.signing.issuing import Authority, issue_crl
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind, Role, fingerprint, spki_id
from tests.pki import ORGANISATION, TestSigner
from tests.rotation import Line, announced, der, known, make_ca, make_root, make_signer, make_voucher

AT: Final = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
YEAR: Final = timedelta(days=365)
NEVER: Final = date(2100, 1, 1)


@pytest.fixture(scope="module")
def line() -> Line:
    """What signs today: a root of eight years ago, CAs of four years, signers of this month."""
    root = make_root("Example Root 1", AT - 8 * YEAR)
    cas = {kind: make_ca(kind, root, AT - 4 * YEAR) for kind in Kind}
    return Line(root, cas, {kind: make_signer(kind, cas[kind], AT) for kind in Kind})


def facts(line: Line, **changes: object) -> Facts:
    """Agents were told to pin that root eight years ago."""
    plain = Facts(
        TrustPolicy((line.root.certificate,), organisation=ORGANISATION),
        {kind: signer.chain for kind, signer in line.signers.items()},
        policies=(known("published 2018-01-12", line.root, since=AT - 8 * YEAR, note="published"),),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # any field


def ready(role: Role, *chain: Authority | TestSigner) -> HeldKey:
    """A key of the register that waits for its day."""
    first = chain[0]
    certificates = first.chain if isinstance(first, TestSigner) else (first.certificate,)
    key = spki_id(certificates[0].public_key())
    ders = tuple(map(der, certificates))
    own = fingerprint(certificates[0])
    return HeldKey.of(
        KeyRecord(
            key,
            own,
            role,
            KeyStage.READY,
            place=None,
            exportable=False,
            request=None,
            chain=ders,
            by="anna",
            at=AT,
        )
    )


def acts(drawn: TrustPlan) -> dict[str, datetime]:
    """Every task with its last day."""
    return {one.act: one.by for one in drawn.tasks}


def test_every_certificate_at_work_needs_a_successor_in_time(line: Line) -> None:
    """Leaf, CA and root, each by as much ahead as agents need."""
    drawn = plan(facts(line), at=AT)

    told = acts(drawn)
    signer, ca = line.signers[Kind.FEED].chain
    root = line.root.certificate
    assert told["renew the feed signer: feedsrv key request --role feed-signer"] == (
        signer.not_valid_after_utc - LEADS[Role.FEED_SIGNER]
    )
    assert told["make the next issuing CA for feeds, and announce it"] == (
        ca.not_valid_after_utc - LEADS[Role.FEED_CA] - HEARING
    )
    assert told["make the next root CA, and announce it"] == (
        root.not_valid_after_utc - LEADS[Role.ROOT] - HEARING
    )
    assert [one.by for one in drawn.tasks] == sorted(one.by for one in drawn.tasks)


def test_what_was_not_done_in_time_is_told_first_and_loudly(line: Line) -> None:
    """The plan is not safe then."""
    late = line.root.certificate.not_valid_after_utc - LEADS[Role.ROOT]

    drawn = plan(facts(line), at=late)

    assert drawn.is_safe is False
    assert "!! " in as_text(drawn)
    assert "days ago" in as_text(drawn)
    assert plan(facts(line), at=AT - YEAR).is_safe is True


def test_a_successor_that_waits_is_named_with_its_next_step(line: Line) -> None:
    """Announce it first, then put it to use; a signer is put to use at once."""
    root = make_root("Example Root 2", AT)
    ring = Keyring((ready(Role.ROOT, root),))
    news = announced(root, AT, begins=AT + YEAR, vouchers=[make_voucher(root, line.root, AT)])

    before = acts(plan(facts(line, keyring=ring), at=AT))
    after = acts(plan(facts(line, keyring=ring, announced=(news,)), at=AT))

    digits = fingerprint(root.certificate)[:16]
    announce = f"announce root CA Example Root 2 ({digits}): feedsrv trust announce {digits}"
    use = f"put root CA Example Root 2 ({digits}) to use: feedsrv key use {digits}"
    assert before[announce] == before[use] - HEARING
    assert announce not in after
    assert use in after
    assert "make the next root CA, and announce it" not in before


def test_what_is_being_phased_out_needs_no_successor(line: Line) -> None:
    """Agents meet what follows it already."""
    root = make_root("Example Root 2", AT)
    both = TrustPolicy((line.root.certificate, root.certificate))

    told = acts(plan(facts(line, policy=both), at=AT))

    [task] = [act for act in told if "root" in act]
    assert told[task] == root.certificate.not_valid_after_utc - LEADS[Role.ROOT] - HEARING


def test_one_line_of_time_holds_everything(line: Line) -> None:
    """Anchors, CAs, signers in use and ready, what else is registered or announced, lists, reviews."""
    root = make_root("Example Root 2", AT)
    renewed = make_signer(Kind.FEED, line.cas[Kind.FEED], AT + 60 * DAY)
    crl = issue_crl(line.cas[Kind.FEED], now=AT)
    drawn = plan(
        facts(
            line,
            policy=TrustPolicy((line.root.certificate,), crls=(crl,)),
            keyring=Keyring((ready(Role.FEED_SIGNER, renewed), ready(Role.TLS_SERVER, renewed))),
            announced=(announced(root, AT, begins=AT + YEAR),),
            listed=(Listed("M0001 revision 2", line.signers[Kind.MITIGATION].chain, (AT + 90 * DAY).date()),),
        ),
        at=AT,
    )

    told = [(one.what, one.state, one.at) for one in drawn.marks]
    assert [one[2] for one in told] == sorted(one[2] for one in told)
    assert ("ends", "pinned", line.root.certificate.not_valid_after_utc) in told
    assert ("ends", "in use", line.signers[Kind.FEED].chain[0].not_valid_after_utc) in told
    assert ("ends", "ready", renewed.chain[0].not_valid_after_utc) in told
    assert ("begins", "ready", renewed.chain[0].not_valid_before_utc) in told
    assert ("ends", "announced", root.certificate.not_valid_after_utc) in told
    assert ("use", "announced", AT + YEAR) in told
    assert ("ends", "list", crl.next_update_utc) in told
    assert ("review", "", datetime(2026, 4, 10, tzinfo=UTC)) in told
    text = as_text(drawn)
    assert text.count("--- today ---") == 1
    assert "M0001 revision 2 review is due" in text


def test_a_list_that_the_keeper_did_not_renew_is_told(line: Line) -> None:
    """One in the first part of its life needs nothing from anybody."""
    crl = issue_crl(line.cas[Kind.FEED], now=AT)
    now = facts(line, policy=TrustPolicy((line.root.certificate,), crls=(crl,)))

    assert not any("revocation list" in act for act in acts(plan(now, at=AT + 20 * DAY)))
    assert any("revocation list" in act for act in acts(plan(now, at=AT + 26 * DAY)))


def test_what_was_taken_back_is_believed_by_nobody(line: Line) -> None:
    """A stolen signer's certificate goes on for months; what it signed does not."""
    signer = line.signers[Kind.MITIGATION]
    serial = signer.chain[0].serial_number
    crl = issue_crl(line.cas[Kind.MITIGATION], revoked=[(serial, AT, "key_compromise")], now=AT)
    policy = TrustPolicy((line.root.certificate,), organisation=ORGANISATION, crls=(crl,))
    listed = (Listed("M0001 revision 1", signer.chain, NEVER),)

    drawn = plan(facts(line, policy=policy, listed=listed), at=AT + DAY)
    before = plan(facts(line, listed=listed), at=AT + DAY)

    assert [one.refused_from for one in drawn.listed] == [AT + DAY]
    assert {one.what: one.refused_from == AT + DAY for one in drawn.agents} == {
        "mitigation": True,
        "feed": False,
    }
    assert "REFUSED NOW" in as_text(drawn)
    assert "REFUSED NOW" not in as_text(before)


def test_a_review_is_due_before_its_day_and_before_the_signer_ends(line: Line) -> None:
    """Whichever comes first."""
    chain = line.signers[Kind.MITIGATION].chain
    ends = chain[0].not_valid_after_utc
    listed = (
        Listed("M0001 revision 3", chain, (ends + 9 * DAY).date()),
        Listed("M0002 revision 1", chain, (AT + 90 * DAY).date()),
    )

    told = acts(plan(facts(line, listed=listed), at=AT))

    assert told["look at M0001 revision 3 again, and publish a revision"] == ends
    assert told["look at M0002 revision 1 again, and publish a revision"] == datetime(2026, 4, 10, tzinfo=UTC)


def test_each_year_stands_above_its_own_dates(line: Line) -> None:
    """Today stands in its year, too."""
    text = as_text(plan(facts(line), at=AT))

    lines = text.partition("ONE LINE OF TIME\n")[2].partition("\n\n")[0].splitlines()
    year = ""
    for one in lines:
        year = one.strip() if len(one.strip()) == 4 else year
        assert len(one.strip()) == 4 or one[6:10] == year
    assert [one.strip() for one in lines[:2]] == ["2026", f"o  2026-01-10  {'--- today ---':>14}"]


def test_generations_are_asked_how_long_they_believe(line: Line) -> None:
    """By kind of document, with the reason for which it ends; an adopted root counts."""
    other = make_root("Somebody's Root", AT)
    policies = (
        known("published 2018-01-12", line.root, since=AT - 8 * YEAR),
        known("Contoso", other, since=AT),
    )

    drawn = plan(facts(line, policies=policies), at=AT)

    seen = {(one.who, one.what): one for one in drawn.agents}
    feeds = seen["published 2018-01-12", "feed"]
    assert feeds.refused_from == line.signers[Kind.FEED].chain[0].not_valid_after_utc + timedelta(seconds=1)
    assert seen["Contoso", "mitigation"].refused_from == AT
    assert "REFUSED NOW" in as_text(drawn)
    assert as_json(drawn)["safe"] is True


def test_what_is_published_is_asked_as_new_agents_see_it(line: Line) -> None:
    """Grouped by signer: a thousand mitigations are one line."""
    chain = line.signers[Kind.MITIGATION].chain
    listed = tuple(Listed(f"M{number:04} revision 1", chain, NEVER) for number in range(1000))
    lost = Listed("PING1 revision 1", (), NEVER)

    drawn = plan(facts(line, listed=(*listed, lost)), at=AT)

    many, gone = drawn.listed
    assert many.what == "M0000 revision 1, M0001 revision 1, M0002 revision 1 and 997 more"
    assert many.refused_from == chain[0].not_valid_after_utc + timedelta(seconds=1)
    assert gone.refused_from == AT


def test_a_planned_switch_says_whom_it_would_strand(line: Line) -> None:
    """On its day: generations that refuse the signer, and what new agents find published already."""
    new = Line.begun("Example Root 2", AT)
    switch = Switch(AT + 30 * DAY, new.signers[Kind.MITIGATION].chain, Kind.MITIGATION)
    vouchers = [make_voucher(new.root, line.root, AT)]
    news = announced(new.root, AT, begins=AT + YEAR, vouchers=vouchers)
    both = TrustPolicy((line.root.certificate, new.root.certificate))

    unprepared = plan(facts(line), at=AT, switch=switch).switch
    prepared = plan(facts(line, announced=(news,), policy=both), at=AT, switch=switch)

    assert unprepared is not None
    assert any("agents of 'published 2018-01-12'" in one for one in unprepared.refusals)
    assert prepared.switch is not None
    assert prepared.switch.refusals == ()
    assert "no agent that is known would be stranded" in as_text(prepared)


def test_dropping_an_anchor_is_a_switch_too(line: Line) -> None:
    """Agents that are set up after it could not open what was signed under it."""
    new = Line.begun("Example Root 2", AT)
    both = TrustPolicy((line.root.certificate, new.root.certificate))
    listed = (Listed("M0001 revision 1", line.signers[Kind.MITIGATION].chain, NEVER),)
    chains = {kind: signer.chain for kind, signer in new.signers.items()}
    now = facts(line, policy=both, listed=listed, chains=chains)

    drawn = plan(now, at=AT, switch=Switch(AT + DAY, dropped=line.root.certificate)).switch
    last = plan(facts(line), at=AT, switch=Switch(AT + DAY, dropped=line.root.certificate)).switch

    assert drawn is not None
    [told] = drawn.refusals
    assert told.startswith("M0001 revision 1 would be refused by agents that are set up after it")
    assert last is not None
    assert last.refusals == ("no anchor would be left to pin",)
    only_new = TrustPolicy((new.root.certificate,))
    assert left_behind(only_new, [("feeds", Kind.FEED, chains[Kind.FEED])], at=AT) == ()


def test_a_gap_between_two_signers_is_told(line: Line) -> None:
    """Feeds would expire in it."""
    ends = line.signers[Kind.FEED].chain[0].not_valid_after_utc
    renewed = make_signer(Kind.FEED, line.cas[Kind.FEED], ends)

    drawn = plan(facts(line), at=AT, switch=Switch(ends + 7 * DAY, renewed.chain, Kind.FEED)).switch

    assert drawn is not None
    assert any("nothing can be signed from" in one for one in drawn.refusals)


def test_a_new_service_has_a_plan_too() -> None:
    """Nothing at work, nothing published: said in words."""
    root = make_root("Example Root 1", AT)

    text = as_text(plan(Facts(TrustPolicy((root.certificate,)), {}), at=AT))

    assert "nothing is published yet" in text
    assert "no generation is known yet" in text
