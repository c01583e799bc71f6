from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any, Final

import pytest
from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from feedsrv.signing.issuing import Authority
from feedsrv.trust.profile import EKU, Kind
from feedsrv.trust.refusals import SignatureMissingError
from feedsrv.trust.timestamps import (
    MOST_BYTES,
    TimestampAuthorityError,
    TimestampMalformedError,
    TimestampOtherDataError,
    TimestampRefusedError,
    TimestampSignatureError,
    certificates_of,
    signature_value,
    verify_token,
)
from tests.authorities import make_root
from tests.pki import Pki, sample_feed, sample_mitigation
from tests.time_stamping import (
    StampingAuthority,
    ca_between,
    certificate_for_tsa,
    query_for,
    token_of,
)

DATA: Final = b"the value of a signature"


_PKI: Final = Pki()
_MITIGATION: Final = _PKI.sign_mitigation(sample_mitigation(_PKI.at))


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> StampingAuthority:
    """A time-stamping authority that works; asked without HTTP."""
    return StampingAuthority(tmp_path_factory.mktemp("tsa"))


class TestVerifyingOffline:
    """What a token proves, years later, with nothing but the roots at hand."""

    def test_a_chain_in_openssls_order_is_read(self, tsa: StampingAuthority, tmp_path: Path) -> None:
        """OpenSSL does not sort certificates as DER wants; half of the world's authorities run on it."""
        other = make_root("beside").certificate
        chained = StampingAuthority(tmp_path / "tsa", chain=(tsa.root.certificate, other))
        token = token_of(chained.reply(query_for(DATA)))

        assert verify_token(token, DATA, chained.anchors, source="t").der == token

    @pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
    def test_whatever_digest_names_its_certificate(self, tmp_path: Path, digest: str) -> None:
        """RFC 3161 began with SHA-1 there, RFC 5816 took others."""
        tsa = StampingAuthority(tmp_path / "tsa", certificate_digest=digest)

        found = verify_token(token_of(tsa.reply(query_for(DATA))), DATA, tsa.anchors, source="t")

        assert found.authority == "CN=Example Time time-stamping authority,O=Example Time"

    @pytest.mark.parametrize(("digest", "accepted"), [("sha1", False), ("sha384", True), ("sha512", True)])
    def test_it_must_be_signed_over_sha2(self, tmp_path: Path, digest: str, *, accepted: bool) -> None:
        """SHA-1 can be made to say two things."""
        tsa = StampingAuthority(tmp_path / "tsa", signer_digest=digest)
        token = token_of(tsa.reply(query_for(DATA)))

        if accepted:
            assert verify_token(token, DATA, tsa.anchors, source="t").der == token
        else:
            with pytest.raises(TimestampSignatureError, match="signed over sha1"):
                verify_token(token, DATA, tsa.anchors, source="t")

    def test_an_authority_whose_certificate_had_ended(self, tsa: StampingAuthority) -> None:
        """As of the time in the token: what it says then is worth nothing."""
        token = token_of(tsa.reply(query_for(DATA), by="ended"))

        with pytest.raises(TimestampAuthorityError, match="expired at"):
            verify_token(token, DATA, tsa.anchors, source="t")

    def test_an_authority_that_nobody_pinned(self, tsa: StampingAuthority) -> None:
        """The message names the issuer that is not trusted."""
        token = token_of(tsa.reply(query_for(DATA)))

        with pytest.raises(
            TimestampAuthorityError, match=r"'CN=Example stamping root root CA.*is not trusted"
        ):
            verify_token(token, DATA, [make_root("somebody else").certificate], source="t")

    @pytest.mark.parametrize(
        ("usages", "critical", "said"),
        [
            ([], True, "has no extended key usage"),
            ([ExtendedKeyUsageOID.SERVER_AUTH], True, "lacks the extended key usage"),
            (
                [ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING],
                True,
                "codeSigning.*beside 1.3.6.1.5.5.7.3.8",
            ),
            ([ExtendedKeyUsageOID.TIME_STAMPING], False, "as critical"),
        ],
        ids=["absent", "another", "one more", "not critical"],
    )
    def test_a_certificate_that_is_not_for_time_stamping(
        self, tsa: StampingAuthority, usages: list[x509.ObjectIdentifier], said: str, *, critical: bool
    ) -> None:
        """RFC 3161: that usage alone, and critical. The message names certificate and usage."""
        tsa.add("careless", certificate_for_tsa(tsa.root, usages, critical=critical))
        token = token_of(tsa.reply_by_hand(query_for(DATA), by="careless"))

        with pytest.raises(TimestampAuthorityError, match=f"CN=Careless Time.*{said}"):
            verify_token(token, DATA, tsa.anchors, source="t")

    @pytest.mark.parametrize(
        ("usages", "said"),
        [
            (None, None),
            ([ExtendedKeyUsageOID.TIME_STAMPING], None),
            ([EKU[Kind.FEED]], "feed signing"),
        ],
    )
    def test_a_ca_between_is_judged_like_the_root(
        self, tmp_path: Path, usages: list[x509.ObjectIdentifier] | None, said: str | None
    ) -> None:
        """It comes with the token, and must not be limited to something else."""
        tsa = StampingAuthority(tmp_path / "tsa")
        between = ca_between(tsa.root, usages)
        tsa.chain = (between.certificate,)
        tsa.add("below", certificate_for_tsa(between, [ExtendedKeyUsageOID.TIME_STAMPING]))
        token = token_of(tsa.reply(query_for(DATA), by="below"))

        if said is None:
            assert verify_token(token, DATA, tsa.anchors, source="t").der == token
        else:
            with pytest.raises(TimestampAuthorityError, match=f"is limited to .*{said}"):
                verify_token(token, DATA, tsa.anchors, source="t")

    def test_a_ca_between_that_had_ended(self, tmp_path: Path) -> None:
        """As of the time in the token, like all others; the message names it."""
        tsa = StampingAuthority(tmp_path / "tsa")
        between = ca_between(tsa.root, days=-1)
        tsa.chain = (between.certificate,)
        tsa.add("below", certificate_for_tsa(between, [ExtendedKeyUsageOID.TIME_STAMPING]))
        token = token_of(tsa.reply(query_for(DATA), by="below"))

        with pytest.raises(TimestampAuthorityError, match=r"CA CN=Between.*expired at"):
            verify_token(token, DATA, tsa.anchors, source="t")

    def test_two_certificates_of_one_number_are_one_too_many(self, tsa: StampingAuthority) -> None:
        """No CA gives a number twice; somebody wants two readers to see two authorities."""
        token: Any = tsp.TimeStampResp.load(tsa.reply(query_for(DATA)))["time_stamp_token"]
        stranger = Authority(tsa.root.certificate, make_root("stranger").private_key)
        number = tsa.certificates["good"].serial_number
        usages = [ExtendedKeyUsageOID.TIME_STAMPING]
        forged = certificate_for_tsa(stranger, usages, number=number)
        token["content"]["certificates"].append(
            cms.CertificateChoices.load(forged.public_bytes(Encoding.DER))
        )

        with pytest.raises(TimestampAuthorityError, match="of 2 certificates in it, 2 could be"):
            verify_token(token.dump(force=True), DATA, tsa.anchors, source="t")

    def test_its_certificates_can_be_looked_at(self, tmp_path: Path) -> None:
        """The authority's own first, whatever the order in the token."""
        tsa = StampingAuthority(tmp_path / "tsa")
        tsa.chain = (tsa.root.certificate, make_root("beside").certificate)

        first, *others = certificates_of(token_of(tsa.reply(query_for(DATA))), source="t")

        assert first == tsa.certificates["good"]
        assert set(others) == set(tsa.chain)

    def test_a_certificate_that_may_sign_certificates(self, tsa: StampingAuthority) -> None:
        """Key usage counts, too."""
        usages = [ExtendedKeyUsageOID.TIME_STAMPING]
        tsa.add("careless", certificate_for_tsa(tsa.root, usages, usage="key_cert_sign"))
        token = token_of(tsa.reply_by_hand(query_for(DATA), by="careless"))

        with pytest.raises(TimestampAuthorityError, match="key usage"):
            verify_token(token, DATA, tsa.anchors, source="t")

    def test_another_certificate_of_the_same_key_cannot_step_in(self, tsa: StampingAuthority) -> None:
        """The one that was meant is named inside what is signed."""
        token: Any = tsp.TimeStampResp.load(tsa.reply(query_for(DATA)))["time_stamp_token"]
        twin = _twin(tsa)
        token["content"]["certificates"] = cms.CertificateSet([twin])
        token["content"]["signer_infos"][0]["sid"] = cms.SignerIdentifier(
            "issuer_and_serial_number",
            {"issuer": twin.chosen.issuer, "serial_number": twin.chosen.serial_number},
        )

        with pytest.raises(TimestampSignatureError, match="does not name"):
            verify_token(token.dump(force=True), DATA, tsa.anchors, source="t")

    def test_a_token_without_its_certificate(self, tsa: StampingAuthority) -> None:
        """Nobody could verify it later."""
        token: Any = tsp.TimeStampResp.load(tsa.reply(query_for(DATA)))["time_stamp_token"]
        token["content"]["certificates"] = cms.CertificateSet([])

        with pytest.raises(TimestampRefusedError):
            verify_token(token.dump(force=True), DATA, tsa.anchors, source="t")

    def test_other_data(self, tsa: StampingAuthority) -> None:
        """The message says that the document is another one, not that the token is forged."""
        with pytest.raises(TimestampOtherDataError, match="the very document"):
            verify_token(token_of(tsa.reply(query_for(DATA))), b"other", tsa.anchors, source="t")

    def test_no_changed_byte_changes_what_it_says(self, tsa: StampingAuthority) -> None:
        """Every byte in turn: the token is refused in our own words, or says what it said before."""
        good = token_of(tsa.reply(query_for(DATA)))
        wanted = verify_token(good, DATA, tsa.anchors, source="t")
        accepted = 0

        for position in range(len(good)):
            changed = good[:position] + bytes([good[position] ^ 0x41]) + good[position + 1 :]
            try:
                found = verify_token(changed, DATA, tsa.anchors, source="t")
            except TimestampRefusedError:
                continue
            accepted += 1
            assert (found.at, found.authority) == (wanted.at, wanted.authority)

        # What stands outside of what is signed: a version, the name of the algorithm of the signature.
        assert accepted < 20

    @pytest.mark.parametrize("data", [b"", b"\x30", b"<html>", bytes(200), b"\x30\x82\xff\xff"])
    def test_what_is_no_token(self, tsa: StampingAuthority, data: bytes) -> None:
        """Whatever lies where a token was kept."""
        with pytest.raises(TimestampMalformedError, match=r"^kept: there is no RFC 3161 token"):
            verify_token(data, DATA, tsa.anchors, source="kept")

    def test_one_that_is_larger_than_any(self, tsa: StampingAuthority) -> None:
        """It is not even read."""
        with pytest.raises(TimestampMalformedError, match="are more than a time-stamp has"):
            verify_token(bytes(MOST_BYTES + 1), DATA, tsa.anchors, source="t")

    @pytest.mark.parametrize("document", [_PKI.sign_feed(sample_feed(_PKI.at)), _MITIGATION])
    def test_the_value_of_a_signature_is_what_the_key_made(self, document: bytes) -> None:
        """Of feeds and mitigations; the bytes, not their base64."""
        value = signature_value(document)

        assert b64encode(value).decode() in document.decode().replace("\n", "")
        assert len(value) == 256

    def test_the_value_of_a_signature_that_is_not_there(self) -> None:
        """A document that nobody signed has none."""
        with pytest.raises(SignatureMissingError):
            signature_value(b'<Mitigation xmlns="urn:feedsrv:mitigation:1"/>')


def _twin(tsa: StampingAuthority) -> Any:  # noqa: ANN401 -- its classes are made at run time
    """A second, equally good certificate of the authority's key."""
    twin = StampingAuthority(tsa.folder / "twin", root=tsa.root).certificates["good"]
    return cms.CertificateChoices.load(twin.public_bytes(Encoding.DER))
