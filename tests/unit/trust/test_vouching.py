"""A root is vouched for by a root that is pinned, on purpose, or it is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from feedsrv.signing.issuing import Authority, issue_crl
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import EKU, Kind
from feedsrv.trust.refusals import (
    AnchorUnknownError,
    CertificateExpiredError,
    ChainSignatureError,
    EkuExcludedError,
    IssuerEkuMissingError,
    IssuerRevokedError,
    PathLengthError,
    UntrustedError,
)
from feedsrv.trust.vouching import check_voucher
from tests.rotation import make_ca, make_root, make_voucher

AT: Final = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
YEAR: Final = timedelta(days=365)


@pytest.fixture(scope="module")
def old() -> Authority:
    """The root that agents pin."""
    return make_root("Example Root 1", AT - 8 * YEAR)


@pytest.fixture(scope="module")
def new() -> Authority:
    """The root that follows it."""
    return make_root("Example Root 2", AT)


def judged(
    new: Authority,
    voucher: x509.Certificate,
    *anchors: Authority,
    at: datetime = AT,
    crls: tuple[x509.CertificateRevocationList, ...] = (),
) -> x509.Certificate:
    """As a receiver asks who pins these anchors."""
    policy = TrustPolicy(tuple(one.certificate for one in anchors), crls=crls)
    return check_voucher(new.certificate, voucher, policy, at=at, source="feed")


def test_a_pinned_root_vouches_for_the_next_one(old: Authority, new: Authority) -> None:
    """It is named, among others that are pinned."""
    other = make_root("Somebody's Root", AT)

    vouching = judged(new, make_voucher(new, old, AT), other, old)

    assert vouching == old.certificate


def test_a_root_that_is_not_pinned_vouches_for_nobody(old: Authority, new: Authority) -> None:
    """Whoever has a root of their own could."""
    thief = make_root("Example Root 1", AT)

    with pytest.raises(AnchorUnknownError, match="by no root that is pinned here"):
        judged(new, make_voucher(new, thief, AT), old)


def test_the_holder_of_a_ca_cannot_make_a_root_of_it(old: Authority) -> None:
    """The certificate that it was given has its own name and key, and was issued by a pinned root."""
    ca = make_ca(Kind.FEED, old, AT)
    twin = self_signed_twin(ca)

    with pytest.raises(IssuerEkuMissingError, match="lacks the extended key usages that make it one"):
        judged(twin, ca.certificate, old)


def test_a_root_does_not_vouch_for_itself(old: Authority, new: Authority) -> None:
    """Neither does its own certificate do as a voucher."""
    with pytest.raises(UntrustedError):
        judged(new, new.certificate, old)
    with pytest.raises(UntrustedError):
        judged(old, old.certificate, old)


def test_a_voucher_for_another_name_or_key_is_refused(old: Authority, new: Authority) -> None:
    """Each proves only the one that it is for."""
    namesake = make_root("Example Root 2", AT)

    for other in (make_root("Example Root 3", AT), namesake):
        with pytest.raises(ChainSignatureError, match="another name or key"):
            judged(new, make_voucher(other, old, AT), old)


def test_what_is_vouched_for_must_be_a_root(old: Authority, new: Authority) -> None:
    """Its own key signed it."""
    voucher = make_voucher(new, old, AT)

    with pytest.raises(ChainSignatureError, match="is no root"):
        judged(Authority(voucher, new.private_key), voucher, old)


def test_nobody_vouches_for_longer_than_they_live(old: Authority, new: Authority) -> None:
    """Neither with a voucher that has ended, nor after the pinned root has."""
    voucher = make_voucher(new, old, AT)
    ended = voucher.not_valid_after_utc + timedelta(seconds=1)

    with pytest.raises(CertificateExpiredError):
        judged(new, voucher, old, at=ended)


def test_of_two_certificates_of_one_root_the_one_in_force_counts(old: Authority, new: Authority) -> None:
    """A root that was renewed under its own key may be pinned twice."""
    ended = renewed(old, AT - 9 * YEAR, AT - DAY)
    voucher = make_voucher(new, old, AT)

    assert judged(new, voucher, ended, old) == old.certificate
    with pytest.raises(CertificateExpiredError):
        judged(new, voucher, ended)


def test_an_issuing_ca_for_both_kinds_is_no_voucher(old: Authority) -> None:
    """It permits no CA below itself, so its holder cannot make a root of it either."""
    ca = make_ca(Kind.FEED, old, AT)
    usages = x509.ExtendedKeyUsage(EKU.values())
    both = issued_with(ca, old, usages, x509.BasicConstraints(ca=True, path_length=0))

    with pytest.raises(PathLengthError):
        judged(self_signed_twin(ca), both, old)


@pytest.mark.parametrize("kind", Kind)
def test_a_root_that_is_limited_vouches_for_none_that_is_not(kind: Kind, new: Authority) -> None:
    """Pinned for one kind of document alone, it would else make a root that signs both."""
    made = make_root("Example Root for one kind", AT)
    limits = (x509.ExtendedKeyUsage([EKU[kind]]), x509.BasicConstraints(ca=True, path_length=1))
    limited = Authority(issued_with(made, made, *limits), made.private_key)
    usages = (x509.ExtendedKeyUsage(EKU.values()), x509.BasicConstraints(ca=True, path_length=1))

    with pytest.raises(EkuExcludedError):
        judged(new, issued_with(new, limited, *usages), limited)


def test_a_voucher_can_be_revoked(old: Authority, new: Authority) -> None:
    """By the root that issued it; a list that has ended revokes as well."""
    voucher = make_voucher(new, old, AT)
    crl = issue_crl(old, revoked=[(voucher.serial_number, AT, "key_compromise")], now=AT)

    with pytest.raises(IssuerRevokedError):
        judged(new, voucher, old, at=AT + YEAR, crls=(crl,))
    assert judged(new, voucher, old, crls=(issue_crl(old, now=AT),)) == old.certificate


def issued_with(ca: Authority, by: Authority, *extensions: x509.ExtensionType) -> x509.Certificate:
    """A certificate for that CA's name and key with these extensions beside its key usage."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(ca.certificate.subject)
        .issuer_name(by.certificate.subject)
        .public_key(ca.private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(AT)
        .not_valid_after(AT + YEAR)
    )
    kept = ca.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    for extension in (kept, *extensions):
        is_critical = not isinstance(extension, x509.ExtendedKeyUsage)
        builder = builder.add_extension(extension, critical=is_critical)
    return builder.sign(by.private_key, hashes.SHA256())


def renewed(root: Authority, begins: datetime, ends: datetime) -> Authority:
    """Another certificate of that root's, by its own key."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(root.certificate.subject)
        .issuer_name(root.certificate.subject)
        .public_key(root.private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    for extension in root.certificate.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    return Authority(builder.sign(root.private_key, hashes.SHA256()), root.private_key)


def self_signed_twin(ca: Authority) -> Authority:
    """A root of the same name and key."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(ca.certificate.subject)
        .issuer_name(ca.certificate.subject)
        .public_key(ca.certificate.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ca.certificate.not_valid_before_utc)
        .not_valid_after(ca.certificate.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
    )
    for extension in ca.certificate.extensions:
        if isinstance(extension.value, x509.KeyUsage | x509.SubjectKeyIdentifier):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    return Authority(builder.sign(ca.private_key, hashes.SHA256()), ca.private_key)
