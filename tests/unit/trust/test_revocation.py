"""CRLs that disagree, name a namesake, or say what no calendar knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.trust.refusals import UntrustedError
from tests.pki import key
from tests.unit.trust.cases import Bench


@pytest.mark.parametrize("turned", [False, True], ids=["first", "last"])
def test_of_two_crls_of_one_second_the_one_that_revokes_counts(bench: Bench, turned: bool) -> None:
    """Their order in a folder must not decide whether a thief is believed."""
    revokes = bench.pki.crl(revoked=[bench.chain()[0].serial_number])
    clears = bench.pki.crl()

    with pytest.raises(UntrustedError) as refused:
        bench.open(bench.signed, crls=(clears, revokes) if turned else (revokes, clears))

    assert refused.value.code == "trust.signer_revoked"


def test_the_crl_of_a_namesake_is_passed_over_beside_a_genuine_one(bench: Bench) -> None:
    """A CA that was renewed with another key keeps its name, and both have CRLs."""
    namesake = bench.pki.crl(signed_by=("older feed CA", "rsa2048"))

    assert bench.open(bench.signed, crls=(namesake, bench.pki.crl())).feed == bench.feed


def test_the_crl_of_a_namesake_clears_nobody(bench: Bench) -> None:
    """However new it is, the genuine one decides."""
    namesake = bench.pki.crl(signed_by=("stranger", "rsa2048"), begins=timedelta(hours=-1))
    genuine = bench.pki.crl(revoked=[bench.chain()[0].serial_number])

    with pytest.raises(UntrustedError) as refused:
        bench.open(bench.signed, crls=(namesake, genuine))

    assert refused.value.code == "trust.signer_revoked"


def test_a_revocation_on_a_day_that_does_not_exist_still_counts(bench: Bench) -> None:
    """The date is for people; what is revoked is revoked."""
    crl = _in_the_year_0(bench, bench.chain()[0].serial_number)

    with pytest.raises(UntrustedError) as refused:
        bench.open(bench.signed, crls=(crl,))

    assert refused.value.code == "trust.signer_revoked"


def _in_the_year_0(bench: Bench, serial: int) -> x509.CertificateRevocationList:
    authority = key("feed-ca")
    assert isinstance(authority, rsa.RSAPrivateKey)
    entry = x509.RevokedCertificateBuilder().serial_number(serial)
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(bench.chain()[1].subject)
        .last_update(bench.at)
        .next_update(bench.at + timedelta(days=1))
        .add_revoked_certificate(entry.revocation_date(datetime(2060, 1, 1, tzinfo=UTC)).build())
        .sign(authority, hashes.SHA256())
    )
    body = crl.tbs_certlist_bytes.replace(b"20600101", b"00000101")
    start = crl.public_bytes(Encoding.DER)[: -len(crl.signature)]
    signature = authority.sign(body, padding.PKCS1v15(), hashes.SHA256())
    return x509.load_der_x509_crl(start.replace(b"20600101", b"00000101") + signature)
