"""CRLs that disagree, name a namesake, or say what no calendar knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.trust.profile import Kind
from feedsrv.trust.refusals import UntrustedError
from feedsrv.trust.revocation import crl_is_complete, crl_issued_by
from tests.pki import key
from tests.unchecked import sign_unchecked
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


class TestAListThatBeginsLater:
    """Somebody's clock was far ahead when the CA signed it."""

    LATER: Final[dict[str, Any]] = {"begins": timedelta(days=300), "ends": timedelta(days=330)}

    def test_takes_the_place_of_none_that_is_in_force(self, bench: Bench) -> None:
        """Else nothing new would be accepted until then, whatever list the publisher makes."""
        crls = (bench.pki.crl(), bench.pki.crl(**self.LATER))

        assert bench.open(bench.signed, crls=crls).feed == bench.feed

    def test_does_not_hide_that_the_one_in_force_has_ended(self, bench: Bench) -> None:
        """A list to come is none today."""
        ended = bench.pki.crl(begins=timedelta(days=-40), ends=timedelta(days=-10))

        with pytest.raises(UntrustedError) as refused:
            bench.open(bench.signed, crls=(ended, bench.pki.crl(**self.LATER)))

        assert refused.value.code == "trust.crl_stale"

    @pytest.mark.parametrize("which", ["the early one", "the one in force"])
    def test_revokes_as_the_other_does(self, bench: Bench, which: str) -> None:
        """Whichever says so: its CA signed both."""
        stolen = [bench.chain()[0].serial_number]
        early = bench.pki.crl(revoked=stolen if which == "the early one" else (), **self.LATER)
        in_force = bench.pki.crl(revoked=() if which == "the early one" else stolen)

        with pytest.raises(UntrustedError) as refused:
            bench.open(bench.signed, crls=(early, in_force))

        assert refused.value.code == "trust.signer_revoked"

    def test_is_refused_where_it_stands_alone(self, bench: Bench) -> None:
        """Nobody knows whom the list before it revoked."""
        with pytest.raises(UntrustedError) as refused:
            bench.open(bench.signed, crls=(bench.pki.crl(**self.LATER),))

        assert refused.value.code == "trust.crl_not_yet_valid"


def test_a_delta_is_no_complete_list(bench: Bench) -> None:
    """CAs sign it by the same key."""
    delta = bench.pki.crl(extra=[(x509.DeltaCRLIndicator(3), True)])

    assert crl_is_complete(bench.pki.crl())
    assert not crl_is_complete(delta)


@pytest.mark.parametrize("begins", [timedelta(days=-2), timedelta(hours=-1)], ids=["older", "newer"])
def test_a_delta_hides_no_complete_list_and_shuts_nobody_off(bench: Bench, begins: timedelta) -> None:
    """Whoever serves it beside the complete one changes nothing by it."""
    delta = bench.pki.crl(begins=begins, extra=[(x509.DeltaCRLIndicator(3), True)])
    revokes = bench.pki.crl(revoked=[bench.chain()[0].serial_number])

    assert bench.open(bench.signed, crls=(delta, bench.pki.crl())).feed == bench.feed
    with pytest.raises(UntrustedError) as refused:
        bench.open(bench.signed, crls=(delta, revokes))
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


def _named(key_name: str) -> list[tuple[x509.ExtensionType, bool]]:
    """A CRL's word for the key that signed it."""
    public = key(key_name).public_key()
    return [(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), False)]


