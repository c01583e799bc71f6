"""Every certificate in every chain: noticed in time, and by its name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from feedsrv.publishing.watching.results import BOTH, NEITHER, Grade
from feedsrv.publishing.watching.seen import PublicSeen, Seen, Spans
from feedsrv.trust.profile import Kind
from tests.pki import Pki
from tests.unit.publishing.watching.seeing import AT, PKI, SPANS, URL, of, trust, well, worst_of

CHECK = "certificate.ends"


def seen_with(kind: Kind = Kind.FEED, **changes: dict[str, timedelta]) -> Seen:
    """A chain of which one certificate is changed."""
    return well(trust=trust(**{kind: changes}))


def tls(**changes: timedelta) -> x509.Certificate:
    """A web server's certificate."""
    return PKI.certificates(Kind.FEED, None, leaf=changes)["leaf"]


def test_certificates_that_hold_long_enough_are_in_order() -> None:
    """Five of them: two signers, two issuing CAs, one root."""
    results = of(CHECK, well())

    assert [one.grade for one in results.values()] == [Grade.OK] * 5
    assert sorted(subject.rpartition(" ")[0] for subject in results) == [
        "feed signer",
        "issuing CA for feeds",
        "issuing CA for mitigations",
        "mitigation signer",
        "root CA",
    ]


@pytest.mark.parametrize(
    ("who", "left", "grade"),
    [
        ("leaf", timedelta(days=15, hours=1), Grade.OK),
        ("leaf", timedelta(days=15, hours=-1), Grade.WARNING),
        ("ca", timedelta(weeks=15, hours=1), Grade.OK),
        ("ca", timedelta(weeks=15, hours=-1), Grade.WARNING),
        ("root", timedelta(days=456, hours=1), Grade.OK),
        ("root", timedelta(days=456, hours=-1), Grade.WARNING),
    ],
)
def test_the_deeper_a_certificate_the_earlier_the_warning(who: str, left: timedelta, grade: Grade) -> None:
    """15 days for a leaf, 15 weeks for an issuing CA, 15 months for a root, and nothing is stopped."""
    long_ago = {"begins": timedelta(days=-3650)}
    seen = well(
        trust=trust(feed={who: {**long_ago, "ends": left}}, mitigation={"root": {**long_ago, "ends": left}})
        if who == "root"
        else trust(feed={who: {**long_ago, "ends": left}})
    )

    found = worst_of(CHECK, seen)

    assert found.grade is grade
    assert found.stops == NEITHER
    assert bool(found.remedy) is bool(grade)


def test_the_sentence_names_role_subject_fingerprint_and_date() -> None:
    """Whoever reads it need not look anything up."""
    seen = seen_with(leaf={"ends": timedelta(days=9)})
    assert seen.trust is not None
    leaf = seen.trust.chains[Kind.FEED][0]

    found = worst_of(CHECK, seen)

    fingerprint = leaf.fingerprint(hashes.SHA256()).hex()
    assert found.sentence.startswith(
        "the feed signer ends on 2026-05-23 12:30 UTC, in 9 days: CN=feed signer,O=Example Software (serial "
    )
    assert found.sentence.endswith(f"SHA-256 {fingerprint})")
    assert found.subject == f"feed signer {fingerprint[:16]}"
    assert found.value == timedelta(days=9).total_seconds()
    assert "feedsrv key request" in found.remedy


@pytest.mark.parametrize(
    ("who", "kind", "stopped"),
    [
        ("leaf", Kind.FEED, frozenset({Kind.FEED})),
        ("ca", Kind.MITIGATION, frozenset({Kind.MITIGATION})),
        ("leaf", Kind.MITIGATION, frozenset({Kind.MITIGATION})),
    ],
)
def test_an_ended_certificate_stops_what_is_signed_under_it_and_nothing_else(
    who: str, kind: Kind, stopped: frozenset[Kind]
) -> None:
    """An ended mitigation certificate must not starve feeds."""
    found = worst_of(CHECK, seen_with(kind, **{who: {"ends": timedelta(hours=-2)}}))

    assert found.grade is Grade.CRITICAL
    assert found.stops == stopped
    assert "ended on 2026-05-14 10:30 UTC, 2 hours ago" in found.sentence
    assert found.value == -7200


def test_an_ended_root_stops_everything_below_it() -> None:
    """Both kinds of document lead to it."""
    ended = {"root": {"ends": timedelta(hours=-2)}}

    found = worst_of(CHECK, well(trust=trust(feed=ended, mitigation=ended)))

    assert found.grade is Grade.CRITICAL
    assert found.stops == BOTH


def test_a_certificate_that_has_not_begun_is_critical() -> None:
    """Nobody believes what it signs yet."""
    found = worst_of(CHECK, seen_with(leaf={"begins": timedelta(hours=1)}))

    assert found.grade is Grade.CRITICAL
    assert found.stops == {Kind.FEED}
    assert "begins only on 2026-05-14 13:30 UTC" in found.sentence


