"""Whether what is held here was signed by a thief: the question on which a version floor falls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from cryptography import x509

from feedsrv.trust.opening import open_feed, signer_is_revoked
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind
from tests.pki import Pki
from tests.unit.trust.cases import Bench

_ABSURD: Final = 999_999_999


def _is_revoked(bench: Bench, data: bytes, *crls: x509.CertificateRevocationList) -> bool:
    return signer_is_revoked(data, bench.pki.policy(crls=crls), kind=Kind.FEED)


def _revoking(bench: Bench, **crl: Any) -> x509.CertificateRevocationList:  # noqa: ANN401 - passed on to Pki.crl
    """The feed CA's list with the feed signer on it."""
    return bench.pki.crl(revoked=[bench.chain()[0].serial_number], **crl)


def test_a_thiefs_floor_falls_with_the_crl_that_revokes_the_signer(bench: Bench) -> None:
    """An absurd version was accepted while nobody knew; afterwards it is known for what it is."""
    stolen = bench.pki.sign_feed(replace(bench.feed, version=_ABSURD))
    assert bench.open(stolen).feed.version == _ABSURD

    assert _is_revoked(bench, stolen, _revoking(bench))


def test_a_revoked_issuing_ca_counts_as_well(bench: Bench) -> None:
    """Whoever stole it made signers of his own."""
    crl = bench.pki.crl(of="root", revoked=[bench.chain()[1].serial_number])

    assert _is_revoked(bench, bench.signed, crl)


def test_nothing_falls_without_a_revocation(bench: Bench) -> None:
    """No list, an empty one, one that revokes others."""
    assert not _is_revoked(bench, bench.signed)
    assert not _is_revoked(bench, bench.signed, bench.pki.crl(), bench.pki.crl(of="root"))
    assert not _is_revoked(bench, bench.signed, bench.pki.crl(revoked=[4711]))


@pytest.mark.parametrize(
    "dates",
    [
        {"begins": timedelta(days=-90), "ends": timedelta(days=-60)},
        {"begins": timedelta(days=30), "ends": timedelta(days=60)},
    ],
    ids=["stale", "not begun"],
)
def test_the_dates_of_the_crl_do_not_matter(bench: Bench, dates: dict[str, timedelta]) -> None:
    """Whoever keeps the newer list away must not keep the floor by that."""
    assert _is_revoked(bench, bench.signed, _revoking(bench, **dates))


@pytest.mark.parametrize("shift", [timedelta(days=-4000), timedelta(days=300)], ids=["before", "long after"])
def test_the_dates_that_the_document_states_do_not_matter(bench: Bench, shift: timedelta) -> None:
    """The thief writes them; a feed of before its certificate began keeps no floor."""
    issued = bench.feed.issued + shift
    feed = replace(bench.feed, issued=issued, expires=issued + timedelta(days=1))

    assert _is_revoked(bench, bench.pki.sign_feed(feed), _revoking(bench))


def test_certificates_that_have_ended_since_hide_nothing(bench: Bench) -> None:
    """An agent may have been switched off for years."""
    long_ago = Pki(at=bench.at - timedelta(days=4000))
    data = long_ago.sign_feed(
        replace(bench.feed, issued=long_ago.at, expires=long_ago.at + timedelta(days=2))
    )
    leaf = long_ago.certificates(Kind.FEED)["leaf"]
    policy = long_ago.policy(crls=(bench.pki.crl(revoked=[leaf.serial_number]),))

    assert signer_is_revoked(data, policy, kind=Kind.FEED)


@pytest.mark.parametrize(
    "forge",
    [
        lambda bench: _revoking(bench, signed_by=("stranger", "rsa2048")),
        lambda bench: _revoking(bench, signed_by=("root", "rsa2048")),
        lambda bench: bench.pki.crl(Kind.MITIGATION, revoked=[bench.chain()[0].serial_number]),
        lambda bench: bench.pki.crl(of="root", revoked=[bench.chain()[0].serial_number]),
        lambda bench: _revoking(bench, extra=[(x509.DeltaCRLIndicator(1), True)]),
    ],
    ids=["a stranger's key", "the root's key", "the other CA's", "the root's", "a delta"],
)
def test_nobody_but_the_issuer_can_bring_it_about(
    bench: Bench, forge: Callable[[Bench], x509.CertificateRevocationList]
) -> None:
    """Otherwise any server could make agents forget what they have seen."""
    assert not _is_revoked(bench, bench.signed, forge(bench))


def test_a_newer_list_without_the_signer_counts_as_it_does_for_documents(bench: Bench) -> None:
    """A document that is still accepted keeps its floor."""
    older = _revoking(bench, begins=timedelta(days=-9))
    newer = bench.pki.crl()

    assert bench.open(bench.signed, crls=(older, newer)).feed == bench.feed
    assert not _is_revoked(bench, bench.signed, older, newer)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda bench: bench.altered(b'version="7"', b'version="8"'),
        lambda bench: bench.unsigned,
        lambda bench: bench.signed_mitigation,
        lambda _: b"not found",
    ],
    ids=["changed", "not signed", "another kind", "no document"],
)
def test_what_proves_nothing_brings_nothing_about(bench: Bench, spoil: Callable[[Bench], bytes]) -> None:
    """It cannot be told who signed it."""
    assert not _is_revoked(bench, spoil(bench), _revoking(bench))


def test_a_chain_to_a_root_that_is_not_pinned_brings_nothing_about(bench: Bench) -> None:
    """A stranger revokes his own certificates as he likes."""
    stranger = Pki(at=bench.at, organisation="Somebody Else")
    leaf = stranger.certificates(Kind.FEED)["leaf"]
    crl = stranger.crl(revoked=[leaf.serial_number])

    assert not _is_revoked(bench, stranger.sign_feed(bench.feed), crl)


def test_a_second_issuing_certificate_that_is_not_revoked_keeps_the_floor(bench: Bench) -> None:
    """Receivers of both roots still accept the document, so nothing falls until both are revoked."""
    leaf, ca, root = bench.chain()
    other: dict[str, Any] = {"root": {"common_name": "next root", "key_name": "next-root"}}
    following = bench.pki.certificates(Kind.FEED, None, **other)
    data = bench.with_certificates(leaf, ca, following["ca"])
    first = bench.pki.crl(of="root", revoked=[ca.serial_number])
    second = bench.pki.crl(of="root", revoked=[following["ca"].serial_number], **other)
    policy = TrustPolicy((root, following["root"]), crls=(first,))

    assert open_feed(data, policy, at=bench.at).proof.anchor == following["root"]
    assert not signer_is_revoked(data, policy, kind=Kind.FEED)
    assert signer_is_revoked(data, replace(policy, crls=(first, second)), kind=Kind.FEED)


def test_a_mitigation_is_asked_in_the_same_way(bench: Bench) -> None:
    """Its kind is asked of document and signer."""
    leaf = bench.pki.certificates(Kind.MITIGATION)["leaf"]
    crl = bench.pki.crl(Kind.MITIGATION, revoked=[leaf.serial_number])
    policy = bench.pki.policy(crls=(crl,))

    assert signer_is_revoked(bench.signed_mitigation, policy, kind=Kind.MITIGATION)
    assert not signer_is_revoked(bench.signed_mitigation, policy, kind=Kind.FEED)