class TestAReKeyedCa:
    """A CA of the same name with a new key: each has its list, and neither hides the other."""

    OLD: Final[dict[str, Any]] = {
        "ca": {"key_name": "older feed CA"},
        "leaf": {"key_name": "older feed leaf"},
    }

    def _old(self, bench: Bench, **crl: Any) -> x509.CertificateRevocationList:  # noqa: ANN401 - passed on to Pki.crl
        return bench.pki.crl(extra=_named("older feed CA"), **self.OLD, **crl)

    def _document(self, bench: Bench) -> bytes:
        signer = bench.pki.signer(Kind.FEED, None, **self.OLD)
        return sign_unchecked(bench.unsigned, signer.private_key, signer.chain)

    def test_the_old_keys_list_alone_says_nothing_of_the_new_key(self, bench: Bench) -> None:
        """It names the key that signed it, and so is nobody's forgery."""
        old = self._old(bench, ends=timedelta(hours=-1))

        assert bench.open(bench.signed, crls=(old,)).feed == bench.feed

    def test_each_list_counts_for_its_own_certificates(self, bench: Bench) -> None:
        """Whatever their order and age: a stale one of the other key, too, is passed over."""
        documents = {"old": self._document(bench), "new": bench.signed}
        leaves = {
            "old": bench.pki.certificates(Kind.FEED, None, **self.OLD)["leaf"],
            "new": bench.chain()[0],
        }
        for revoked in ("old", "new"):
            serials = [leaves[revoked].serial_number]
            old = self._old(bench, revoked=serials, begins=timedelta(hours=-2))
            new = bench.pki.crl(revoked=serials, extra=_named("feed-ca"))
            for crls in permutations((old, new)):
                for name, data in documents.items():
                    code = None
                    try:
                        bench.open(data, crls=crls)
                    except UntrustedError as refusal:
                        code = refusal.code
                    assert code == ("trust.signer_revoked" if name == revoked else None)

    def test_a_list_in_the_name_of_this_key_that_it_did_not_sign_is_forged(self, bench: Bench) -> None:
        """Naming the key does not help a stranger."""
        forged = bench.pki.crl(signed_by=("stranger", "rsa2048"), extra=_named("feed-ca"))

        with pytest.raises(UntrustedError) as refused:
            bench.open(bench.signed, crls=(forged,))

        assert refused.value.code == "trust.crl_forged"

    def test_a_list_that_this_key_signed_counts_whatever_key_it_names(self, bench: Bench) -> None:
        """A CA's mistake in its own list must not undo a revocation."""
        crl = bench.pki.crl(revoked=[bench.chain()[0].serial_number], extra=_named("older feed CA"))

        with pytest.raises(UntrustedError) as refused:
            bench.open(bench.signed, crls=(crl,))

        assert refused.value.code == "trust.signer_revoked"

    def test_a_certificate_may_call_its_key_as_it_likes(self, bench: Bench) -> None:
        """Some CAs compute the identifier in another way; their lists name it as their certificate does."""
        own = b"a name for a key"
        changes: dict[str, Any] = {
            "ca": {"subject_key": False, "extra": ((x509.SubjectKeyIdentifier(own), False),)},
        }
        signer = bench.pki.signer(Kind.FEED, None, **changes)
        data = sign_unchecked(bench.unsigned, signer.private_key, signer.chain)
        serial = signer.chain[0].serial_number
        crl = bench.pki.crl(
            revoked=[serial], extra=[(x509.AuthorityKeyIdentifier(own, None, None), False)], **changes
        )

        with pytest.raises(UntrustedError) as refused:
            bench.open(data, crls=(crl,))

        assert refused.value.code == "trust.signer_revoked"


class TestWhoseListItIs:
    """By name, key and right, before anything in it counts."""

    def test_its_issuers(self, bench: Bench) -> None:
        """And that of any other certificate for the same name and key."""
        renewed = bench.pki.certificates(Kind.FEED, None, ca={"ends": timedelta(days=9)})["ca"]

        assert crl_issued_by(bench.pki.crl(), bench.chain()[1])
        assert crl_issued_by(bench.pki.crl(ends=timedelta(hours=-1)), renewed)

    @pytest.mark.parametrize(
        "changes", [{"key_name": "stranger"}, {"common_name": "another"}, {"usage": {"key_cert_sign"}}]
    )
    def test_nobody_elses(self, bench: Bench, changes: dict[str, Any]) -> None:
        """Another key, another name, or no right to sign lists."""
        other = bench.pki.certificates(Kind.FEED, None, ca=changes)["ca"]

        assert not crl_issued_by(bench.pki.crl(), other)
        assert not crl_issued_by(bench.pki.crl(), bench.chain()[2])

    def test_not_that_of_a_certificate_that_cannot_be_read(self, bench: Bench) -> None:
        """A stranger's certificate ends no sync."""
        strange = x509.UnrecognizedExtension(
            x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24"), bytes.fromhex("3003020163")
        )
        ca = bench.pki.certificates(Kind.FEED, None, ca={"extra": ((strange, False),)})["ca"]

        assert not crl_issued_by(bench.pki.crl(), ca)