def test_one_that_ends_before_the_next_feed_could_be_signed_is_critical() -> None:
    """What is published now would be followed by nothing; a shorter lifetime is the way out."""
    seen = seen_with(leaf={"ends": timedelta(hours=23)})

    found = worst_of(CHECK, seen)
    with_shorter = worst_of(CHECK, replace(seen, spans=Spans(timedelta(hours=6), SPANS.keeper_interval)))

    assert found.grade is Grade.CRITICAL
    assert found.stops == {Kind.FEED}
    assert "FEEDSRV_FEED_LIFETIME" in found.remedy
    assert with_shorter.grade is Grade.WARNING


def test_feeds_that_live_long_do_not_stop_publishing_weeks_before_the_end() -> None:
    """A day's notice is the most: a signer of three months may sign feeds of two."""
    seen = seen_with(leaf={"ends": timedelta(days=2)})

    found = worst_of(CHECK, replace(seen, spans=Spans(timedelta(days=60), SPANS.keeper_interval)))

    assert found.grade is Grade.WARNING


def test_a_pinned_root_that_no_signer_leads_to_is_only_warned_of() -> None:
    """Agents pin it in vain; what is published now does not hang on it."""
    other = Pki(at=AT - timedelta(days=4000), organisation="Before").anchor()
    ours = trust()
    policy = replace(ours.policy, anchors=(*ours.policy.anchors, other))

    found = worst_of(CHECK, well(trust=replace(ours, policy=policy)))

    assert found.grade is Grade.WARNING
    assert found.subject.startswith("root CA not in use ")
    assert "Take it out of the anchors" in found.remedy


@pytest.mark.parametrize(
    ("left", "grade"),
    [(timedelta(days=3), Grade.OK), (timedelta(days=1), Grade.WARNING), (timedelta(days=-1), Grade.CRITICAL)],
)
def test_a_web_servers_certificate_of_some_days_is_judged_by_its_own_life(
    left: timedelta, grade: Grade
) -> None:
    """A certificate that is renewed every week must not warn for ever; ended, it cuts agents off."""
    certificate = tls(begins=left - timedelta(days=6), ends=left)

    found = worst_of(CHECK, well(public=PublicSeen(URL, certificate=certificate)))

    assert found.grade is grade
    assert found.stops == NEITHER
    if grade:
        assert found.subject.startswith("TLS server ")


def test_an_ended_time_stamping_authority_is_a_warning() -> None:
    """No protection hangs on it."""
    found = worst_of(CHECK, well(trust=replace(trust(), time_stamping=(tls(ends=timedelta(days=-1)),))))

    assert found.grade is Grade.WARNING
    assert found.subject.startswith("time stamping ")


def second(root: str, ends: timedelta) -> tuple[x509.Certificate, x509.Certificate]:
    """The issuing CA for feeds under another root, and that root."""
    found = PKI.certificates(
        Kind.FEED,
        None,
        root={"common_name": root, "key_name": root, "ends": timedelta(days=5000)},
        ca={"ends": ends},
    )
    return found["ca"], found["root"]


@pytest.mark.parametrize(
    ("first", "other", "grade"),
    [
        (timedelta(hours=-1), timedelta(days=900), Grade.WARNING),
        (timedelta(days=900), timedelta(hours=-1), Grade.WARNING),
        (timedelta(hours=-2), timedelta(hours=-1), Grade.CRITICAL),
    ],
)
def test_of_two_certificates_of_one_ca_the_longer_lasting_counts(
    first: timedelta, other: timedelta, grade: Grade
) -> None:
    """While a root is exchanged, an issuing CA has one under each: agents go by the one that holds."""
    ours = trust(feed={"ca": {"ends": first}})
    bridge, root = second("next root", other)
    chains = {**ours.chains, Kind.FEED: (*ours.chains[Kind.FEED], bridge)}
    policy = replace(ours.policy, anchors=(*ours.policy.anchors, root))

    found = worst_of(CHECK, well(trust=replace(ours, chains=chains, policy=policy)))

    assert found.grade is grade
    assert found.subject.startswith("issuing CA for feeds")
    assert bool(found.stops) is (grade is Grade.CRITICAL)


def test_an_old_root_may_end_once_signers_lead_to_the_next_one_too() -> None:
    """It is warned of, since who pins the old one alone is left behind; nothing is stopped."""
    ours = trust(
        feed={"root": {"ends": timedelta(hours=-1)}}, mitigation={"root": {"ends": timedelta(hours=-1)}}
    )
    bridges = {}
    for kind in Kind:
        found = PKI.certificates(kind, None, root={"common_name": "next root", "key_name": "next root"})
        bridges[kind] = found
    chains = {kind: (*ours.chains[kind], bridges[kind]["ca"]) for kind in Kind}
    policy = replace(ours.policy, anchors=(*ours.policy.anchors, bridges[Kind.FEED]["root"]))

    ended = {
        subject: one
        for subject, one in of(CHECK, well(trust=replace(ours, chains=chains, policy=policy))).items()
        if one.value is not None and one.value < 0
    }

    assert [one.grade for one in ended.values()] == [Grade.WARNING]
    assert next(iter(ended)).startswith("root CA ")
