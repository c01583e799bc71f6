"""Revocation lists: renewed in time, there at all, and nobody else's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509

from feedsrv.publishing.watching.results import BOTH, NEITHER, Grade, Result
from feedsrv.publishing.watching.seen import Seen, StoreSeen
from feedsrv.trust.profile import Kind
from tests.pki import Pki
from tests.unit.publishing.watching.seeing import AT, PKI, crls, of, trust, well, worst_of

CHECK = "crl.ends"


def seen_with(*lists: x509.CertificateRevocationList) -> Seen:
    """A service with these lists and no others."""
    ours = trust()
    return well(trust=replace(ours, policy=replace(ours.policy, crls=lists)))


def about(role: str, seen: Seen) -> Result:
    """What is said of the list of one CA."""
    (found,) = [one for subject, one in of(CHECK, seen).items() if subject.startswith(role)]
    return found


def test_a_fresh_list_of_every_ca_is_in_order() -> None:
    """Of the root and of both issuing CAs."""
    results = of(CHECK, well())

    assert [one.grade for one in results.values()] == [Grade.OK] * 3
    assert {one.value for one in results.values()} == {timedelta(days=30).total_seconds()}


def test_a_list_in_the_last_sixth_of_its_life_is_warned_of() -> None:
    """It was due for renewal long before."""
    root, _, feed = crls()
    soon = PKI.crl(Kind.MITIGATION, begins=timedelta(days=-26), ends=timedelta(days=4))

    found = worst_of(CHECK, seen_with(root, soon, feed))

    assert found.grade is Grade.WARNING
    assert "ends on 2026-05-18 12:30 UTC, in 4 days" in found.sentence
    assert "CN=mitigation CA" in found.sentence


def test_a_list_that_has_ended_stops_what_is_judged_by_it() -> None:
    """Agents refuse new documents under it; those of the other CA go on."""
    root, mitigation, _ = crls()
    ended = PKI.crl(Kind.FEED, begins=timedelta(days=-31), ends=timedelta(days=-1))

    found = worst_of(CHECK, seen_with(root, mitigation, ended))

    assert found.grade is Grade.CRITICAL
    assert found.stops == {Kind.FEED}
    assert "ended on 2026-05-13 12:30 UTC, 24 hours ago, and agents refuse new documents" in found.sentence


def test_an_ended_list_of_the_root_stops_everything() -> None:
    """It judges both issuing CAs."""
    _, mitigation, feed = crls()
    ended = PKI.crl(of="root", begins=timedelta(days=-31), ends=timedelta(days=-1))

    assert worst_of(CHECK, seen_with(ended, mitigation, feed)).stops == BOTH


def test_a_list_that_has_not_begun_is_critical() -> None:
    """Agents do not believe it, and nothing that is judged by it."""
    root, mitigation, _ = crls()

    found = worst_of(CHECK, seen_with(root, mitigation, PKI.crl(Kind.FEED, begins=timedelta(hours=1))))

    assert found.grade is Grade.CRITICAL
    assert "begins only on 2026-05-14 13:30 UTC" in found.sentence


def test_of_two_lists_the_newer_counts() -> None:
    """The old one may lie beside it for a while."""
    older = PKI.crl(Kind.FEED, begins=timedelta(days=-31), ends=timedelta(days=-1))

    assert about("issuing CA for feeds", seen_with(older, *crls())).grade is Grade.OK


def test_a_ca_without_a_list_is_warned_of() -> None:
    """What it takes back would reach nobody."""
    root, mitigation, _ = crls()

    found = about("issuing CA for feeds", seen_with(root, mitigation))

    assert found.grade is Grade.WARNING
    assert "has no revocation list here" in found.sentence
    assert "`feedsrv key crl`" in found.remedy


def test_a_revocation_that_no_list_says_is_critical_and_stops_nothing() -> None:
    """Agents go on believing a stolen key; that the next feed gets out does not make it worse."""
    store = StoreSeen((), None, None, unlisted=("issuing CA for feeds 3fa90c51",))

    found = about("issuing CA for feeds 3fa90c51 (unlisted)", replace(seen_with(*crls()), store=store))

    assert found.grade is Grade.CRITICAL
    assert found.stops == NEITHER
    assert "`feedsrv key crl`" in found.remedy


def test_a_list_in_the_name_of_a_ca_of_ours_by_another_key_is_not_its_list() -> None:
    """The right name does not make it count."""
    root, mitigation, _ = crls()
    forged = PKI.crl(Kind.FEED, signed_by=("stranger", "rsa2048"))

    assert about("issuing CA for feeds", seen_with(root, mitigation, forged)).grade is Grade.WARNING


@pytest.mark.parametrize(
    ("ends", "grade"), [(timedelta(days=30), Grade.OK), (timedelta(hours=-1), Grade.WARNING)]
)
def test_lists_of_cas_that_signed_before_are_looked_at_too(ends: timedelta, grade: Grade) -> None:
    """Documents of theirs may still be listed; nothing that is signed now hangs on them."""
    before = Pki(at=AT, organisation="Before").crl(Kind.FEED, signed_by=("before", "rsa2048"), ends=ends)

    found = about("other CA CN=feed CA,O=Before", seen_with(*crls(), before))

    assert found.grade is grade
    assert found.stops == NEITHER
